/// <reference lib="webworker" />
/**
 * The service worker: the client without a network, swipes that go when their page is gone, and messages.
 *
 * The shell is kept by edition and taken from here first; a new edition waits until a page asks it to take over.
 * Pictures never change, so what is here once is never asked for again. Everything else is the network's.
 */

import { database } from "../store/database";
import { release, send } from "../store/outbox";

declare const self: ServiceWorkerGlobalScope;
declare const __SHELL__: string[];
declare const __EDITION__: string;

const SHELL = `shell ${__EDITION__}`;
const PICTURES = "pictures";

/** More pictures than this are not kept: the oldest go, but for those of cards that this phone holds. */
const MOST_PICTURES = 400;

const PAGE = /^\/$|^\/(p|s)\/|^\/(settings|join)$/;

self.addEventListener("install", (event) => {
  const wanted = ["/", ...__SHELL__].map((url) => new Request(url, { cache: "reload" }));
  event.waitUntil(caches.open(SHELL).then((cache) => cache.addAll(wanted)));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      const old = (await caches.keys()).filter((name) => name.startsWith("shell ") && name !== SHELL);
      await Promise.all(old.map((name) => caches.delete(name)));
      await self.clients.claim();
    })(),
  );
});

self.addEventListener("message", (event) => {
  if (event.data === "take over") void self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (request.mode === "navigate" && PAGE.test(url.pathname)) event.respondWith(fromShell("/", request));
  else if (__SHELL__.includes(url.pathname)) event.respondWith(fromShell(url.pathname, request));
  else if (url.pathname.startsWith("/media/") && !request.headers.has("range")) event.respondWith(picture(request));
});

async function fromShell(path: string, request: Request): Promise<Response> {
  return (await (await caches.open(SHELL)).match(path)) ?? fetch(request);
}

async function picture(request: Request): Promise<Response> {
  const cache = await caches.open(PICTURES);
  const known = await cache.match(request.url, { ignoreVary: true });
  if (known) return known;
  const reply = await fetch(request);
  if (reply.ok && reply.type === "basic" && (reply.headers.get("content-type") ?? "").startsWith("image/")) {
    await cache.put(request.url, reply.clone()).catch(() => undefined);
    void thinOut(cache);
  }
  return reply;
}

async function thinOut(cache: Cache): Promise<void> {
  const kept = await cache.keys();
  if (kept.length <= MOST_PICTURES) return;
  const cards = await (await database()).getAll("cards");
  const wanted = new Set(cards.flatMap((card) => card.locations.map(({ url }) => new URL(url, self.location.origin).href)));
  const old = kept.filter((request) => !wanted.has(request.url));
  for (const request of old.slice(0, kept.length - MOST_PICTURES)) await cache.delete(request);
}

interface SyncEvent extends ExtendableEvent {
  readonly tag: string;
}

self.addEventListener("sync" as keyof ServiceWorkerGlobalScopeEventMap, ((event: SyncEvent) => {
  // No page may be left to undo anything. Where it fails, the browser tries again when it sees fit.
  if (event.tag === "swipes") event.waitUntil(release().then(() => send()));
}) as EventListener);

interface Message {
  title: string;
  body: string;
  url: string;
  tag: string;
}

self.addEventListener("push", (event) => {
  const message = event.data?.json() as Message | undefined;
  if (!message) return;
  const { title, body, url, tag } = message;
  const looks = { dir: "auto", icon: "/icons/192.png", badge: "/icons/badge.png" } as const;
  event.waitUntil(self.registration.showNotification(title, { body, tag, data: { url }, ...looks }));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const { url } = event.notification.data as { url: string };
  event.waitUntil(show(new URL(url, self.location.origin)));
});

/** Show a page of ours in a window that is open already, or in a new one. */
async function show(url: URL): Promise<void> {
  if (url.origin !== self.location.origin) return;
  const [open] = await self.clients.matchAll({ type: "window" });
  if (open) {
    await open.focus();
    await open.navigate(url.href);
  } else {
    await self.clients.openWindow(url.href);
  }
}
