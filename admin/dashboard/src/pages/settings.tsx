import { useState } from "preact/hooks";
import { api, type Account, type Session } from "../api";
import { AccountPage, type AccountProps } from "../app";
import { asRefused, useLoad } from "../load";
import { count } from "../format";
import { go, href } from "../route";
import { Banner, Dialog, Failure, Field, Loading } from "../ui/parts";
import { accountFields, accountMembers, Admission, Allowance, Name, Reset } from "./account-form";
import { barred, Refusal, useSending } from "./form";

interface Versioned { was: Account; tag: string; session: Session; again: () => void; changed: () => void }

export function SettingsPage(p: AccountProps) {
  const { account, session } = p;
  const read = useLoad((signal) => api.account(account.id, signal), [account.id]);
  const why = barred(session, "change");
  const changed = () => { read.again(); p.reload(); };
  return (
    <AccountPage {...p} view="settings">
      {why && <Banner title="Nothing can be changed here">{why}</Banner>}
      {read.error && <Failure error={read.error} again={read.again} />}
      {!read.value && !read.error && <Loading />}
      {read.value && (
        <div class="settings">
          <Change key={read.value.tag} was={read.value.body} tag={read.value.tag} session={session} again={read.again} changed={changed} />
          <div>
            <Service was={read.value.body} tag={read.value.tag} session={session} again={read.again} changed={changed} />
            <End was={read.value.body} session={session} />
          </div>
        </div>
      )}
    </AccountPage>
  );
}

function Change(p: Versioned) {
  const [stored, say] = useState(false);
  const sending = useSending({
    fields: accountFields,
    body: (form) => difference(p.was, accountMembers(form), String(form.get("effective") ?? "now")),
    send: (body) => api.changeAccount(p.was.id, body, p.tag),
    done: () => { say(true); p.changed(); },
  });
  return (
    <section class="card" aria-labelledby="what">
      <h2 id="what">Account</h2>
      <form onSubmit={sending.submit} onInput={() => say(false)} noValidate>
        <Refusal sending={sending} again={p.again} />
        <fieldset disabled={barred(p.session, "change") !== null}>
          <Name sending={sending} was={p.was} />
          <Allowance sending={sending} was={p.was} />
          <Field label="A new plan or total counts" fault={sending.fault("effective")}>
            {(bind) => <select {...bind} name="effective"><option value="now">At once</option><option value="next_period">From the next reset on</option></select>}
          </Field>
          <Waiting was={p.was} />
          <Reset sending={sending} was={p.was} zone="UTC" />
          <p class="hint soft small">A new time zone or day counts from the end of the running period on.</p>
          <Admission sending={sending} was={p.was} />
          <div class="actions"><button class="button main" disabled={sending.running}>Store the changes</button></div>
        </fieldset>
        <p class="small good" role="status">{stored ? "Stored." : ""}</p>
      </form>
    </section>
  );
}

/** What waits for the next reset. */
function Waiting(p: { was: Account }) {
  const { next } = p.was;
  if (!next) return null;
  const what = [next.plan !== null && `the plan ${next.plan}`, next.monthly_tokens !== null && `${count(next.monthly_tokens)} tokens`].filter(Boolean).join(" with ");
  return <p class="soft small">From the next reset on: {what || "the plan's own total"}.</p>;
}

/** The members that differ from what is stored. */
function difference(was: Account, is: Record<string, unknown>, effective: string): Record<string, unknown> {
  const stored = was as unknown as Record<string, unknown>;
  const changed = Object.fromEntries(Object.entries(is).filter(([name, value]) => value !== stored[name]));
  if (effective === "next_period" && ("plan" in changed || "monthly_tokens" in changed)) changed["effective"] = effective;
  return changed;
}

/** Suspends an account or serves it again. */
function Service(p: Versioned) {
  const [fault, say] = useState("");
  const [running, run] = useState(false);
  const { was } = p;
  const to = was.status === "active" ? "suspended" : "active";
  const change = () => {
    run(true);
    say("");
    api.changeAccount(was.id, { status: to }, p.tag).then(p.changed, (e: unknown) => {
      const refused = asRefused(e);
      say(refused.status === 412 ? "This was changed by someone else meanwhile, and was read again." : refused.message);
      if (refused.status === 412) p.changed();
    }).finally(() => run(false));
  };
  return (
    <section class="card" aria-labelledby="service">
      <h2 id="service">{was.status === "active" ? "Service" : "This account is suspended"}</h2>
      <p class="soft">{was.status === "active"
        ? "While an account is suspended every request with its keys is refused. Pools, purchases and keys stay as they are."
        : "Every request with its keys is refused until it is active again."}</p>
      {fault && <Banner tone="bad" title={fault} />}
      <div class="actions">
        <button class={"button " + (to === "active" ? "main" : "")} disabled={running || barred(p.session, "change") !== null} onClick={change}>
          {to === "active" ? "Activate" : "Suspend"}
        </button>
      </div>
    </section>
  );
}

function End(p: { was: Account; session: Session }) {
  const [asking, ask] = useState(false);
  const why = barred(p.session, "destroy");
  return (
    <section class="card" aria-labelledby="end">
      <h2 id="end">Delete this account</h2>
      <p class="soft">Its keys are dead from then on and its id can't be used again. Events, usage and ledger stay readable through the API.</p>
      {why ? <p class="soft small">{why}</p> : <div class="actions"><button class="button danger" onClick={() => ask(true)}>Delete account…</button></div>}
      {asking && <DeleteDialog account={p.was} onClose={() => ask(false)} />}
    </section>
  );
}

function DeleteDialog(p: { account: Account; onClose: () => void }) {
  const { id } = p.account;
  const [fault, say] = useState("");
  const sending = useSending({
    fields: [],
    body: () => null,
    send: () => api.deleteAccount(id),
    done: () => go(href(["accounts"])),
  });
  const submit = (e: Event) => {
    e.preventDefault();
    const written = String(new FormData(e.currentTarget as HTMLFormElement).get("typed")).trim();
    say(written === id ? "" : `This is not ${id}.`);
    if (written === id) sending.submit(e);
  };
  return (
    <Dialog title={`Delete ${p.account.name}?`} onClose={p.onClose}>
      <form onSubmit={submit} noValidate>
        <Refusal sending={sending} />
        <p>This can't be undone.</p>
        <Field label={`Type ${id} to delete it`} fault={fault || undefined}>
          {(bind) => <input {...bind} name="typed" autocomplete="off" autocapitalize="none" spellcheck={false} />}
        </Field>
        <div class="actions">
          <button type="button" class="button" onClick={p.onClose}>Cancel</button>
          <button class="button danger" disabled={sending.running}>Delete account</button>
        </div>
      </form>
    </Dialog>
  );
}
