import type { TokenView } from "../api";

/** A Token view, and when it came by this computer's own running clock (ms): its clock on the wall may be wrong. */
export interface Seen { view: TokenView; came: number }

/** Why there is none, in words for the customer. status 0: no answer came. */
export class Unseen extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }

  /** Asking again would not help: the key, the session or the account has to change. */
  get lasts(): boolean {
    return [401, 403, 404].includes(this.status);
  }
}

/** Reads a Token view; with a key as the gateway's clients do, else with the session of the dashboard. */
export async function read(url: string, key: string | null, signal: AbortSignal): Promise<Seen> {
  let answer: Response;
  try {
    answer = await fetch(url, { signal, credentials: key ? "omit" : "same-origin", cache: "no-store", headers: key ? { Authorization: "Bearer " + key } : {} });
  } catch (e) {
    if (signal.aborted) throw e;
    throw new Unseen(0, "The gateway can’t be reached from this page. It may be offline, or the key may not be made for this site.");
  }
  if (answer.ok) return { view: (await answer.json()) as TokenView, came: performance.now() };
  throw new Unseen(answer.status, reason(answer.status, key !== null));
}

function reason(status: number, keyed: boolean): string {
  if (status === 401) return keyed ? "The key of this view is not valid any more. Load the page again to get a new one." : "The session is over. Sign in again.";
  if (status === 403) return keyed ? "The key of this view is not made for this site." : "This token may not see this account.";
  if (status === 404) return "There is no such account.";
  if (status === 429) return "The view was asked for too often. It tries again by itself.";
  return `The gateway can’t say how many tokens there are just now (${status}). It tries again by itself.`;
}
