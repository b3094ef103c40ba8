import { useEffect, useRef, useState } from "preact/hooks";
import { AccountPage, type AccountProps } from "../app";
import { api, signedOut, type TokenView } from "../api";
import { count, date } from "../format";
import { useLoad } from "../load";
import { href } from "../route";
import { Banner } from "../ui/parts";

/** The Token view of an account, and the purchases that its extra tokens come from. */
export function TokensPage(p: AccountProps) {
  const view = useRef<HTMLElement>(null);
  const [extra, set] = useState("");
  useEffect(() => {
    const self = view.current;
    const follow = (e: Event) => set(JSON.stringify((e as CustomEvent<TokenView>).detail.extra));
    const fail = (e: Event) => { if ((e as CustomEvent<{ status: number }>).detail.status === 401) signedOut.dispatchEvent(new Event("signedout")); };
    self?.addEventListener("tollgate-tokens", follow);
    self?.addEventListener("tollgate-tokens-fault", fail);
    return () => {
      self?.removeEventListener("tollgate-tokens", follow);
      self?.removeEventListener("tollgate-tokens-fault", fail);
    };
  }, []);
  return (
    <AccountPage {...p} view="" actions={<a class="button main" href={href(["accounts", p.account.id, "purchases"])}>Add extra tokens</a>}>
      {p.account.status === "suspended" && (
        <Banner tone="bad" title="This account is suspended"><span>Its requests are refused. <a href={href(["accounts", p.account.id, "settings"])}>Activate it in the settings</a>.</span></Banner>
      )}
      <tollgate-tokens account={p.account.id} ref={view} />
      <Open {...p} extra={extra} />
    </AccountPage>
  );
}

/** Purchases that still hold tokens, in the order in which they are taken; read anew when `extra` changes. */
function Open(p: AccountProps & { extra: string }) {
  const grants = useLoad((signal) => api.grants(p.account.id, { limit: 1000 }, signal), [p.account.id, p.extra]);
  const open = (grants.value?.data ?? [])
    .filter((g) => g.remaining > 0 && !g.voided_at && (!g.expires_at || Date.parse(g.expires_at) > Date.now()))
    .sort((a, b) => (a.expires_at ?? "9").localeCompare(b.expires_at ?? "9") || a.created_at.localeCompare(b.created_at));
  if (open.length === 0) return null;
  return (
    <section class="card" aria-labelledby="open">
      <h2 id="open">Purchases, in the order in which they are taken</h2>
      <ul class="lines">
        {open.slice(0, 5).map((g) => (
          <li class="row apart" key={g.id}>
            <span class="title">{g.reference}</span>
            <span class="num soft">{count(g.remaining)} of {count(g.tokens)} left, {g.expires_at ? "until " + date(g.expires_at, p.account.timezone) : "no expiry"}</span>
          </li>
        ))}
      </ul>
      {open.length > 5 && <p><a href={href(["accounts", p.account.id, "purchases"])}>All {count(open.length)} purchases</a></p>}
    </section>
  );
}
