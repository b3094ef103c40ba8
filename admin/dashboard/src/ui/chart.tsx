import { useState } from "preact/hooks";
import { count, short } from "../format";
import { Table } from "./parts";

/** One stack of bars: `values` are tokens by series, in the order of the chart's `series`; `tick` is the label below it. */
export interface Bar { id: string; label: string; tick: string; values: number[] }

const width = 800, height = 240, left = 48, bottom = 24, top = 8;

/** The smallest of 1, 1.5, 2, 3, 4, 6, 8 × 10ⁿ that is not below n. */
export function ceiling(n: number): number {
  if (n <= 0) return 1;
  const unit = 10 ** Math.floor(Math.log10(n));
  return unit * ([1, 1.5, 2, 3, 4, 6, 8, 10].find((m) => m * unit >= n) ?? 10);
}

/** Stacked bars with a focusable group a bar, a legend, and the same figures as a table behind it. */
export function StackedBars(p: { title: string; of: string; series: string[]; bars: Bar[] }) {
  const [shown, show] = useState<number | null>(null);
  const sums = p.bars.map((b) => b.values.reduce((a, v) => a + v, 0));
  const most = ceiling(Math.max(0, ...sums));
  const step = (width - left) / Math.max(1, p.bars.length);
  const thick = Math.max(1, Math.min(36, step * 0.68));
  const y = (tokens: number) => height - bottom - (tokens / most) * (height - bottom - top);
  const every = Math.max(1, Math.ceil(p.bars.length / 8));
  return (
    <figure>
      <figcaption class="hidden">{p.title}</figcaption>
      <ul class="legend">
        {p.series.map((name, i) => (
          <li key={name}><svg viewBox="0 0 12 12" aria-hidden="true"><rect width="12" height="12" rx="3" class={colour(i)} /></svg>{name}</li>
        ))}
      </ul>
      <div class="chart" onMouseLeave={() => show(null)}>
        <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="group" aria-label={p.title}>
          {[0, 0.5, 1].map((share) => <line key={share} class="axis" x1={left} x2={width} y1={y(most * share)} y2={y(most * share)} vector-effect="non-scaling-stroke" />)}
          {p.bars.map((bar, i) => {
            let sum = 0;
            return (
              <g class="day" key={bar.id} tabIndex={0} role="img" aria-label={describe(bar, p.series)}
                onMouseEnter={() => show(i)} onFocus={() => show(i)} onBlur={() => show(null)}>
                <rect class="hit" x={left + i * step} y={top} width={step} height={height - bottom - top} />
                {bar.values.map((v, s) => {
                  const low = y(sum), high = y((sum += v));
                  return v > 0 && <rect key={s} class={colour(s)} x={left + i * step + (step - thick) / 2} width={thick} y={high} height={Math.max(0.5, low - high)} />;
                })}
              </g>
            );
          })}
        </svg>
        <Scale most={most} bars={p.bars} every={every} />
        {shown !== null && p.bars[shown] && (
          <div class="tip" aria-hidden="true" ref={(el) => { if (el) place(el, (left + (shown + 0.5) * step) / width); }}>
            <strong>{p.bars[shown].label}</strong>
            <ul>
              {p.series.map((name, s) => (p.bars[shown]?.values[s] ?? 0) > 0 && <li key={name}><span>{name}</span><span>{count(p.bars[shown]?.values[s] ?? 0)}</span></li>)}
              <li><span>Total</span><span>{count(sums[shown] ?? 0)}</span></li>
            </ul>
          </div>
        )}
      </div>
      <details>
        <summary>Show as a table</summary>
        <Table caption={p.title} rows={p.bars} id={(b) => b.id} columns={[
          { name: p.of, cell: (b) => b.label },
          ...p.series.map((name, s) => ({ name, right: true, cell: (b: Bar) => count(b.values[s] ?? 0) })),
          { name: "Total", right: true, cell: (b) => count(b.values.reduce((a, v) => a + v, 0)) },
        ]} />
      </details>
    </figure>
  );
}

/** Labels stand beside the stretched drawing, so that they are not stretched with it. */
function Scale(p: { most: number; bars: Bar[]; every: number }) {
  const step = (width - left) / Math.max(1, p.bars.length);
  return (
    <div class="scale" aria-hidden="true">
      {[0, 0.5, 1].map((share) => <span key={share} class="y" ref={(el) => { if (el) el.style.top = `${((height - bottom - share * (height - bottom - top)) / height) * 240}px`; }}>{short(p.most * share)}</span>)}
      {p.bars.map((b, i) => i % p.every === 0 && <span key={b.id} class={"x" + ((i / p.every) % 2 ? " odd" : "")} ref={(el) => { if (el) el.style.left = `${((left + (i + 0.5) * step) / width) * 100}%`; }}>{b.tick}</span>)}
    </div>
  );
}

function colour(series: number): string {
  return "s" + (Math.min(series, 7) + 1);
}

function describe(bar: Bar, series: string[]): string {
  const parts = series.map((name, i) => [name, bar.values[i] ?? 0] as const).filter(([, v]) => v > 0);
  const total = parts.reduce((a, [, v]) => a + v, 0);
  return `${bar.label}: ${count(total)} tokens` + (parts.length ? ` (${parts.map(([n, v]) => `${n} ${count(v)}`).join(", ")})` : "");
}

/** Beside the bar, within the chart: to its left in the right half. */
function place(el: HTMLElement, share: number): void {
  el.style.left = share < 0.5 ? `calc(${share * 100}% + 20px)` : "auto";
  el.style.right = share < 0.5 ? "auto" : `calc(${(1 - share) * 100}% + 20px)`;
}
