import { useState } from "preact/hooks";
import { api, type Account, type Key, type Session } from "../api";
import { AccountPage, type AccountProps } from "../app";
import { brief, count, date, percent } from "../format";
import { useLoad } from "../load";
import { Confirm, Empty, Failure, Loading, Table, Tag } from "../ui/parts";
import { all } from "./all";
import { barred } from "./form";
import { ChangeKey, MadeKey, NewKey, type KeyWithSecret } from "./key-form";

/** What the page is doing beside its list. */
type Doing = { what: "make" } | { what: "made"; key: KeyWithSecret } | { what: "change" | "revoke"; key: Key } | null;

export function KeysPage(p: AccountProps) {
  const { account, session } = p;
  const keys = useLoad((signal) => all((query) => api.keys(account.id, query, signal)), [account.id]);
  const used = useLoad((signal) => api.usage(account.id, { group_by: "key" }, signal), [account.id, keys.value]);
  const [doing, set] = useState<Doing>(null);
  const close = () => set(null);
  const why = barred(session, "change");
  return (
    <AccountPage {...p} view="keys" actions={!why && <button class="button main" onClick={() => set({ what: "make" })}>Make a key</button>}>
      {why && <p class="soft lead">{why}</p>}
      {keys.error && <Failure error={keys.error} again={keys.again} />}
      {!keys.value && !keys.error && <Loading />}
      {keys.value && <Keys keys={keys.value} account={account} session={session} set={set}
        waits={used.waits} used={new Map(used.value?.map((row) => [row.key ?? "", row.charged.total]))} />}
      {doing?.what === "make" && <NewKey account={account.id} onClose={close} onMade={(key) => { set({ what: "made", key }); keys.again(); }} />}
      {doing?.what === "made" && <MadeKey made={doing.key} onClose={close} />}
      {doing?.what === "change" && <ChangeKey account={account.id} id={doing.key.id} onClose={close} onDone={() => { close(); keys.again(); }} />}
      {doing?.what === "revoke" && (
        <Confirm title={`Revoke ${nameOf(doing.key)}?`} action="Revoke the key" onClose={close}
          onConfirm={() => api.revokeKey(account.id, doing.key.id).then(keys.again)}>
          <p>Whoever uses it is refused within a second, on every replica. This can't be undone: a new key has a new secret.</p>
        </Confirm>
      )}
    </AccountPage>
  );
}

const nameOf = (key: Key) => key.name || key.id;

function Keys(p: { keys: Key[]; account: Account; session: Session; used: Map<string, number>; waits: boolean; set: (d: Doing) => void }) {
  const why = barred(p.session, "change");
  if (p.keys.length === 0) {
    return (
      <Empty title="No keys yet">
        <p>A key stands in for the provider's own: the chatbot's backend shows it, and everything that it uses is charged to this account.</p>
        {!why && <p><button class="button main" onClick={() => p.set({ what: "make" })}>Make the first key</button></p>}
      </Empty>
    );
  }
  const now = Date.now();
  const columns = [
    { name: "Key", cell: (k: Key) => <>{nameOf(k)}<code class="under">{k.id}</code></> },
    { name: "State", cell: (k: Key) => <State k={k} now={now} zone={p.account.timezone} /> },
    { name: "Counts as", cell: (k: Key) => <CountsAs k={k} /> },
    { name: "Limits", cell: (k: Key) => <Limits k={k} /> },
    { name: "Used this period", right: true, cell: (k: Key) => <Used tokens={p.used.get(k.id) ?? 0} cap={k.monthly_cap} /> },
  ];
  if (!why) {
    columns.push({ name: "Actions", right: true, cell: (k: Key) => (k.revoked_at ? <></> : (
      <span class="row end">
        <button class="button little" onClick={() => p.set({ what: "change", key: k })}>Change<span class="hidden"> {nameOf(k)}</span></button>
        <button class="button little danger" onClick={() => p.set({ what: "revoke", key: k })}>Revoke<span class="hidden"> {nameOf(k)}</span></button>
      </span>
    )) });
  }
  const state = (k: Key) => (k.revoked_at ? 1 : 0);
  return (
    <section class="card" aria-busy={p.waits}>
      <Table stack caption="Keys of this account" hideCaption rows={[...p.keys].sort((a, b) => state(a) - state(b) || b.created_at.localeCompare(a.created_at))} id={(k) => k.id} columns={columns} />
    </section>
  );
}

function State(p: { k: Key; now: number; zone: string }) {
  const { k } = p;
  if (k.revoked_at) return <><Tag>revoked</Tag><span class="under">{brief(k.revoked_at, p.zone)}</span></>;
  if (!k.expires_at) return <Tag tone="good">live</Tag>;
  if (Date.parse(k.expires_at) <= p.now) return <><Tag>expired</Tag><span class="under">{brief(k.expires_at, p.zone)}</span></>;
  return <><Tag tone="good">live</Tag><span class="under">until {date(k.expires_at, p.zone)}</span></>;
}

function CountsAs(p: { k: Key }) {
  if (p.k.scope === "view") return <span class="soft">reads the Token view alone</span>;
  return <>{p.k.activity}{p.k.chatbot && <> · {p.k.chatbot}</>}{p.k.labels === "fixed" && <span class="under">whatever the request says</span>}</>;
}

function Limits(p: { k: Key }) {
  const { k } = p;
  const said = [
    k.requests_per_minute !== null && `${count(k.requests_per_minute)} a minute`,
    k.concurrent !== null && `${count(k.concurrent)} at once`,
    k.max_output_tokens !== null && `${count(k.max_output_tokens)} output tokens`,
    ...k.models, ...k.providers, ...k.origins,
  ].filter((s) => s !== false);
  if (said.length === 0) return <span class="soft">none</span>;
  return <ul class="limits">{said.map((s) => <li key={s}>{s}</li>)}</ul>;
}

function Used(p: { tokens: number; cap: number | null }) {
  if (p.cap === null) return <>{count(p.tokens)}</>;
  const share = p.cap > 0 ? p.tokens / p.cap : 1;
  return (
    <>
      {count(p.tokens)}
      <span class="under">{percent(share)} of {count(p.cap)}</span>
      <span class={"mini " + (share >= 1 ? "bad" : share >= 0.8 ? "warn" : "")} aria-hidden="true"><span ref={(el) => { el?.style.setProperty("width", `${Math.min(1, share) * 100}%`); }} /></span>
    </>
  );
}
