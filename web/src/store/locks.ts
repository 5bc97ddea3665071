/**
 * One at a time, over all tabs and the service worker (Web Locks). Pages without HTTPS have no such locks: there it is
 * one at a time in each tab, and the service sees to it that nothing counts twice.
 */

const waiting = new Map<string, Promise<unknown>>();

/** Do something while nobody else does the same; wait for one's turn. */
export async function alone<Result>(name: string, act: () => Promise<Result>): Promise<Result> {
  if ("locks" in navigator) return (await navigator.locks.request(`chaffinch ${name}`, act)) as Result;
  const mine = (waiting.get(name) ?? Promise.resolve()).then(act, act);
  waiting.set(
    name,
    mine.catch(() => undefined),
  );
  return mine;
}
