/** Numbers and instants as the reader's locale writes them; instants in the account's zone, which is named beside them. */

let locale: string | undefined;

/** Sets the locale of all that is written; undefined, or what is none: the browser's. */
export function setLocale(to: string | undefined): void {
  try {
    locale = Intl.getCanonicalLocales(to)[0];
  } catch {
    locale = undefined;
  }
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

/** An instant in a zone. A zone that this browser is too old to know becomes UTC, and the text says so. */
function write(at: string, zone: string, options: Intl.DateTimeFormatOptions): string {
  try {
    return new Intl.DateTimeFormat(locale, { ...options, timeZone: zone }).format(new Date(at));
  } catch {
    return new Intl.DateTimeFormat(locale, { ...options, timeZone: "UTC" }).format(new Date(at)) + " UTC";
  }
}

/** 1 December 2026, 00:00 */
export function instant(at: string, zone: string): string {
  return write(at, zone, { dateStyle: "long", timeStyle: "short" });
}

/** 1 Dec 2026, 00:00:00 */
export function exact(at: string, zone: string): string {
  return write(at, zone, { dateStyle: "medium", timeStyle: "medium" });
}

/** 1 Dec 2026, 00:00 */
export function brief(at: string, zone: string): string {
  return write(at, zone, { dateStyle: "medium", timeStyle: "short" });
}

/** 28 Nov */
export function day(at: string, zone: string): string {
  return write(at, zone, { day: "numeric", month: "short" });
}

/** 28 Nov 2026 */
export function date(at: string, zone: string): string {
  return write(at, zone, { dateStyle: "medium" });
}

/** Of a calendar day as 2026-11-28, which has no zone: Sat, 28 Nov */
export function calendarDay(d: string): string {
  return new Intl.DateTimeFormat(locale, { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" }).format(new Date(d + "T00:00:00Z"));
}

/** Today in a zone, as 2026-11-28; in UTC where the browser does not know the zone. */
export function today(zone: string, now = new Date()): string {
  try {
    return new Intl.DateTimeFormat("en-CA", { year: "numeric", month: "2-digit", day: "2-digit", timeZone: zone }).format(now);
  } catch {
    return now.toISOString().slice(0, 10);
  }
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
