import type { TokenView } from "../api";
import { count, instant, percent } from "../format";

/** What a customer should know now: which pool, when it lifts, what buying does. */
export interface Notice { tone: "warn" | "bad"; title: string; text: string }

/** The shares of the monthly pool at which the customer is told, most urgent first. */
const shares = [0.95, 0.8];

export function notice(v: TokenView): Notice | null {
  const back = `On ${instant(v.reset.at, v.reset.timezone)} (${v.reset.timezone}) the monthly tokens are full again.`;
  const owed = v.overdraft > 0 ? ` The first ${count(v.overdraft)} of a purchase pay the overdraft.` : "";
  if (v.blocked) {
    return { tone: "bad", title: "Both pools are empty: requests are refused", text: `${back} Extra tokens, once bought, lift this at once.${owed}` };
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

/** How long the tokens last at the pace of the last seven days. */
export function pace(v: TokenView): string {
  if (v.blocked) return "Nothing is left to use until the reset or a purchase.";
  if (v.monthly.used + v.extra.used === 0) return "Nothing has been used yet.";
  if (v.forecast.empty_at === null) return "At the pace of the last seven days the tokens last beyond the reset.";
  return `At the pace of the last seven days they last until ${instant(v.forecast.empty_at, v.reset.timezone)}.`;
}
