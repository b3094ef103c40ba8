import { calendarDay, day, shift, today } from "../format";
import type { Bar } from "../ui/chart";

/** Every calendar day of a span of instants, in a zone. */
export function daysOf(from: string, to: string, zone: string): string[] {
  const first = today(zone, new Date(from)), last = today(zone, new Date(Date.parse(to) - 1));
  const days = [];
  for (let d = first; d <= last && days.length < 4000; d = shift(d, 1)) days.push(d);
  return days;
}

/** How many days one bar holds, so that a chart stays readable: a day, a week or four. */
export function daysPerBar(days: number): number {
  if (days <= 62) return 1;
  return days <= 430 ? 7 : 28;
}

/** Bars of tokens by series out of sums by day; days without any have a bar without height. */
export function barsOf(days: string[], per: number, series: string[], value: (day: string, series: string) => number): Bar[] {
  const bars: Bar[] = [];
  for (let i = 0; i < days.length; i += per) {
    const held = days.slice(i, i + per);
    const first = held[0] ?? "", last = held[held.length - 1] ?? "";
    bars.push({
      id: first,
      tick: day(first + "T00:00:00Z", "UTC"),
      label: first === last ? calendarDay(first) : `${calendarDay(first)} – ${calendarDay(last)}`,
      values: series.map((s) => held.reduce((sum, d) => sum + value(d, s), 0)),
    });
  }
  return bars;
}
