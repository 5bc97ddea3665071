/** One at a time, over all tabs and the service worker (Web Locks). */

/** Do something while nobody else does the same; wait for one's turn. */
export async function alone<Result>(name: string, act: () => Promise<Result>): Promise<Result> {
  return (await navigator.locks.request(`chaffinch ${name}`, act)) as Result;
}

/** Do something unless somebody is at it already. */
export async function unlessBusy(name: string, act: () => Promise<void>): Promise<void> {
  await navigator.locks.request(`chaffinch ${name}`, { ifAvailable: true }, async (lock) => {
    if (lock !== null) await act();
  });
}
