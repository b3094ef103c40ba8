import { useState } from "preact/hooks";
import { api, type Grant, type Session } from "../api";
import { AccountPage, type AccountProps } from "../app";
import { brief, count, percent } from "../format";
import { useLoad } from "../load";
import { Confirm, Empty, Failure, Field, Loading, Table, Tag } from "../ui/parts";
import { all } from "./all";
import { barred, ForThose, moment, Refusal, text, useSending, whole } from "./form";

export function PurchasesPage(p: AccountProps) {
  const { account } = p;
  const grants = useLoad((signal) => all((query) => api.grants(account.id, query, signal)), [account.id]);
  const [voiding, ask] = useState<Grant | null>(null);
  return (
    <AccountPage {...p} view="purchases">
      <div class="beside">
        <section class="card" aria-labelledby="buy">
          <h2 id="buy">Add extra tokens</h2>
          <ForThose session={p.session} may="change"><Purchase account={account.id} onDone={grants.again} /></ForThose>
        </section>
        <div>
          {grants.error && <Failure error={grants.error} again={grants.again} />}
          {!grants.value && !grants.error && <Loading />}
          {grants.value && <Grants grants={grants.value} zone={account.timezone} session={p.session} onVoid={ask} />}
        </div>
      </div>
      {voiding && (
        <Confirm title={`Void ${voiding.reference}?`} action="Void the purchase" onClose={() => ask(null)}
          onConfirm={() => api.voidGrant(account.id, voiding.id).then(grants.again)}>
          <p>{count(voiding.remaining)} of its {count(voiding.tokens)} tokens are left. They are taken back for good; what was used stays used.</p>
        </Confirm>
      )}
    </AccountPage>
  );
}

function Purchase(p: { account: string; onDone: () => void }) {
  const [made, say] = useState("");
  const sending = useSending({
    fields: ["tokens", "reference", "expires_at"],
    body: (form) => ({ tokens: whole(form, "tokens"), reference: text(form, "reference") ?? "", expires_at: moment(form, "expires_at") }),
    send: (body, once) => api.createGrant(p.account, body, once),
    done: (grant, form) => {
      form.reset();
      say(`${count(grant.body.tokens)} tokens were added for ${grant.body.reference}.`);
      p.onDone();
    },
  });
  return (
    <form onSubmit={sending.submit} onInput={() => say("")} noValidate>
      <Refusal sending={sending} />
      <Field label="Tokens to add" fault={sending.fault("tokens")}>
        {(bind) => <input {...bind} name="tokens" inputMode="numeric" autocomplete="off" required />}
      </Field>
      <Field label="Reference" hint="The invoice or order. The same one again adds nothing." fault={sending.fault("reference")}>
        {(bind) => <input {...bind} name="reference" autocomplete="off" required />}
      </Field>
      <Field label="Expires (optional)" hint="In this computer's time zone. Empty: never." fault={sending.fault("expires_at")}>
        {(bind) => <input {...bind} name="expires_at" type="datetime-local" />}
      </Field>
      <button class="button main" disabled={sending.running}>Add tokens</button>
      <p class="small good" role="status">{made}</p>
    </form>
  );
}

function Grants(p: { grants: Grant[]; zone: string; session: Session; onVoid: (g: Grant) => void }) {
  if (p.grants.length === 0) {
    return <Empty title="No purchases yet"><p>Extra tokens are used when the monthly pool is empty, those that expire first before the others. They outlive the monthly reset.</p></Empty>;
  }
  const live = (g: Grant) => g.remaining > 0 && !g.voided_at;
  const mayVoid = barred(p.session, "destroy") === null;
  const columns = [
    { name: "Reference", cell: (g: Grant) => g.reference },
    { name: "Bought", cell: (g: Grant) => <span class="num nowrap">{brief(g.created_at, p.zone)}</span> },
    { name: "Expires", cell: (g: Grant) => (g.expires_at ? <span class="num nowrap">{brief(g.expires_at, p.zone)}</span> : <span class="soft">never</span>) },
    { name: "Tokens", right: true, cell: (g: Grant) => count(g.tokens) },
    { name: "Left", right: true, cell: (g: Grant) => <Left grant={g} /> },
  ];
  if (mayVoid && p.grants.some(live)) {
    columns.push({ name: "Actions", right: true, cell: (g: Grant) => (live(g) ? <button class="button little danger" onClick={() => p.onVoid(g)}>Void<span class="hidden"> {g.reference}</span></button> : <></>) });
  }
  return (
    <section class="card">
      <h2>Purchases</h2>
      <Table stack caption={`Newest first, times in ${p.zone}`} rows={[...p.grants].reverse()} id={(g) => g.id} columns={columns} />
    </section>
  );
}

function Left(p: { grant: Grant }) {
  const g = p.grant;
  if (g.voided_at) return <Tag>voided</Tag>;
  if (g.remaining === 0) return <Tag>{g.expires_at && Date.parse(g.expires_at) <= Date.now() ? "expired" : "used up"}</Tag>;
  return <>{count(g.remaining)}<span class="under">{percent(g.remaining / g.tokens)}</span></>;
}
