/** Which page is shown, by the address. */

export type Route =
  | { page: "projects" }
  | { page: "project"; slug: string }
  | { page: "swipe"; slug: string; workflow: number }
  | { page: "guide"; slug: string }
  | { page: "you"; slug: string }
  | { page: "subject"; subject: string }
  | { page: "settings" }
  | { page: "join" }
  | { page: "account" }
  | { page: "desk"; slug: string; view?: string; volunteer?: string }
  | { page: "unknown" };

const SLUG = "([a-z0-9]+(?:-[a-z0-9]+)*)";

const TABLE: [RegExp, (found: string[]) => Route][] = [
  [/^\/$/, () => ({ page: "projects" })],
  [new RegExp(`^/p/${SLUG}$`), ([slug]) => ({ page: "project", slug: slug! })],
  [new RegExp(`^/p/${SLUG}/([1-9][0-9]{0,9})$`), ([slug, id]) => ({ page: "swipe", slug: slug!, workflow: Number(id) })],
  [new RegExp(`^/p/${SLUG}/guide$`), ([slug]) => ({ page: "guide", slug: slug! })],
  [new RegExp(`^/p/${SLUG}/you$`), ([slug]) => ({ page: "you", slug: slug! })],
  [/^\/s\/(S[1-9][0-9]{0,17})$/, ([subject]) => ({ page: "subject", subject: subject! })],
  [/^\/settings$/, () => ({ page: "settings" })],
  [/^\/join$/, () => ({ page: "join" })],
  [/^\/account$/, () => ({ page: "account" })],
  [
    new RegExp(`^/desk/${SLUG}(?:/(ledger|reports|people(?:/(V[1-9][0-9]{0,17}))?))?$`),
    ([slug, view, volunteer]) => ({ page: "desk", slug: slug!, view, volunteer }),
  ],
];

export function routeOf(path: string): Route {
  const plain = path.length > 1 ? path.replace(/\/+$/, "") : path;
  for (const [pattern, route] of TABLE) {
    const found = pattern.exec(plain);
    if (found) return route(found.slice(1));
  }
  return { page: "unknown" };
}

export const router: { path: string; route: Route } = $state({
  path: location.pathname,
  route: routeOf(location.pathname),
});

function follow(): void {
  if (router.path === location.pathname) return;
  Object.assign(router, { path: location.pathname, route: routeOf(location.pathname) });
}

let stale = false;

/** Another edition of the client has taken over: the next page is loaded anew, since this one's parts may be gone. */
export function isStale(): void {
  stale = true;
}

export function go(path: string, { replace = false } = {}): void {
  if (path === location.pathname) return;
  if (stale) return location.assign(path);
  history[replace ? "replaceState" : "pushState"]({ inside: true }, "", path);
  follow();
  scrollTo(0, 0);
}

/** Back to where the volunteer came from; where that was outside, to a page of ours. */
export function back(otherwise: string): void {
  if ((history.state as { inside?: boolean } | null)?.inside) history.back();
  else go(otherwise, { replace: true });
}

/** Take over the links of our own pages. Returns a function that gives them back. */
export function routeLinks(): () => void {
  const click = (event: MouseEvent) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest("a");
    if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
    if (routeOf(link.pathname).page === "unknown") return;
    if (link.hash && link.pathname === location.pathname) return; // a place on this page
    event.preventDefault();
    go(link.pathname);
  };
  addEventListener("click", click);
  addEventListener("popstate", follow);
  return () => {
    removeEventListener("click", click);
    removeEventListener("popstate", follow);
  };
}
