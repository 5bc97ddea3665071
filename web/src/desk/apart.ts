/** Keeps a name or number in its own order within a line of another direction. */
export function apart(text: string): string {
  return `\u2068${text}\u2069`;
}
