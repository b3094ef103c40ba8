import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { api, signedOut, type Account, type Session } from "./api";
import { useLoad } from "./load";
import { href, useRoute, type Route } from "./route";
import { SignIn } from "./signin";
import { ThemeSwitch } from "./theme";
import { Failure, Loading, Page, Tag } from "./ui/parts";
import { AccountsPage } from "./pages/accounts";
import { EventPage } from "./pages/event";
import { EventsPage } from "./pages/events";
import { KeysPage } from "./pages/keys";
import { LedgerPage } from "./pages/ledger";
import { NewAccountPage } from "./pages/new-account";
import { PurchasesPage } from "./pages/purchases";
import { SettingsPage } from "./pages/settings";
import { TokensPage } from "./pages/tokens";
import { UsagePage } from "./pages/usage";

/** What every page of one account gets. */
export interface AccountProps { account: Account; session: Session; route: Route; reload: () => void }

const views: [name: string, label: string, page: (p: AccountProps) => JSX.Element][] = [
  ["", "Tokens", TokensPage],
  ["usage", "Usage", UsagePage],
  ["events", "Events", EventsPage],
  ["purchases", "Purchases", PurchasesPage],
  ["keys", "Keys", KeysPage],
  ["ledger", "Ledger", LedgerPage],
  ["settings", "Settings", SettingsPage],
];

export function App() {
  const [session, set] = useState<Session | null | undefined>(undefined);
  useEffect(() => {
    api.session().then(set, () => set(null));
    const out = () => set(null);
    signedOut.addEventListener("signedout", out);
    return () => signedOut.removeEventListener("signedout", out);
  }, []);
  if (session === undefined) return <Loading />;
  if (session === null) return <SignIn onDone={set} />;
  return <Shell session={session} onSignOut={() => api.signOut().then(() => set(null), () => set(null))} />;
}

function Shell(p: { session: Session; onSignOut: () => void }) {
  const route = useRoute();
  return (
    <>
      <a class="skip" href="#main" onClick={(e) => { e.preventDefault(); document.querySelector("h1")?.focus(); }}>Skip to the content</a>
      <header class="top">
        <div>
          <a class="brand" href={href([])}><Logo /><span>Tollgate</span></a>
          <nav aria-label="Main"><a href={href(["accounts"])} aria-current={route.path.length < 2 ? "page" : undefined}>Accounts</a></nav>
          <div class="who">
            <span class="name">{p.session.name}</span>
            {p.session.role !== "admin" && <Tag>{p.session.role}</Tag>}
            <ThemeSwitch />
            <button class="button little plain" onClick={p.onSignOut}>Sign out</button>
          </div>
        </div>
      </header>
      <main id="main"><Content route={route} session={p.session} /></main>
    </>
  );
}

function Content(p: { route: Route; session: Session }) {
  const [section, id] = p.route.path;
  if (section === undefined || (section === "accounts" && id === undefined)) return <AccountsPage session={p.session} route={p.route} />;
  if (section === "new-account" && id === undefined) return <NewAccountPage session={p.session} />;
  if (section === "accounts" && id !== undefined) return <AccountView key={id} id={id} {...p} />;
  return <NotFound />;
}

function NotFound() {
  return <Page title="There is no such page"><p><a href={href(["accounts"])}>All accounts</a></p></Page>;
}

/** The pages of one account, under its name and its tabs. */
function AccountView(p: { id: string; route: Route; session: Session }) {
  const account = useLoad((signal) => api.account(p.id, signal).then((a) => a.body), [p.id]);
  if (!account.value) return account.error ? <Page title={p.id}><Failure error={account.error} again={account.again} /></Page> : <Loading />;
  const [, , view = "", one, more] = p.route.path;
  const props: AccountProps = { account: account.value, session: p.session, route: p.route, reload: account.again };
  const found = views.find(([name]) => name === view);
  if (view === "events" && one && more === undefined) return <EventPage key={one} event={one} {...props} />;
  if (!found || one !== undefined) return <NotFound />;
  const [, , View] = found;
  return <View key={view} {...props} />;
}

/** The frame of an account's page: crumbs, name, status and tabs. */
export function AccountPage(p: AccountProps & { view: string; actions?: ComponentChildren; children: ComponentChildren }) {
  const { account } = p;
  const label = views.find(([name]) => name === p.view)?.[1] ?? "";
  const name = account.name || account.id;
  return (
    <Page
      title={p.view === "" ? name : `${name} · ${label}`}
      crumbs={<a href={href(["accounts"])}>Accounts</a>}
      lead={<span class="row"><code>{account.id}</code>{account.status === "suspended" && <Tag tone="bad">suspended</Tag>}</span>}
      actions={p.actions}
    >
      <nav class="tabs" aria-label={name} ref={(el) => el?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" })}>
        {views.map(([view, text]) => (
          <a key={view} href={href(view ? ["accounts", account.id, view] : ["accounts", account.id])} aria-current={view === p.view ? "page" : undefined}>{text}</a>
        ))}
      </nav>
      {p.children}
    </Page>
  );
}

export function Logo() {
  return (
    <svg width="24" height="24" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="#4f46e5" />
      <path d="M8 22V10m16 12V10" stroke="#fff" stroke-width="3" stroke-linecap="round" />
      <path d="M8 13h16" stroke="#c7d2fe" stroke-width="3" />
    </svg>
  );
}
