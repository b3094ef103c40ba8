/** The admin API as CONTRACT and `api/v1/openapi.json` describe it: instants are RFC 3339, counts are tokens. */

export interface Session { name: string; role: "admin" | "operator" | "read"; account: string | null; expires_at: string | null }

export interface Account {
  id: string; name: string; plan: string | null; monthly_tokens: number | null; timezone: string; reset_day: number;
  status: "active" | "suspended"; admission: string | null;
  next: { plan: string | null; monthly_tokens: number | null } | null;
  created_at: string; updated_at: string;
}

export interface TokenView {
  account: string; as_of: string;
  monthly: { total: number; used: number; remaining: number };
  reset: { at: string; in_seconds: number; period_start: string; timezone: string };
  extra: { purchased: number; used: number; remaining: number; next_expiry: string | null };
  held: number; overdraft: number; blocked: boolean; forecast: { empty_at: string | null };
}

export interface Grant {
  id: string; reference: string; tokens: number; remaining: number;
  expires_at: string | null; voided_at: string | null; created_at: string;
}

export interface Key {
  id: string; name: string; scope: "call" | "view"; activity: string; chatbot: string; labels: "open" | "fixed";
  monthly_cap: number | null; requests_per_minute: number | null; concurrent: number | null; max_output_tokens: number | null;
  models: string[]; providers: string[]; origins: string[]; expires_at: string | null; revoked_at: string | null; created_at: string;
  [more: string]: unknown;
}

export interface Classes { input: number; output: number; cached_input: number; cache_write_input: number; reasoning_output: number; total: number }
export interface Charged { total: number; monthly: number; extra: number; overdraft: number }

export interface UsageEvent {
  id: string; account: string; key: string; activity: string; chatbot: string; user: string; provider: string; api: string;
  model: string; requested_model: string; stream: boolean; status: number; outcome: string; measured: string;
  tokens: Classes; charged: Charged; started_at: string; first_token_ms: number | null; duration_ms: number; trace_id: string;
}

export interface UsageRow {
  day?: string; activity?: string; chatbot?: string; model?: string; provider?: string; key?: string;
  requests: number; tokens: Classes; charged: Charged;
}

export interface Entry {
  seq: number; at: string; kind: string; change: { monthly: number; extra: number };
  balance: { monthly: number; extra: number }; reference: string;
}

export interface Page<T> { data: T[]; next_cursor: string | null }

/** What the API refused, in its own words. status 0: it could not be reached. */
export class Refused extends Error {
  constructor(readonly status: number, readonly code: string, message: string, readonly field: string | null = null, readonly id: string | null = null) {
    super(message);
  }
}

/** Says that the session is over; the page then asks to sign in. */
export const signedOut = new EventTarget();

const root = new URL("api/v1/", document.baseURI);

export type Query = Record<string, string | number | undefined>;

/** The address of a call, for links that the browser follows by itself. */
export function address(path: string, query: Query = {}): string {
  const url = new URL(path, root);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") url.searchParams.set(name, String(value));
  }
  return url.href;
}

interface Options { query?: Query; body?: unknown; match?: string; once?: string; signal?: AbortSignal }

/** One call. The ETag is for a later change with `match`; `once` is the Idempotency-Key of a POST. */
export async function call<T>(method: string, path: string, o: Options = {}): Promise<{ body: T; tag: string }> {
  const headers = new Headers({ Accept: "application/json" });
  if (o.body !== undefined) headers.set("Content-Type", "application/json");
  if (o.match) headers.set("If-Match", o.match);
  if (o.once) headers.set("Idempotency-Key", o.once);
  const init: RequestInit = { method, headers, credentials: "same-origin" };
  if (o.body !== undefined) init.body = JSON.stringify(o.body);
  if (o.signal) init.signal = o.signal;
  let answer: Response;
  try {
    answer = await fetch(address(path, o.query), init);
  } catch (e) {
    if (o.signal?.aborted) throw e;
    throw new Refused(0, "unreachable", "The gateway can't be reached. Is it running, and is this computer online?");
  }
  if (answer.status === 204) return { body: undefined as T, tag: "" };
  const body: unknown = await answer.json().catch(() => null);
  if (answer.ok) return { body: body as T, tag: answer.headers.get("ETag") ?? "" };
  const said = (body as { error?: { code: string; message: string; field: string | null; id?: string } } | null)?.error;
  if (answer.status === 401 && path !== "session") signedOut.dispatchEvent(new Event("signedout"));
  throw new Refused(answer.status, said?.code ?? "unexpected", said?.message ?? `The gateway answered ${answer.status}.`, said?.field ?? null, said?.id ?? null);
}

const at = (id: string, rest = "") => `accounts/${encodeURIComponent(id)}${rest}`;

export const api = {
  session: () => call<Session | undefined>("GET", "session").then((a) => a.body ?? null),
  signIn: (token: string) => call<Session>("POST", "session", { body: { token } }).then((a) => a.body),
  signOut: () => call<void>("DELETE", "session"),
  accounts: (query: Query, signal?: AbortSignal) => list<Account>("accounts", query, signal),
  account: (id: string, signal?: AbortSignal) => call<Account>("GET", at(id), signal ? { signal } : {}),
  createAccount: (body: unknown, once: string) => call<Account>("POST", "accounts", { body, once }),
  changeAccount: (id: string, body: unknown, match: string) => call<Account>("PATCH", at(id), { body, match }),
  deleteAccount: (id: string) => call<void>("DELETE", at(id)),
  tokens: (id: string, signal?: AbortSignal) => call<TokenView>("GET", at(id, "/tokens"), signal ? { signal } : {}).then((a) => a.body),
  grants: (id: string, query: Query, signal?: AbortSignal) => list<Grant>(at(id, "/grants"), query, signal),
  createGrant: (id: string, body: unknown, once: string) => call<Grant>("POST", at(id, "/grants"), { body, once }),
  voidGrant: (id: string, grant: string) => call<Grant>("DELETE", at(id, "/grants/" + encodeURIComponent(grant))),
  keys: (id: string, query: Query, signal?: AbortSignal) => list<Key>(at(id, "/keys"), query, signal),
  key: (id: string, key: string) => call<Key>("GET", at(id, "/keys/" + encodeURIComponent(key))),
  createKey: (id: string, body: unknown, once: string) => call<Key & { secret: string }>("POST", at(id, "/keys"), { body, once }),
  changeKey: (id: string, key: string, body: unknown, match: string) => call<Key>("PATCH", at(id, "/keys/" + encodeURIComponent(key)), { body, match }),
  revokeKey: (id: string, key: string) => call<Key>("DELETE", at(id, "/keys/" + encodeURIComponent(key))),
  events: (id: string, query: Query, signal?: AbortSignal) => list<UsageEvent>(at(id, "/events"), query, signal),
  event: (id: string, event: string, signal?: AbortSignal) =>
    call<UsageEvent>("GET", at(id, "/events/" + encodeURIComponent(event)), signal ? { signal } : {}).then((a) => a.body),
  usage: (id: string, query: Query, signal?: AbortSignal) =>
    call<{ data: UsageRow[] }>("GET", at(id, "/usage"), signal ? { query, signal } : { query }).then((a) => a.body.data),
  usageCSV: (id: string, query: Query) => address(at(id, "/usage.csv"), query),
  ledger: (id: string, query: Query, signal?: AbortSignal) => list<Entry>(at(id, "/ledger"), query, signal),
};

function list<T>(path: string, query: Query, signal?: AbortSignal): Promise<Page<T>> {
  return call<Page<T>>("GET", path, signal ? { query, signal } : { query }).then((a) => a.body);
}
