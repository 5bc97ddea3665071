/** Web push: asked for only when somebody wants to be told that there is more, and ended in the settings. */

import { dropFact, fact, setFact } from "../store/database";
import { ensureToken, token } from "../store/volunteer";
import { ask } from "./http";
import { language } from "./language.svelte";
import type { PushKey, PushSubscriptionReply } from "./types";

const FACT = "push subscription";

/** A worker that is not there by then will not come: it could not be registered. */
const PATIENCE_MS = 5_000;

export type Wish = "told" | "denied" | "failed";

export function canBeTold(): boolean {
  return "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
}

/** Ask for the device's permission, subscribe, and leave the wish to be told of more in a workflow. */
export async function askToBeTold(workflow: number): Promise<Wish> {
  try {
    if ((await Notification.requestPermission()) !== "granted") return "denied";
    const bearer = await ensureToken();
    await tell(await subscribe(), bearer);
    await ask(`/v1/workflows/${workflow}/wishes`, { method: "POST", token: bearer });
    return "told";
  } catch {
    return "failed";
  }
}

export async function isSubscribed(): Promise<boolean> {
  return (await fact<string>(FACT)) !== undefined;
}

/** Tell the service of this browser's subscription again: it may have been renewed, or be somebody else's by now. */
export async function renewSubscription(): Promise<void> {
  const bearer = await token();
  if (!canBeTold() || bearer === null || !(await isSubscribed())) return;
  const subscription = await (await worker()).pushManager.getSubscription();
  if (subscription) await tell(subscription, bearer);
}

/** Be told nothing any more. */
export async function unsubscribe(): Promise<void> {
  const [id, bearer] = [await fact<string>(FACT), await token()];
  await dropFact(FACT);
  await (await (await worker()).pushManager.getSubscription())?.unsubscribe();
  if (id && bearer) await ask(`/v1/push/subscriptions/${id}`, { method: "DELETE", token: bearer });
}

async function worker(): Promise<ServiceWorkerRegistration> {
  const never = new Promise<never>((_, fail) => setTimeout(() => fail(new Error("no service worker")), PATIENCE_MS));
  return Promise.race([navigator.serviceWorker.ready, never]);
}

async function subscribe(): Promise<PushSubscription> {
  const { public_key } = await ask<PushKey>("/v1/push");
  const { pushManager } = await worker();
  const known = await pushManager.getSubscription();
  return known ?? pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: public_key });
}

async function tell(subscription: PushSubscription, bearer: string): Promise<void> {
  const { endpoint, keys } = subscription.toJSON();
  const body = { endpoint: endpoint!, p256dh: keys!["p256dh"]!, auth: keys!["auth"]!, language: language.code };
  const reply = await ask<PushSubscriptionReply>("/v1/push/subscriptions", { method: "POST", token: bearer, body });
  await setFact(FACT, reply.id);
}
