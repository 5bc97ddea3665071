/** An invitation by a link: its secret, kept until somebody has joined by it, also over a login that leads elsewhere. */

import { ask, Problem } from "../lib/http";
import type { JoinedReply } from "../lib/types";
import { dropFact, fact, setFact } from "./database";
import { token } from "./volunteer";

const FACT = "invitation";
const SECRET = /^#(chi_[A-Za-z0-9_-]{20,100})$/;

/** Take the secret out of the address, where it would stay in the history; say whether there is one to join by. */
export async function takeInvitation(): Promise<boolean> {
  const found = SECRET.exec(location.hash);
  if (found) {
    await setFact(FACT, found[1]!);
    history.replaceState(history.state, "", location.pathname);
  }
  return (await fact<string>(FACT)) !== undefined;
}

/** Join by the secret. Returns what was joined, or why not; throws `Unreachable`, and `Problem` for what passes. */
export async function join(): Promise<JoinedReply | "log_in" | "gone"> {
  const bearer = await token();
  if (bearer === null) return "log_in";
  try {
    const secret = await fact<string>(FACT);
    const joined = await ask<JoinedReply>("/v1/invitations", { method: "POST", token: bearer, body: { secret } });
    await dropFact(FACT);
    return joined;
  } catch (error) {
    if (!(error instanceof Problem) || error.passes) throw error;
    if (error.status === 401 || error.status === 403) return "log_in"; // a phone that only registered has no account
    await dropFact(FACT);
    return "gone";
  }
}
