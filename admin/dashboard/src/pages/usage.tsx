import { api, type Key, type UsageRow } from "../api";
import { AccountPage, type AccountProps } from "../app";
import { count, percent, short } from "../format";
import { useLoad } from "../load";
import { href, type Route } from "../route";
import { StackedBars } from "../ui/chart";
import { Empty, Failure, Loading, Table } from "../ui/parts";
import { barsOf, daysOf, daysPerBar } from "./days";
import { facetLabel, facetNames, facetTitles, Filters, filtersOf, useFacets, type Facet, type Facets } from "./facets";
import { RangeChoice, rangeOf, spanOf, withQuery } from "./range";
import { builtinActivities } from "./words";

/** A chart has as many colours; what is smaller is one series, "other". */
const seriesMax = 7;

export function UsagePage(p: AccountProps) {
  const { account, route } = p;
  const range = rangeOf(route, account.timezone, "period");
  const facets = useFacets(account, spanOf(range));
  const filters = filtersOf(route, facetNames);
  const csv = api.usageCSV(account.id, { ...spanOf(range), ...filters, group_by: "day," + facetNames.join(",") });
  return (
    <AccountPage {...p} view="usage" actions={<a class="button" href={csv} download>Download CSV</a>}>
      <RangeChoice route={route} range={range} presets={["period", "7", "30"]} zone={account.timezone} span={facets.value} />
      <Filters route={route} facets={facets.value} names={facetNames} />
      {facets.error && <Failure error={facets.error} again={facets.again} />}
      {!facets.value && !facets.error && <Loading />}
      {facets.value && <div aria-busy={facets.waits}><Figures {...p} facets={facets.value} filters={filters} /></div>}
    </AccountPage>
  );
}

function Figures(p: AccountProps & { facets: Facets; filters: Record<string, string> }) {
  const { facets, filters } = p;
  const rows = facets.rows.filter((row) => facetNames.every((f) => !filters[f] || row[f] === filters[f]));
  if (rows.length === 0) return <NoUsage {...p} />;
  return (
    <>
      <Totals rows={rows} />
      <ByDay {...p} />
      <div class="shares">
        {facetNames.map((f) => <Shares key={f} facet={f} rows={rows} keys={facets.keys} route={p.route} />)}
      </div>
    </>
  );
}

function NoUsage(p: AccountProps & { facets: Facets; filters: Record<string, string> }) {
  if (Object.keys(p.filters).length > 0) {
    return <Empty title="Nothing fits these filters"><p>In these days nothing was used that has all of them.</p>
      <p><a class="button" href={withQuery(p.route, Object.fromEntries(facetNames.map((f) => [f, undefined])))}>Clear filters</a></p></Empty>;
  }
  const live = [...p.facets.keys.values()].some((k) => !k.revoked_at && k.scope === "call");
  return (
    <Empty title="No usage in these days">
      {live
        ? <p>Requests through the gateway with one of this account's keys appear here seconds after they end. Choose other days to see older ones.</p>
        : <p>This account has no key that can call a provider. Make one, and give it to the chatbot's backend in place of the provider's own.</p>}
      <p>{live
        ? <a class="button" href={withQuery(p.route, { range: "30", from: undefined, to: undefined })}>Last 30 days</a>
        : <a class="button main" href={href(["accounts", p.account.id, "keys"])}>Make a key</a>}</p>
    </Empty>
  );
}

function sum(rows: UsageRow[], of: (row: UsageRow) => number): number {
  return rows.reduce((total, row) => total + of(row), 0);
}

function Totals(p: { rows: UsageRow[] }) {
  const figures: [name: string, value: number, note?: string][] = [
    ["Requests", sum(p.rows, (r) => r.requests)],
    ["Input tokens", sum(p.rows, (r) => r.tokens.input), `${short(sum(p.rows, (r) => r.tokens.cached_input))} of them cached`],
    ["Output tokens", sum(p.rows, (r) => r.tokens.output), `${short(sum(p.rows, (r) => r.tokens.reasoning_output))} of them reasoning`],
    ["Charged", sum(p.rows, (r) => r.charged.total), `${short(sum(p.rows, (r) => r.charged.monthly))} monthly, ${short(sum(p.rows, (r) => r.charged.extra))} extra`],
  ];
  const overdraft = sum(p.rows, (r) => r.charged.overdraft);
  if (overdraft > 0) figures.push(["Overdraft", overdraft, "no pool could pay it"]);
  return (
    <dl class="figures card">
      {figures.map(([name, value, note]) => <div key={name}><dt>{name}</dt><dd class="num">{count(value)}</dd>{note && <dd class="soft small">{note}</dd>}</div>)}
    </dl>
  );
}

/** Tokens charged by day, stacked by one facet, which the address names. */
function ByDay(p: AccountProps & { facets: Facets; filters: Record<string, string> }) {
  const { account, route, facets } = p;
  const by = facetNames.find((f) => f === route.query.get("by")) ?? "activity";
  const span = { from: facets.from, to: facets.to };
  const days = useLoad((signal) => api.usage(account.id, { ...span, ...p.filters, group_by: "day," + by }, signal),
    [account.id, facets, by, JSON.stringify(p.filters)]);
  return (
    <section class="card" aria-labelledby="by-day" aria-busy={days.waits}>
      <div class="row apart">
        <h2 id="by-day">Tokens charged by day</h2>
        <nav class="choice" aria-label="Stacked by">
          {facetNames.map((f) => <a key={f} href={withQuery(route, { by: f === "activity" ? undefined : f })} aria-current={f === by ? "true" : undefined}>{facetTitles[f]}</a>)}
        </nav>
      </div>
      {days.error && <Failure error={days.error} again={days.again} />}
      {days.value && <DayChart rows={days.value} by={by} zone={account.timezone} facets={facets} />}
    </section>
  );
}

function DayChart(p: { rows: UsageRow[]; by: Facet; zone: string; facets: Facets }) {
  const series = seriesOf(p.rows, p.by);
  const days = daysOf(p.facets.from, p.facets.to, p.zone);
  const sums = new Map<string, number>();
  for (const row of p.rows) {
    const value = row[p.by] ?? "";
    const at = JSON.stringify([row.day, series.includes(value) ? value : other]);
    sums.set(at, (sums.get(at) ?? 0) + row.charged.total);
  }
  const bars = barsOf(days, daysPerBar(days.length), series, (day, s) => sums.get(JSON.stringify([day, s])) ?? 0);
  const label = (value: string) => (value === other ? "other" : facetLabel(p.by, value, p.facets.keys));
  return <StackedBars title={`Tokens charged by day and ${facetTitles[p.by].toLowerCase()}`} of="Day" series={series.map(label)} bars={bars} />;
}

const other = "\u0000other";

/** The values that get a colour: the gateway's own activities in their order, else the largest first. */
function seriesOf(rows: UsageRow[], by: Facet): string[] {
  const sums = new Map<string, number>();
  for (const row of rows) sums.set(row[by] ?? "", (sums.get(row[by] ?? "") ?? 0) + row.charged.total);
  const known = by === "activity" ? builtinActivities.filter((a) => sums.has(a)) : [];
  const rest = [...sums].filter(([value]) => !known.includes(value)).sort((a, b) => b[1] - a[1]).map(([value]) => value);
  const series = [...known, ...rest];
  return series.length > seriesMax + 1 ? [...series.slice(0, seriesMax), other] : series;
}

/** Who used how much: a table whose bars are the chart. Each name filters by itself. */
function Shares(p: { facet: Facet; rows: UsageRow[]; keys: Map<string, Key>; route: Route }) {
  const sums = new Map<string, { tokens: number; requests: number }>();
  for (const row of p.rows) {
    const of = sums.get(row[p.facet] ?? "") ?? { tokens: 0, requests: 0 };
    sums.set(row[p.facet] ?? "", { tokens: of.tokens + row.charged.total, requests: of.requests + row.requests });
  }
  const all = sum(p.rows, (r) => r.charged.total) || 1;
  const rows = [...sums].map(([value, of]) => ({ value, ...of })).sort((a, b) => b.tokens - a.tokens);
  const title = "By " + facetTitles[p.facet].toLowerCase();
  return (
    <section class="card">
      <h2>{title}</h2>
      <Table caption={`Tokens ${title.toLowerCase()}`} hideCaption rows={rows.slice(0, 50)} id={(r) => r.value} columns={[
        { name: facetTitles[p.facet], cell: (r) => <Share label={facetLabel(p.facet, r.value, p.keys)} share={r.tokens / all} to={r.value === "" ? null : withQuery(p.route, { [p.facet]: r.value })} /> },
        { name: "Tokens", right: true, cell: (r) => <>{count(r.tokens)}<span class="under">{count(r.requests)} {r.requests === 1 ? "request" : "requests"}</span></> },
      ]} />
      {rows.length > 50 && <p class="soft small">The 50 largest of {count(rows.length)}; the CSV has all.</p>}
    </section>
  );
}

function Share(p: { label: string; share: number; to: string | null }) {
  return (
    <span class="share">
      <span class="row apart">{p.to ? <a href={p.to}>{p.label}</a> : <span class="soft">{p.label}</span>}<span class="soft small num">{percent(Math.round(p.share * 100) / 100)}</span></span>
      <span class="mini" aria-hidden="true" ref={(el) => { el?.style.setProperty("width", "100%"); }}><span ref={(el) => { el?.style.setProperty("width", `${p.share * 100}%`); }} /></span>
    </span>
  );
}
