import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { count, date, instant, percent, twoDigits } from "../format";
import { notice, pace, progress } from "./notice";
import type { Seen } from "./source";

/** The Token view: Tokens, Monthly Usage Reset, Extra Tokens. `onDue` is called when the reset's instant has come. */
export function View(p: { seen: Seen; stale: string | null; onDue: () => void }) {
  const { view } = p.seen;
  const said = notice(view);
  return (
    <div class="view" part="view">
      <div role="status">
        {said && <div class={"notice " + said.tone} part="notice"><strong>{said.title}</strong><span>{said.text}</span></div>}
        {p.stale && <div class="notice warn" part="notice"><strong>These figures are not the newest</strong><span>{p.stale}</span></div>}
      </div>
      <Monthly seen={p.seen} />
      <Reset seen={p.seen} onDue={p.onDue} />
      <Extra seen={p.seen} />
    </div>
  );
}

function Part(p: { id: string; name: string; aside?: ComponentChildren; children: ComponentChildren }) {
  return (
    <section class="part" part={"card " + p.id} aria-labelledby={p.id}>
      <div class="head"><h2 id={p.id}>{p.name}</h2>{p.aside}</div>
      {p.children}
    </section>
  );
}

/** Shares of `total` as widths; what is more than everything is cut. */
function bar(total: number, used: number, held: number): { used: number; held: number } {
  if (total <= 0) return { used: used > 0 ? 100 : 0, held: 0 };
  const u = Math.min(100, (used / total) * 100);
  return { used: u, held: Math.min(100 - u, (held / total) * 100) };
}

function wide(share: number) {
  return (el: HTMLElement | null) => { if (el) el.style.width = share + "%"; };
}

function Monthly({ seen: { view } }: { seen: Seen }) {
  const { total, used, remaining } = view.monthly;
  const widths = bar(total, used, view.held);
  const share = total > 0 ? used / total : 0;
  const tone = view.blocked ? "bad" : share >= 0.8 ? "warn" : "";
  const elapsed = progress(view).share;
  const even = Math.round(total * elapsed);
  return (
    <Part id="tokens" name="Tokens" aside={<span class={"share " + tone}>{percent(share)}</span>}>
      <p class="figure"><strong>{count(used)}</strong> <span>of {count(total)} used this month</span></p>
      <div class="track">
        <div class="bar" part="bar" role="progressbar" aria-labelledby="tokens" aria-valuemin={0} aria-valuemax={Math.max(total, used)} aria-valuenow={used}
          aria-valuetext={`${count(used)} of ${count(total)} tokens used, ${percent(share)}` + (view.held > 0 ? `; ${count(view.held)} held by running requests` : "")}>
          <span class={"used " + tone} ref={wide(widths.used)} />
          <span class={"held " + tone} ref={wide(widths.held)} />
        </div>
        {used > 0 && <span class="even" ref={(el) => { if (el) el.style.left = elapsed * 100 + "%"; }} />}
      </div>
      {view.overdraft > 0 && <div class="bar over" aria-hidden="true"><span ref={wide(bar(total, view.overdraft, 0).used)} /></div>}
      <ul class="keys">
        <li><i class={"used " + tone} />Used <b>{count(used)}</b></li>
        {view.held > 0 && <li><i class={"held " + tone} />Held by running requests <b>{count(view.held)}</b></li>}
        <li><i class="left" />Remaining <b>{count(remaining)}</b></li>
        {view.overdraft > 0 && <li class="overdraft"><i class="over" />Overdraft, beyond both pools <b>{count(view.overdraft)}</b></li>}
        {used > 0 && <li><i class="even" />Even pace by now <b>{count(even)}</b></li>}
      </ul>
      <Pace view={view} />
    </Part>
  );
}

function Pace({ view }: { view: Seen["view"] }) {
  const { text, until } = pace(view);
  return (
    <p class="note">
      {until && <>Lasts until <b><time dateTime={until} title={instant(until, view.reset.timezone)}>{date(until, view.reset.timezone)}</time></b> </>}{text}
    </p>
  );
}

/** Whole seconds to the reset, by how long ago the view came. */
function left(seen: Seen): number {
  return Math.max(0, Math.ceil(seen.view.reset.in_seconds - (performance.now() - seen.came) / 1000));
}

function Reset({ seen, onDue }: { seen: Seen; onDue: () => void }) {
  const [seconds, set] = useState(() => left(seen));
  useEffect(() => {
    set(left(seen));
    const tick = setInterval(() => {
      const now = left(seen);
      set(now);
      if (now === 0) onDue();
    }, 1000);
    return () => clearInterval(tick);
  }, [seen]);
  const { at, timezone, period_start } = seen.view.reset;
  const { share, day, days } = progress(seen.view);
  const parts: [number, string][] = [
    [Math.floor(seconds / 86400), "days"], [Math.floor(seconds / 3600) % 24, "hours"],
    [Math.floor(seconds / 60) % 60, "minutes"], [seconds % 60, "seconds"],
  ];
  return (
    <Part id="reset" name="Monthly Usage Reset">
      <div class="countdown" part="countdown" role="timer" aria-labelledby="reset" aria-live="off">
        {parts.map(([n, unit]) => <span key={unit}><b>{twoDigits(n)}</b><small>{unit}</small></span>)}
      </div>
      <p class="when"><time dateTime={at}>{instant(at, timezone)}</time> <span>{timezone}</span></p>
      <div class="bar thin" aria-hidden="true"><span class="passed" ref={wide(share * 100)} /></div>
      <dl>
        <div><dt>Period began</dt><dd><time dateTime={period_start}>{date(period_start, timezone)}</time></dd></div>
        <div><dt>Today</dt><dd>day {count(day)} of {count(days)}</dd></div>
      </dl>
      <p class="note">The monthly pool is full again then; what is left of it lapses.</p>
    </Part>
  );
}

/** Its bar shows what is left, as the figure above it does. */
function Extra({ seen: { view } }: { seen: Seen }) {
  const { purchased, used, remaining, next_expiry } = view.extra;
  const held = Math.min(remaining, Math.max(0, view.held - view.monthly.remaining)); // what the monthly pool can't hold
  const widths = bar(purchased, remaining - held, held);
  return (
    <Part id="extra" name="Extra Tokens">
      <p class="figure"><strong>{count(remaining)}</strong> <span>{purchased > 0 ? `of ${count(purchased)} purchased are left` : "none purchased"}</span></p>
      {purchased > 0 && (
        <div class="bar thin" role="progressbar" aria-labelledby="extra" aria-valuemin={0} aria-valuemax={purchased} aria-valuenow={remaining}
          aria-valuetext={`${count(remaining)} of ${count(purchased)} extra tokens left` + (held > 0 ? `; ${count(held)} of them held by running requests` : "")}>
          <span class="used extra" ref={wide(widths.used)} />
          <span class="held extra" ref={wide(widths.held)} />
        </div>
      )}
      <dl>
        <div><dt>Purchased</dt><dd>{count(purchased)}</dd></div>
        <div><dt>Used</dt><dd>{count(used)}</dd></div>
        <div><dt>Remaining</dt><dd>{count(remaining)}</dd></div>
        <div><dt>Next expiry</dt><dd>{next_expiry ? <time dateTime={next_expiry}>{date(next_expiry, view.reset.timezone)}</time> : "none"}</dd></div>
      </dl>
      <p class="note">{purchased > 0 ? "They are taken when the monthly tokens are used up, and stay until used or expired." : "Purchased tokens are taken when the monthly ones are used up."}</p>
    </Part>
  );
}

/** What stands there before the first figures come. */
export function Skeleton() {
  return (
    <div class="view" part="view">
      <p class="loading hidden" role="status">Loading…</p>
      {[3, 2, 2].map((lines, i) => (
        <section class="part" part="card" key={i} aria-hidden="true">
          {Array.from({ length: lines + 2 }, (_, n) => <div class={"bone b" + n} key={n} />)}
        </section>
      ))}
    </div>
  );
}

/** Why there are no figures, and the way to ask again. */
export function Trouble(p: { why: string; again: () => void }) {
  return (
    <div class="notice bad" part="notice" role="alert">
      <strong>The tokens can’t be shown</strong><span>{p.why}</span><button onClick={p.again}>Try again</button>
    </div>
  );
}
