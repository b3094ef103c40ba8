import { api, type Key, type UsageEvent } from "../api";
import { AccountPage, type AccountProps } from "../app";
import { count, exact } from "../format";
import { useLoad } from "../load";
import { href } from "../route";
import { Empty, Failure, Loading, Pager, Table, Tag } from "../ui/parts";
import { facetLabel, Filters, filtersOf, useFacets } from "./facets";
import { RangeChoice, rangeOf, spanOf, withQuery } from "./range";
import { outcomeTone, outcomeWord } from "./words";

const filterNames = ["activity", "chatbot", "model", "key"] as const;
const pageSize = 50;

export function EventsPage(p: AccountProps) {
  const { account, route } = p;
  const range = rangeOf(route, account.timezone, "all");
  const filters = filtersOf(route, [...filterNames, "outcome"]);
  const cursor = route.query.get("cursor") ?? "";
  const span = useSpan(p, range.preset);
  const facets = useFacets(account, range.preset === "all" ? { from: account.created_at, to: soon() } : spanOf(range));
  const events = useLoad((signal) => api.events(account.id, { ...(span ?? spanOf(range)), ...filters, cursor, limit: pageSize }, signal),
    [account.id, JSON.stringify([range, filters, span]), cursor]);
  return (
    <AccountPage {...p} view="events">
      <RangeChoice route={route} range={range} presets={["all", "period", "7", "30"]} zone={account.timezone} />
      <Filters route={route} facets={facets.value} names={filterNames} outcomes />
      {events.error && <Failure error={events.error} again={events.again} />}
      {!events.value && !events.error && <Loading />}
      {events.value && (events.value.data.length === 0
        ? <NoEvents {...p} asked={Object.keys(filters).length > 0 || range.preset !== "all" || cursor !== ""} />
        : (
          <section class="card" aria-busy={events.waits || facets.waits}>
            <Events events={events.value.data} account={account.id} zone={account.timezone} keys={facets.value?.keys ?? new Map()} />
            <Pager first={cursor ? withQuery(route, {}) : null}
              next={events.value.next_cursor ? href(route.path, { ...Object.fromEntries(route.query), cursor: events.value.next_cursor }) : null} />
          </section>
        ))}
    </AccountPage>
  );
}

/** Tomorrow, as an instant that stays the same while the page is open for a day. */
function soon(): string {
  return new Date(Math.ceil(Date.now() / 86_400_000) * 86_400_000).toISOString();
}

/** The running period as instants, where the range is that: the list of events knows no period. */
function useSpan(p: AccountProps, preset: string): { from: string; to: string } | undefined {
  const view = useLoad((signal) => (preset === "period" ? api.tokens(p.account.id, signal) : Promise.resolve(undefined)), [p.account.id, preset]);
  return preset === "period" && view.value ? { from: view.value.reset.period_start, to: view.value.reset.at } : undefined;
}

function NoEvents(p: AccountProps & { asked: boolean }) {
  if (p.asked) {
    return <Empty title="No event fits"><p>Nothing in these days has all that was asked for.</p><p><a class="button" href={href(p.route.path)}>Show all events</a></p></Empty>;
  }
  return (
    <Empty title="No events yet">
      <p>Each request that a provider answered is one event: who asked, what was used, what it cost. Send one with a key of this account.</p>
      <p><a class="button main" href={href(["accounts", p.account.id, "keys"])}>Keys of this account</a></p>
    </Empty>
  );
}

function Events(p: { events: UsageEvent[]; account: string; zone: string; keys: Map<string, Key> }) {
  return (
    <Table caption={`Newest first, times in ${p.zone}`} rows={p.events} id={(e) => e.id} columns={[
      { name: "Time", cell: (e) => <a class="num nowrap" href={href(["accounts", p.account, "events", e.id])}>{exact(e.started_at, p.zone)}</a> },
      { name: "Activity", cell: (e) => e.activity },
      { name: "Chatbot", cell: (e) => e.chatbot || <span class="soft">none</span> },
      { name: "Model", cell: (e) => e.model || e.requested_model },
      { name: "Key", cell: (e) => facetLabel("key", e.key, p.keys) },
      { name: "Outcome", cell: (e) => <Tag tone={outcomeTone(e.outcome)}>{outcomeWord(e.outcome)}</Tag> },
      { name: "Tokens", right: true, cell: (e) => count(e.tokens.total) },
      { name: "Charged", right: true, cell: (e) => count(e.charged.total) },
    ]} />
  );
}
