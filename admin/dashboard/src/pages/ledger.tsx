import { api, type Entry } from "../api";
import { AccountPage, type AccountProps } from "../app";
import { count, exact, signed } from "../format";
import { useLoad } from "../load";
import { href } from "../route";
import { Empty, Failure, Loading, Pager, Table } from "../ui/parts";
import { kindWord } from "./words";

const pageSize = 50;

export function LedgerPage(p: AccountProps) {
  const { account, route } = p;
  const cursor = route.query.get("cursor") ?? "";
  const ledger = useLoad((signal) => api.ledger(account.id, { cursor, limit: pageSize }, signal), [account.id, cursor]);
  return (
    <AccountPage {...p} view="ledger">
      <p class="soft lead">Every change of the two pools, newest first. The newest balance is what the Tokens page shows as remaining.</p>
      {ledger.error && <Failure error={ledger.error} again={ledger.again} />}
      {!ledger.value && !ledger.error && <Loading />}
      {ledger.value && (ledger.value.data.length === 0
        ? <Empty title="Nothing here yet"><p>The first entry is made when the account's first period opens.</p></Empty>
        : (
          <section class="card" aria-busy={ledger.waits}>
            <Entries entries={ledger.value.data} account={account.id} zone={account.timezone} />
            <Pager first={cursor ? href(route.path) : null} next={ledger.value.next_cursor ? href(route.path, { cursor: ledger.value.next_cursor }) : null} />
          </section>
        ))}
    </AccountPage>
  );
}

function Entries(p: { entries: Entry[]; account: string; zone: string }) {
  return (
    <Table caption={`Times in ${p.zone}`} rows={p.entries} id={(e) => String(e.seq)} columns={[
      { name: "Time", cell: (e) => <span class="num nowrap">{exact(e.at, p.zone)}</span> },
      { name: "What", cell: (e) => <>{kindWord(e.kind)}<Reference entry={e} account={p.account} zone={p.zone} /></> },
      { name: "Monthly", right: true, cell: (e) => <Change tokens={e.change.monthly} /> },
      { name: "Extra", right: true, cell: (e) => <Change tokens={e.change.extra} /> },
      { name: "Monthly balance", right: true, cell: (e) => count(e.balance.monthly) },
      { name: "Extra balance", right: true, cell: (e) => count(e.balance.extra) },
    ]} />
  );
}

/** What the entry is about: usage names the last event of its batch, a reset the instant, the others a purchase or a plan. */
function Reference(p: { entry: Entry; account: string; zone: string }) {
  const { kind, reference } = p.entry;
  if (reference === "") return null;
  if (kind === "usage") return <span class="under">up to <a href={href(["accounts", p.account, "events", reference])}>this event</a></span>;
  if (kind === "reset") return null;
  return <span class="under">{reference}</span>;
}

function Change(p: { tokens: number }) {
  if (p.tokens === 0) return <span class="soft">0</span>;
  return <span class={p.tokens > 0 ? "plus" : ""}>{signed(p.tokens)}</span>;
}
