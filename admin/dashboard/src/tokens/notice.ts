import type { TokenView } from "../api";
import { count, instant, percent } from "../format";

/** What a customer should know now: which pool, when it lifts, what buying does. */
export interface Notice { tone: "warn" | "bad"; title: string; text: string }

/** The shares of the monthly pool at which the customer is told, most urgent first. */
const shares = [0.95, 0.8];

export function notice(v: TokenView): Notice | null {
  const back = `On ${instant(v.reset.at, v.reset.timezone)} (${v.reset.timezone}) the monthly tokens are full again.`;
  const owed = v.overdraft > 0 ? ` What was used beyond both pools, ${count(v.overdraft)}, may be taken from it first.` : "";
  if (v.blocked) {
    return { tone: "bad", title: "Both pools are empty: requests are refused", text: `${back} A purchase of extra tokens lifts this at once.${owed}` };
  }
  if (v.monthly.remaining <= 0) {
    return { tone: "warn", title: "The monthly tokens are used up", text: `Requests now take extra tokens; ${count(v.extra.remaining)} are left. ${back}` };
  }
  const share = v.monthly.total > 0 ? v.monthly.used / v.monthly.total : 0;
  const reached = shares.find((s) => share >= s);
  if (reached === undefined) return null;
  const then = v.extra.remaining > 0
    ? `After them, ${count(v.extra.remaining)} extra tokens are taken.`
    : "After them, requests are refused; extra tokens, bought in time, keep them going.";
  return { tone: "warn", title: `${percent(share)} of the monthly tokens are used`, text: `${count(v.monthly.remaining)} are left. ${then} ${back}` };
}

/** How long the tokens last at the rate of the last seven days; until: the day on which they end. */
export function pace(v: TokenView): { text: string; until?: string } {
  if (v.blocked) return { text: "Nothing is left until the reset or a purchase." };
  if (v.monthly.used + v.extra.used === 0) return { text: "Nothing has been used yet." };
  if (v.forecast.empty_at === null) return { text: "Lasts beyond the reset at the rate of the last seven days." };
  return { text: "at the rate of the last seven days.", until: v.forecast.empty_at };
}

/** How much of the period is over, 0 to 1, and its days: the one that runs and how many it has. */
export function progress(v: TokenView): { share: number; day: number; days: number } {
  const start = Date.parse(v.reset.period_start), end = Date.parse(v.reset.at), now = Date.parse(v.as_of);
  const days = Math.max(1, Math.round((end - start) / 86_400_000));
  const share = end > start ? Math.min(1, Math.max(0, (now - start) / (end - start))) : 0;
  return { share, day: Math.min(days, Math.floor(share * days) + 1), days };
}
