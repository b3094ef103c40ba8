import { useState } from "preact/hooks";
import { api, type Account, type Session } from "../api";
import { count, date, percent } from "../format";
import { useLoad } from "../load";
import { go, href, type Route } from "../route";
import { Failure, Loading, Page, Pager, Table, Tag } from "../ui/parts";

/** How many accounts a page shows; each asks for its Token view. */
const shown = 25;

export function AccountsPage(p: { session: Session; route: Route }) {
  const cursor = p.route.query.get("cursor") ?? undefined;
  const accounts = useLoad((signal) => api.accounts({ limit: shown, cursor }, signal), [cursor]);
  const may = p.session.role !== "read" && p.session.account === null;
  if (accounts.error) return <Failure error={accounts.error} again={accounts.again} />;
  if (!accounts.value) return <Loading />;
  const { data, next_cursor } = accounts.value;
  if (data.length === 0 && !cursor) return <FirstRun may={may} />;
  return (
    <Page title="Accounts" lead="The customers of your platform, and what each has used this month."
      actions={may && <a class="button main" href={href(["accounts", "new"])}>New account</a>}>
      <div class="card">
        <Find />
        <Table hideCaption caption="Accounts" rows={data} id={(a) => a.id} columns={[
          { name: "Account", cell: (a) => <><a href={href(["accounts", a.id])}>{a.name || a.id}</a>{a.name && a.name !== a.id && <div class="small soft"><code>{a.id}</code></div>}</> },
          { name: "Status", cell: (a) => <Status account={a} /> },
          { name: "Plan", cell: (a) => a.plan ?? "own total" },
          { name: "Tokens used", cell: (a) => <Used account={a} /> },
          { name: "Since", cell: (a) => date(a.created_at, a.timezone) },
        ]} />
        <Pager first={cursor ? href(["accounts"]) : null} next={next_cursor ? href(["accounts"], { cursor: next_cursor }) : null} />
      </div>
    </Page>
  );
}

function Status({ account }: { account: Account }) {
  return account.status === "suspended" ? <Tag tone="bad">suspended</Tag> : <Tag tone="good">active</Tag>;
}

function Used({ account }: { account: Account }) {
  const tokens = useLoad((signal) => api.tokens(account.id, signal), [account.id]);
  const v = tokens.value;
  if (!v) return <span class="soft">{tokens.error ? "not known now" : "…"}</span>;
  const share = v.monthly.total > 0 ? v.monthly.used / v.monthly.total : 0;
  return (
    <>
      <span class="num">{count(v.monthly.used)} of {count(v.monthly.total)}, {percent(share)}</span>
      {v.blocked && <> <Tag tone="bad">both pools empty</Tag></>}
      <span class={"mini " + (v.blocked ? "bad" : share >= 0.8 ? "warn" : "")} aria-hidden="true">
        <span ref={(el) => { if (el) el.style.width = Math.min(100, share * 100) + "%"; }} />
      </span>
    </>
  );
}

/** Opens an account by its id: there may be more of them than anybody wants to page through. */
function Find() {
  const [id, set] = useState("");
  const open = (e: Event) => {
    e.preventDefault();
    if (id.trim()) go(href(["accounts", id.trim()]));
  };
  return (
    <form class="row" role="search" onSubmit={open}>
      <label class="hidden" for="find">Account id</label>
      <input id="find" type="search" placeholder="Open an account by its id" value={id} onInput={(e) => set(e.currentTarget.value)} />
      <button class="button" type="submit">Open</button>
    </form>
  );
}

/** What an operator with no account yet does first. */
function FirstRun({ may }: { may: boolean }) {
  return (
    <Page title="Welcome to Tollgate" lead="No customer has an account yet. Three steps, and the first request is metered.">
      <ol class="grid steps">
        <li class="card"><h2>1. Make an account</h2><p class="soft">One for each customer, with its monthly tokens and the day of its reset.</p>{may && <p><a class="button main" href={href(["accounts", "new"])}>New account</a></p>}</li>
        <li class="card"><h2>2. Make a key for it</h2><p class="soft">The backend shows it where the provider's key stood. It is shown once.</p></li>
        <li class="card"><h2>3. Change the origin</h2><p class="soft">Point the client at this gateway instead of the provider, and nothing else:</p><p><code>base_url = "http://gateway:8080/v1"</code></p></li>
      </ol>
    </Page>
  );
}
