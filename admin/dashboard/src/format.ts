/** Numbers and instants as the reader's locale writes them; instants in the account's zone, which is named beside them. */

let locale: string | undefined;

/** Sets the locale of all that is written; undefined: the browser's. */
export function setLocale(to: string | undefined): void {
  locale = to;
}

const numbers = new Map<string, Intl.NumberFormat>();

function format(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const name = (locale ?? "") + JSON.stringify(options);
  let f = numbers.get(name);
  if (!f) numbers.set(name, (f = new Intl.NumberFormat(locale, options)));
  return f;
}

/** 1,234,567 */
export const count = (n: number): string => format({}).format(n);

/** 1.2M */
export const short = (n: number): string => format({ notation: "compact", maximumFractionDigits: 1 }).format(n);

/** +1,234 or −1,234 */
export const signed = (n: number): string => format({ signDisplay: "exceptZero" }).format(n);

/** Of a share from 0 on, cut and not rounded: 79.9 % is 79 %, so that 80 and 100 are said when they are reached. */
export function percent(share: number): string {
  const whole = Math.floor(share * 100 + 1e-9);
  const f = format({ style: "percent" });
  return share > 0 && whole < 1 ? "<" + f.format(0.01) : f.format(whole / 100);
}

/** At least two digits: 09 */
export const twoDigits = (n: number): string => format({ minimumIntegerDigits: 2, useGrouping: false }).format(n);

/** 1 December 2026, 00:00 */
export function instant(at: string, zone: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: "long", timeStyle: "short", timeZone: zone }).format(new Date(at));
}

/** 1 Dec 2026, 00:00:00 */
export function exact(at: string, zone: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium", timeZone: zone }).format(new Date(at));
}

/** 1 Dec 2026, 00:00 */
export function brief(at: string, zone: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short", timeZone: zone }).format(new Date(at));
}

/** 28 Nov */
export function day(at: string, zone: string): string {
  return new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", timeZone: zone }).format(new Date(at));
}

/** 28 Nov 2026 */
export function date(at: string, zone: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeZone: zone }).format(new Date(at));
}

/** Of a calendar day as 2026-11-28, which has no zone: Sat, 28 Nov */
export function calendarDay(d: string): string {
  return new Intl.DateTimeFormat(locale, { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" }).format(new Date(d + "T00:00:00Z"));
}

/** Today in a zone, as 2026-11-28. */
export function today(zone: string, now = new Date()): string {
  return new Intl.DateTimeFormat("en-CA", { year: "numeric", month: "2-digit", day: "2-digit", timeZone: zone }).format(now);
}

/** A calendar day so many days later or earlier, as 2026-11-28. */
export function shift(d: string, days: number): string {
  return new Date(Date.parse(d + "T00:00:00Z") + days * 86_400_000).toISOString().slice(0, 10);
}

/** 1.29 s or 312 ms */
export function milliseconds(ms: number): string {
  return ms < 1000
    ? format({ style: "unit", unit: "millisecond" }).format(ms)
    : format({ style: "unit", unit: "second", maximumFractionDigits: 2 }).format(ms / 1000);
}
