import { useEffect, useState } from "preact/hooks";
import { api, type Account, type Page as Listed, type Session, type TokenView } from "../api";
import { count, day, percent } from "../format";
import { useLoad } from "../load";
import { href, replace, type Route } from "../route";
import { Failure, Loading, Page, Pager, Table, Tag } from "../ui/parts";
import { FirstRun } from "./first-run";

/** How many accounts a page shows; each asks for its Token view. */
const shown = 25;

/** How many pages of a thousand accounts a search reads: the API lists accounts by id and can't be asked by name. */
const searchPagesMax = 10;

export function AccountsPage(p: { session: Session; route: Route }) {
  const cursor = p.route.query.get("cursor") ?? undefined;
  const asked = p.route.query.get("q") ?? "";
  const accounts = useLoad((signal) => (asked ? search(asked, signal) : api.accounts({ limit: shown, cursor }, signal)), [cursor, asked]);
  const may = p.session.role !== "read" && p.session.account === null;
  if (!accounts.value) return accounts.error ? <Page title="Accounts"><Failure error={accounts.error} again={accounts.again} /></Page> : <Loading />;
  const { data, next_cursor } = accounts.value;
  if (data.length === 0 && !cursor && !asked) return <FirstRun may={may} />;
  return (
    <Page title="Accounts" lead="The customers of your platform, and what each has used this month."
      actions={may && <a class="button main" href={href(["new-account"])}>New account</a>}>
      <div class="card">
        <Search asked={asked} />
        {accounts.error && <Failure error={accounts.error} again={accounts.again} />}
        {data.length > 0 ? <List accounts={data} /> : <p class="soft" role="status">No account has “{asked}” in its name or id.</p>}
        {asked ? next_cursor && <More asked={asked} /> : <Pager first={cursor ? href(["accounts"]) : null} next={next_cursor ? href(["accounts"], { cursor: next_cursor }) : null} />}
      </div>
    </Page>
  );
}

/** The first accounts whose name or id holds a text; next_cursor: there may be more of them. */
async function search(asked: string, signal: AbortSignal): Promise<Listed<Account>> {
  const wanted = asked.toLocaleLowerCase();
  const found: Account[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < searchPagesMax && found.length <= shown; page++) {
    const { data, next_cursor } = await api.accounts({ limit: 1000, cursor }, signal);
    found.push(...data.filter((a) => a.id.includes(wanted) || a.name.toLocaleLowerCase().includes(wanted)));
    cursor = next_cursor ?? undefined;
    if (!cursor) break;
  }
  return { data: found.slice(0, shown), next_cursor: cursor ?? (found.length > shown ? "more" : null) };
}

/** The text goes into the address once its writer pauses. */
function Search({ asked }: { asked: string }) {
  const [text, set] = useState(asked);
  useEffect(() => set((written) => (written.trim() === asked ? written : asked)), [asked]); // a link was followed
  useEffect(() => {
    if (text.trim() === asked) return;
    const pause = setTimeout(() => replace(href(["accounts"], { q: text.trim() })), 250);
    return () => clearTimeout(pause);
  }, [text]);
  return (
    <form class="row" role="search" onSubmit={(e) => { e.preventDefault(); replace(href(["accounts"], { q: text.trim() })); }}>
      <label class="hidden" for="search">Search accounts</label>
      <input id="search" type="search" placeholder="Search by name or id" value={text} onInput={(e) => set(e.currentTarget.value)} />
    </form>
  );
}

function More({ asked }: { asked: string }) {
  return <p class="soft small">There may be more. Write more of the name, or <a href={href(["accounts", asked])}>open the account with the id {asked}</a>.</p>;
}

function List({ accounts }: { accounts: Account[] }) {
  const ids = accounts.map((a) => a.id).join();
  const views = useLoad((signal) => viewsOf(accounts, signal), [ids]).value;
  return (
    <Table stack hideCaption caption="Accounts" rows={accounts} id={(a) => a.id} columns={[
      { name: "Account", cell: (a) => <><a class="title" href={href(["accounts", a.id])}>{a.name || a.id}</a>{a.name && a.name !== a.id && <div class="small soft"><code>{a.id}</code></div>}</> },
      { name: "Tokens this month", cell: (a) => <Used view={views?.get(a.id)} /> },
      { name: "Status", cell: (a) => <Status account={a} view={views?.get(a.id)} /> },
      { name: "Extra tokens", right: true, cell: (a) => known(views?.get(a.id), (v) => count(v.extra.remaining)) },
      { name: "Reset", right: true, cell: (a) => known(views?.get(a.id), (v) => day(v.reset.at, v.reset.timezone)) },
      { name: "Plan", cell: (a) => a.plan ?? <span class="soft">own total</span> },
    ]} />
  );
}

/** The Token views of a page's accounts; undefined: it is not known now. */
async function viewsOf(accounts: Account[], signal: AbortSignal): Promise<Map<string, TokenView | undefined>> {
  const views = await Promise.all(accounts.map((a) => api.tokens(a.id, signal).catch(() => undefined)));
  return new Map(accounts.map((a, i) => [a.id, views[i]]));
}

function known(v: TokenView | undefined, say: (v: TokenView) => string) {
  return v ? say(v) : <span class="soft">–</span>;
}

function Status(p: { account: Account; view: TokenView | undefined }) {
  if (p.account.status === "suspended") return <Tag tone="bad">suspended</Tag>;
  return p.view?.blocked ? <Tag tone="bad">both pools empty</Tag> : <Tag tone="good">active</Tag>;
}

function Used({ view }: { view: TokenView | undefined }) {
  if (!view) return <span class="used-of soft">–</span>;
  const { used, total } = view.monthly;
  const share = total > 0 ? used / total : 0;
  return (
    <span class="used-of">
      <span class="num">{count(used)} <span class="soft">of {count(total)}</span></span>
      <span class="num soft">{percent(share)}</span>
      <span class={"mini " + (view.blocked ? "bad" : share >= 0.8 ? "warn" : "")} aria-hidden="true">
        <span ref={(el) => { if (el) el.style.width = Math.min(100, share * 100) + "%"; }} />
      </span>
    </span>
  );
}
