/** Asks the service, and tells apart the two ways in which that goes wrong: it says no, or it does not answer. */

import { hearDate } from "./clock";
import type { ProblemDocument } from "./types";

const PATIENCE_MS = 20_000;

/** The service answered with a problem document (RFC 9457). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly document: Partial<ProblemDocument>,
    readonly retryAfterMs: number,
  ) {
    super(document.detail ?? document.title ?? `The service answered ${status}.`);
    this.name = "Problem";
  }

  /** Whether the same request may succeed later. */
  get passes(): boolean {
    return this.status >= 500 || this.status === 429 || this.status === 408;
  }
}

/** The service did not answer: no network, too slow, or something else in its place. What was sent may have arrived. */
export class Unreachable extends Error {
  constructor(reason: unknown) {
    super(String(reason));
    this.name = "Unreachable";
  }
}

interface Asking {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  token?: string | null;
  body?: unknown;
  /** Lets the request outlive its page: for what is sent while the page is being left. */
  keepalive?: boolean;
}

export async function ask<Reply>(path: string, asking: Asking = {}): Promise<Reply> {
  const { method = "GET", token, body, keepalive = false } = asking;
  const headers: Record<string, string> = { Accept: "application/json" };
  if (token) headers["Authorization"] = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let reply: Response;
  let text: string;
  try {
    reply = await fetch(path, {
      method,
      headers,
      keepalive,
      credentials: "omit",
      signal: AbortSignal.timeout(PATIENCE_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    text = await reply.text();
  } catch (reason) {
    throw new Unreachable(reason);
  }
  hearDate(reply.headers.get("Date"));
  const content = parsed(text);
  if (!reply.ok && isProblem(reply)) throw new Problem(reply.status, content as ProblemDocument, retryAfter(reply));
  if (!reply.ok || content === undefined) throw new Unreachable("something else answered in the service's place");
  return content as Reply;
}

/** Only the service's own word counts: a proxy or a hotel's network may say no to anything, and be gone in a minute. */
function isProblem(reply: Response): boolean {
  return (reply.headers.get("Content-Type") ?? "").startsWith("application/problem+json");
}

/** JSON, or undefined for what is none: the page of a hotel's network, for example. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function retryAfter(reply: Response): number {
  const seconds = Number(reply.headers.get("Retry-After"));
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 600) * 1000 : 0;
}
