/** The ways to log in: providers, by a round through their pages, and passkeys, by this device. */

import { ask, Problem } from "../lib/http";
import type { LoginBegun, PasskeyAdded, PasskeyOptions, Session } from "../lib/types";
import { dropFact, fact } from "../store/database";
import { ensureToken, token } from "../store/volunteer";
import { join, keepBegun, type Begun } from "./joining";

type Bytes = Uint8Array<ArrayBuffer>;

export function encoded(bytes: ArrayBuffer | Bytes): string {
  const letters = Array.from(new Uint8Array(bytes), (each) => String.fromCharCode(each)).join("");
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function decoded(text: string): Bytes {
  const letters = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(letters, (each) => each.charCodeAt(0));
}

/** Leave for a provider. What comes back is worth something to this browser only: it keeps a secret. */
export async function goTo(provider: string, link: boolean): Promise<void> {
  const secret = encoded(crypto.getRandomValues(new Uint8Array(32)));
  const challenge = encoded(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(secret)));
  await keepBegun({ secret, link });
  const { url } = await ask<LoginBegun>("/v1/logins", { method: "POST", body: { provider, challenge } });
  location.assign(url);
}

/** Come back from a provider, with a code. */
export async function comeBack(code: string): Promise<Session> {
  const begun = await fact<Begun>("login");
  await dropFact("login");
  if (begun === undefined) throw new Problem(403, { type: "/problems/login-refused" }, 0);
  return join<Session>("/v1/sessions", { method: "POST", body: { code, ...begun } }, (session) => session);
}

/** Whether this browser can make passkeys. */
export function canMakePasskeys(): boolean {
  return "PublicKeyCredential" in window;
}

/** Log in by a passkey that this device, or one near it, has. */
export async function usePasskey(): Promise<Session> {
  const { id, options } = await ask<PasskeyOptions>("/v1/passkeys/logins", { method: "POST" });
  const asked = options as unknown as PublicKeyCredentialRequestOptionsJSON;
  const found = (await navigator.credentials.get({
    publicKey: {
      challenge: decoded(asked.challenge),
      ...(asked.rpId ? { rpId: asked.rpId } : {}),
      timeout: asked.timeout ?? 300_000,
      userVerification: "preferred",
    },
  })) as PublicKeyCredential;
  const response = found.response as AuthenticatorAssertionResponse;
  const credential = {
    id: found.id,
    client_data_json: encoded(response.clientDataJSON),
    authenticator_data: encoded(response.authenticatorData),
    signature: encoded(response.signature),
  };
  const body = { challenge: id, credential };
  return join<Session>("/v1/sessions/passkey", { method: "POST", body }, (session) => session);
}

/** Make a passkey for the account, or for this phone's volunteer, who has an account from then on. */
export async function addPasskey(label: string): Promise<PasskeyAdded> {
  const bearer = (await token()) ?? (await ensureToken());
  const { id, options } = await ask<PasskeyOptions>("/v1/passkeys/registrations", { method: "POST", token: bearer });
  const asked = options as unknown as PublicKeyCredentialCreationOptionsJSON;
  const { user, rp, pubKeyCredParams, authenticatorSelection, timeout = 300_000, excludeCredentials = [] } = asked;
  const made = (await navigator.credentials.create({
    publicKey: {
      challenge: decoded(asked.challenge),
      rp,
      user: { ...user, id: decoded(user.id) },
      pubKeyCredParams: pubKeyCredParams.map(({ alg }) => ({ type: "public-key", alg })),
      timeout,
      excludeCredentials: excludeCredentials.map((each) => ({ type: "public-key", id: decoded(each.id) })),
      authenticatorSelection: (authenticatorSelection ?? {}) as AuthenticatorSelectionCriteria,
    },
  })) as PublicKeyCredential;
  const response = made.response as AuthenticatorAttestationResponse;
  const credential = {
    id: made.id,
    client_data_json: encoded(response.clientDataJSON),
    attestation_object: encoded(response.attestationObject),
    transports: response.getTransports?.() ?? [],
  };
  const path = `/v1/passkeys/registrations/${id}`;
  return join<PasskeyAdded>(path, { method: "PUT", body: { credential, label } }, ({ session }) => session);
}
