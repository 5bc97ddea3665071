/** Web push: asked for only when somebody wants to be told that there is more. */

import { ask } from "./http";
import { language } from "./language.svelte";
import type { PushKey, PushSubscriptionReply } from "./types";
import { dropFact, fact, setFact } from "../store/database";
import { ensureToken } from "../store/volunteer";

const FACT = "push subscription";

export function canBeTold(): boolean {
  return "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
}

/** Ask for the device's permission, subscribe, and leave the wish. Returns whether all of it worked. */
export async function askToBeTold(workflow: number): Promise<boolean> {
  try {
    if ((await Notification.requestPermission()) !== "granted") return false;
    const bearer = await ensureToken();
    const subscription = await subscribe();
    const body = { ...keysOf(subscription), language: language.code };
    const reply = await ask<PushSubscriptionReply>("/v1/push/subscriptions", { method: "POST", token: bearer, body });
    await setFact(FACT, reply.id);
    await ask(`/v1/workflows/${workflow}/wishes`, { method: "POST", token: bearer });
    return true;
  } catch {
    return false;
  }
}

export async function isSubscribed(): Promise<boolean> {
  return (await fact<string>(FACT)) !== undefined;
}

/** Be told nothing any more. */
export async function unsubscribe(): Promise<void> {
  const id = await fact<string>(FACT);
  const registration = await navigator.serviceWorker.getRegistration();
  await (await registration?.pushManager.getSubscription())?.unsubscribe();
  if (id) await ask(`/v1/push/subscriptions/${id}`, { method: "DELETE", token: await ensureToken() }).catch(() => undefined);
  await dropFact(FACT);
}

async function subscribe(): Promise<PushSubscription> {
  const { public_key } = await ask<PushKey>("/v1/push");
  const registration = await navigator.serviceWorker.ready;
  const known = await registration.pushManager.getSubscription();
  return known ?? registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: public_key });
}

function keysOf(subscription: PushSubscription): { endpoint: string; p256dh: string; auth: string } {
  const { endpoint, keys } = subscription.toJSON();
  return { endpoint: endpoint!, p256dh: keys!["p256dh"]!, auth: keys!["auth"]! };
}
