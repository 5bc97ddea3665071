/**
 * One at a time, over all tabs and the service worker (Web Locks). To a page that came over plain HTTP a browser gives
 * none: there it is one at a time within the page. Two tabs may then send the same swipe, which counts once, or show
 * the same card.
 */

const PREFIX = "chaffinch ";
const locks: LockManager | undefined = navigator.locks;

const turns = new Map<string, Promise<unknown>>();
const kept = new Set<string>();

/** Do something while nobody else does the same; wait for one's turn. */
export async function alone<Result>(name: string, act: () => Promise<Result>): Promise<Result> {
  if (locks) return (await locks.request(PREFIX + name, act)) as Result;
  const turn = (turns.get(name) ?? Promise.resolve()).then(act, act);
  turns.set(name, turn);
  return turn;
}

/** Take the lock of a name and hold it for as long as this page lives; false if another page has it. */
export function keep(name: string): Promise<boolean> {
  if (!locks) {
    kept.add(name);
    return Promise.resolve(true);
  }
  return new Promise((done) => {
    void locks.request(PREFIX + name, { ifAvailable: true }, (lock) => {
      done(lock !== null);
      return lock === null ? undefined : new Promise<never>(() => undefined);
    });
  });
}

/** The names that are held now. */
export async function heldNames(): Promise<string[]> {
  if (!locks) return [...kept];
  const { held = [] } = await locks.query();
  return held.flatMap(({ name }) => (name?.startsWith(PREFIX) ? [name.slice(PREFIX.length)] : []));
}
