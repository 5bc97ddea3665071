/** Begin as somebody new on this phone: what the old volunteer had not sent is set aside, with the reason. */

import { database } from "./database";
import { forgetCards } from "./decks";
import { rejection } from "./outbox";
import { beginAnew } from "./volunteer";

export async function startOver(detail: string): Promise<void> {
  const change = (await database()).transaction(["swipes", "retractions", "replies", "facts"], "readwrite");
  const swipes = change.objectStore("swipes");
  for (const id of await swipes.index("state").getAllKeys("settled")) await swipes.delete(id);
  for (const swipe of await swipes.index("state").getAll("waiting")) {
    await swipes.put({ ...swipe, state: "set_aside", verdict: rejection(swipe.id, detail) });
  }
  await change.objectStore("retractions").clear();
  await change.objectStore("replies").clear();
  await change.objectStore("facts").delete("push subscription");
  await change.done;
  await forgetCards();
  await beginAnew();
}
