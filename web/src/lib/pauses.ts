/** How long to wait before something is tried again: longer each time, spread by chance, and as long as was asked for. */

const LONGEST_MS = 60_000;

/** Return the pause after so many failures in a row, in ms; `wanted` is what the service asked for. */
export function pauseAfter(failures: number, firstMs: number, wanted: number): number {
  const longest = Math.min(firstMs * 2 ** (failures - 1), LONGEST_MS);
  return Math.max(wanted, longest * (0.5 + Math.random() / 2));
}
