import { useId } from "preact/hooks";
import { api, call, type Account, type Key, type Query, type UsageRow } from "../api";
import { useLoad, type Loaded } from "../load";
import { replace, type Route } from "../route";
import { all } from "./all";
import { withQuery } from "./range";
import { outcomeNames, outcomeWord } from "./words";

/** What usage can be told apart by, beside the day. */
export const facetNames = ["activity", "chatbot", "model", "provider", "key"] as const;
export type Facet = (typeof facetNames)[number];

export const facetTitles: Record<Facet, string> = { activity: "Activity", chatbot: "Chatbot", model: "Model", provider: "Provider", key: "Key" };

/** The sums of a span by everything at once: filters and shares are made of it without asking again. */
export interface Facets { rows: UsageRow[]; keys: Map<string, Key>; from: string; to: string }

export function useFacets(account: Account, span: Query): Loaded<Facets> {
  return useLoad(async (signal) => {
    const path = `accounts/${encodeURIComponent(account.id)}/usage`;
    const [usage, keys] = await Promise.all([
      call<{ data: UsageRow[]; from: string; to: string }>("GET", path, { query: { ...span, group_by: facetNames.join(",") }, signal }),
      all((query) => api.keys(account.id, query, signal)),
    ]);
    return { rows: usage.body.data, from: usage.body.from, to: usage.body.to, keys: new Map(keys.map((k) => [k.id, k])) };
  }, [account.id, span["from"], span["to"]]);
}

/** How a value of a facet is written: keys have names, and an empty one is said. */
export function facetLabel(facet: Facet, value: string, keys: Map<string, Key>): string {
  if (value === "") return "none";
  return facet === "key" ? keys.get(value)?.name || value : value;
}

/** The filters that an address has. */
export function filtersOf(route: Route, names: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of names) {
    const value = route.query.get(name);
    if (value) found[name] = value;
  }
  return found;
}

/** A choice for each facet, of the values that there are. */
export function Filters(p: { route: Route; facets: Facets | undefined; names: readonly Facet[]; outcomes?: boolean }) {
  const options = (facet: Facet) => {
    const values = new Set(p.facets?.rows.map((r) => r[facet] ?? "").filter((v) => v !== ""));
    const chosen = p.route.query.get(facet);
    if (chosen) values.add(chosen);
    const keys = p.facets?.keys ?? new Map<string, Key>();
    return [...values].map((v): [string, string] => [v, facetLabel(facet, v, keys)]).sort((a, b) => a[1].localeCompare(b[1]));
  };
  const asked = [...p.names, ...(p.outcomes ? ["outcome"] : [])].filter((n) => p.route.query.get(n));
  return (
    <div class="filters" role="group" aria-label="Filters">
      {p.names.map((n) => <Filter key={n} route={p.route} name={n} title={facetTitles[n]} options={options(n)} />)}
      {p.outcomes && <Filter route={p.route} name="outcome" title="Outcome" options={outcomeNames.map((o) => [o, outcomeWord(o)])} />}
      {asked.length > 0 && <a class="button little plain" href={withQuery(p.route, Object.fromEntries(asked.map((n) => [n, undefined])))}>Clear filters</a>}
    </div>
  );
}

function Filter(p: { route: Route; name: string; title: string; options: [value: string, label: string][] }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{p.title}</label>
      <select id={id} value={p.route.query.get(p.name) ?? ""} onChange={(e) => replace(withQuery(p.route, { [p.name]: e.currentTarget.value || undefined }))}>
        <option value="">All</option>
        {p.options.map(([value, label]) => <option key={value} value={value}>{label}</option>)}
      </select>
    </div>
  );
}
