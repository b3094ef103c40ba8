import { useId } from "preact/hooks";
import type { Query } from "../api";
import { shift, today } from "../format";
import { go, href, type Route } from "../route";

/** The days that a page is about, as the address has them. */
export interface Range {
  preset: "period" | "7" | "30" | "all" | "custom";
  /** First and last day in the account's zone; "": the API's own span. */
  from: string;
  to: string;
}

const day = /^\d{4}-\d\d-\d\d$/;

export function rangeOf(route: Route, zone: string, otherwise: "period" | "all"): Range {
  const from = route.query.get("from") ?? "", to = route.query.get("to") ?? "", preset = route.query.get("range") ?? "";
  if (day.test(from) && day.test(to)) return { preset: "custom", from, to };
  const now = today(zone);
  if (preset === "7") return { preset, from: shift(now, -6), to: now };
  if (preset === "30") return { preset, from: shift(now, -29), to: now };
  if (preset === "period" || preset === "all") return { preset, from: "", to: "" };
  return { preset: otherwise, from: "", to: "" };
}

/** The members of a call that ask for the range. */
export function spanOf(range: Range): Query {
  return { from: range.from, to: range.to };
}

/** Every member of the address but those given; undefined takes one out. */
export function withQuery(route: Route, change: Record<string, string | undefined>): string {
  const query: Record<string, string | undefined> = {};
  for (const [name, value] of route.query) query[name] = value;
  return href(route.path, { ...query, cursor: undefined, ...change });
}

const names: Record<Range["preset"], string> = { all: "All time", period: "This period", "7": "Last 7 days", "30": "Last 30 days", custom: "Custom" };

/** The choice of a range: presets are links, days of one's own are a form. `span` is what the API made of a preset. */
export function RangeChoice(p: { route: Route; range: Range; presets: Range["preset"][]; zone: string; span?: { from: string; to: string } | undefined }) {
  const id = useId();
  const from = p.range.from || (p.span ? today(p.zone, new Date(p.span.from)) : "");
  const to = p.range.to || (p.span ? today(p.zone, new Date(Date.parse(p.span.to) - 1)) : "");
  const show = (e: Event) => {
    e.preventDefault();
    const form = new FormData(e.currentTarget as HTMLFormElement);
    const from = String(form.get("from")), to = String(form.get("to"));
    if (from && to) go(withQuery(p.route, from <= to ? { from, to, range: undefined } : { from: to, to: from, range: undefined }));
  };
  return (
    <div class="range">
      <nav class="choice" aria-label="Days">
        {p.presets.map((preset) => (
          <a key={preset} href={withQuery(p.route, { range: preset, from: undefined, to: undefined })} aria-current={preset === p.range.preset ? "true" : undefined}>{names[preset]}</a>
        ))}
      </nav>
      <form class="days" onSubmit={show} key={from + to}>
        <label class="hidden" for={id + "a"}>First day</label>
        <input id={id + "a"} type="date" name="from" required value={from} />
        <span aria-hidden="true">–</span>
        <label class="hidden" for={id + "b"}>Last day</label>
        <input id={id + "b"} type="date" name="to" required value={to} />
        <button class="button little">Show</button>
      </form>
      <span class="soft small">Days in {p.zone}</span>
    </div>
  );
}
