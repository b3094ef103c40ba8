import { useEffect, useRef } from "preact/hooks";
import { api, type Key } from "../api";
import { useLoad } from "../load";
import { CopyButton, Dialog, Failure, Field, Loading } from "../ui/parts";
import { items, moment, Refusal, text, useSending, whole, type Sending } from "./form";
import { builtinActivities } from "./words";

export type KeyWithSecret = Key & { secret: string };

const limits: [name: string, label: string, hint?: string][] = [
  ["monthly_cap", "Monthly cap", "Tokens a period. A limit, not a pool."],
  ["requests_per_minute", "Requests a minute"],
  ["concurrent", "Requests at once"],
  ["max_output_tokens", "Output tokens of one request"],
];

const lists: [name: string, label: string, hint: string][] = [
  ["models", "Models", "Apart by commas; * stands for anything: gpt-4o-mini*. Empty: all."],
  ["providers", "Providers", "Names in gateway.yaml, apart by commas. Empty: all."],
  ["origins", "Origins", "Pages that may use it, as https://app.example.com. Empty: no page, only backends."],
];

const changed = ["name", "activity", "chatbot", "labels", ...limits.map(([n]) => n), ...lists.map(([n]) => n), "expires_at"];

/** The members that a key can be given at any time. */
function members(form: FormData): Record<string, unknown> {
  return {
    name: text(form, "name") ?? "", activity: text(form, "activity") ?? "chat", chatbot: text(form, "chatbot") ?? "",
    labels: form.get("fixed") === null ? "open" : "fixed",
    ...Object.fromEntries(limits.map(([name]) => [name, whole(form, name)])),
    ...Object.fromEntries(lists.map(([name]) => [name, items(form, name)])),
  };
}

/** The dialog that makes a key. */
export function NewKey(p: { account: string; onClose: () => void; onMade: (key: KeyWithSecret) => void }) {
  const sending = useSending({
    fields: [...changed, "scope", "ttl_seconds"],
    body: (form) => ({ ...members(form), scope: form.get("scope"), ...life(form) }),
    send: (body, once) => api.createKey(p.account, body, once),
    done: (made) => p.onMade(made.body),
  });
  return (
    <Dialog title="Make a key" onClose={p.onClose}>
      <form onSubmit={sending.submit} noValidate>
        <Refusal sending={sending} />
        <Members sending={sending} first />
        <details>
          <summary>More limits</summary>
          <div class="more">
            <Field label="What it may do" fault={sending.fault("scope")}>
              {(bind) => <select {...bind} name="scope"><option value="call">Call providers</option><option value="view">Read the Token view alone</option></select>}
            </Field>
            <Limits sending={sending} />
            <Field label="Lives for" hint="Or give an instant below." fault={sending.fault("ttl_seconds")}>
              {(bind) => <select {...bind} name="ttl_seconds">{lives.map(([seconds, label]) => <option key={seconds} value={seconds}>{label}</option>)}</select>}
            </Field>
            <Expiry sending={sending} />
          </div>
        </details>
        <Buttons sending={sending} action="Make the key" onClose={p.onClose} />
      </form>
    </Dialog>
  );
}

const lives: [seconds: string, label: string][] = [
  ["", "As long as it is not revoked"], ["900", "15 minutes"], ["3600", "An hour"], ["86400", "A day"], ["2592000", "30 days"], ["31536000", "A year"],
];

/** How long a new key lives: so many seconds, else until an instant. */
function life(form: FormData): Record<string, unknown> {
  const seconds = whole(form, "ttl_seconds"), at = moment(form, "expires_at");
  return { ...(seconds !== null && { ttl_seconds: seconds }), ...(at !== null && { expires_at: at }) };
}

/** The dialog that changes a key, as it is now. */
export function ChangeKey(p: { account: string; id: string; onClose: () => void; onDone: () => void }) {
  const key = useLoad(() => api.key(p.account, p.id), [p.account, p.id]);
  return (
    <Dialog title="Change the key" onClose={p.onClose}>
      {key.error && <Failure error={key.error} again={key.again} />}
      {!key.value && !key.error && <Loading />}
      {key.value && <Change key={key.value.tag} was={key.value.body} tag={key.value.tag} again={key.again} {...p} />}
    </Dialog>
  );
}

function Change(p: { account: string; was: Key; tag: string; again: () => void; onClose: () => void; onDone: () => void }) {
  const sending = useSending({
    fields: changed,
    body: (form) => ({ ...members(form), ...(localInput(p.was.expires_at) !== String(form.get("expires_at")) && { expires_at: moment(form, "expires_at") }) }),
    send: (body) => api.changeKey(p.account, p.was.id, body, p.tag),
    done: p.onDone,
  });
  return (
    <form onSubmit={sending.submit} noValidate>
      <Refusal sending={sending} again={p.again} />
      <Members sending={sending} was={p.was} first />
      <Limits sending={sending} was={p.was} />
      <Expiry sending={sending} was={p.was} />
      <Buttons sending={sending} action="Store the changes" onClose={p.onClose} />
    </form>
  );
}

function Members(p: { sending: Sending; was?: Key; first?: boolean }) {
  const { sending, was } = p;
  const name = useRef<HTMLInputElement>(null);
  useEffect(() => { if (p.first) name.current?.focus(); }, []);
  return (
    <>
      <Field label="Name" hint="For people: where it is used." fault={sending.fault("name")}>
        {(bind) => <input {...bind} ref={name} name="name" autocomplete="off" defaultValue={was?.name} />}
      </Field>
      <div class="pair">
        <Field label="Activity" fault={sending.fault("activity")}>
          {(bind) => <><input {...bind} name="activity" list="activities" autocomplete="off" defaultValue={was?.activity ?? "chat"} />
            <datalist id="activities">{builtinActivities.map((a) => <option key={a} value={a} />)}</datalist></>}
        </Field>
        <Field label="Chatbot" fault={sending.fault("chatbot")}>
          {(bind) => <input {...bind} name="chatbot" autocomplete="off" defaultValue={was?.chatbot} />}
        </Field>
      </div>
      <label class="check"><input type="checkbox" name="fixed" defaultChecked={was?.labels === "fixed"} /> Always count as these, whatever the request says</label>
      <LimitField sending={sending} was={was} {...{ of: limits[0]! }} />
    </>
  );
}

function LimitField(p: { sending: Sending; was: Key | undefined; of: [name: string, label: string, hint?: string] }) {
  const [name, label, hint] = p.of;
  const value = p.was?.[name];
  return (
    <Field label={label} hint={hint} fault={p.sending.fault(name)}>
      {(bind) => <input {...bind} name={name} inputMode="numeric" autocomplete="off" placeholder="no limit" defaultValue={typeof value === "number" ? String(value) : ""} />}
    </Field>
  );
}

function Limits(p: { sending: Sending; was?: Key }) {
  return (
    <>
      <div class="pair">{limits.slice(1).map((of) => <LimitField key={of[0]} sending={p.sending} was={p.was} of={of} />)}</div>
      {lists.map(([name, label, hint]) => (
        <Field key={name} label={label} hint={hint} fault={p.sending.fault(name)}>
          {(bind) => <input {...bind} name={name} autocomplete="off" defaultValue={(p.was?.[name] as string[] | undefined)?.join(", ")} />}
        </Field>
      ))}
    </>
  );
}

function Expiry(p: { sending: Sending; was?: Key }) {
  return (
    <Field label="Expires at" hint="In this computer's time zone. Empty: never." fault={p.sending.fault("expires_at")}>
      {(bind) => <input {...bind} name="expires_at" type="datetime-local" defaultValue={localInput(p.was?.expires_at ?? null)} />}
    </Field>
  );
}

/** An instant as an input for local time wants it. */
function localInput(at: string | null): string {
  if (!at) return "";
  const d = new Date(at);
  return new Date(d.getTime() - d.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function Buttons(p: { sending: Sending; action: string; onClose: () => void }) {
  return (
    <div class="actions">
      <button type="button" class="button" onClick={p.onClose}>Cancel</button>
      <button class="button main" disabled={p.sending.running}>{p.action}</button>
    </div>
  );
}

/** Shows a new key's secret, this once. */
export function MadeKey(p: { made: KeyWithSecret; onClose: () => void }) {
  const secret = useRef<HTMLInputElement>(null);
  useEffect(() => { secret.current?.focus(); secret.current?.select(); }, []);
  const { made } = p;
  return (
    <Dialog title={`${made.name || made.id} is made`} onClose={p.onClose}>
      <div class="stack">
        <div class="banner warn" role="status"><strong>Copy the secret now.</strong><span>It is shown this once; the gateway keeps only its hash.</span></div>
        <Field label="Secret" hint={made.scope === "view" ? "For the key of <tollgate-tokens> in a page." : "What a client shows in place of the provider's key."}>
          {(bind) => <input {...bind} ref={secret} class="mono" readOnly value={made.secret} onFocus={(e) => e.currentTarget.select()} />}
        </Field>
        <div class="actions">
          <CopyButton text={made.secret} what="the secret" />
          <button class="button main" onClick={p.onClose}>I have copied it</button>
        </div>
      </div>
    </Dialog>
  );
}
