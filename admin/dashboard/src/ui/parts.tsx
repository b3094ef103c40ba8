import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Refused } from "../api";

/** A page: one h1, which gets the focus when the reader arrives, and the document's title. */
export function Page(p: { title: string; lead?: ComponentChildren; crumbs?: ComponentChildren; actions?: ComponentChildren; children: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => { document.title = p.title + " · Tollgate"; }, [p.title]);
  useEffect(() => { heading.current?.focus({ preventScroll: true }); scrollTo(0, 0); }, []);
  return (
    <>
      <div class="heading">
        <div class="what">
          {p.crumbs && <div class="crumbs">{p.crumbs}</div>}
          <h1 ref={heading} tabIndex={-1}>{p.title}</h1>
          {p.lead && <div class="soft">{p.lead}</div>}
        </div>
        {p.actions && <div class="row">{p.actions}</div>}
      </div>
      {p.children}
    </>
  );
}

type Tone = "good" | "warn" | "bad";

export function Tag(p: { tone?: Tone; children: ComponentChildren }) {
  return <span class={"tag " + (p.tone ?? "")}>{p.children}</span>;
}

/** Says something above the page's parts; `bad` interrupts a screen reader. */
export function Banner(p: { tone?: Tone; title: string; children?: ComponentChildren }) {
  return (
    <div class={"banner " + (p.tone ?? "")} role={p.tone === "bad" ? "alert" : "status"}>
      <strong>{p.title}</strong>
      {p.children}
    </div>
  );
}

/** What went wrong with a read, and the way to try it again. */
export function Failure(p: { error: Refused; again: () => void }) {
  return (
    <Banner tone="bad" title={p.error.status === 404 ? "There is nothing here" : "This could not be read"}>
      <span>{p.error.message}</span>
      <div><button class="button little" onClick={p.again}>Try again</button></div>
    </Banner>
  );
}

export function Loading() {
  return <p class="loading" role="status">Loading…</p>;
}

/** A list with nothing in it says what to do. */
export function Empty(p: { title: string; children: ComponentChildren }) {
  return <div class="card empty"><h2>{p.title}</h2>{p.children}</div>;
}

export interface Column<T> { name: string; right?: boolean; cell: (row: T) => ComponentChildren }

/** A table that scrolls by itself where it is wider than the page; with `stack` it shows on a phone one row below the other
 * instead. The first column names its row. */
export function Table<T>(p: { caption: string; columns: Column<T>[]; rows: T[]; id: (row: T) => string; hideCaption?: boolean; stack?: boolean }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={p.caption}>
      <table class={p.stack ? "stacked" : ""} role="table">
        <caption class={p.hideCaption ? "hidden" : ""}>{p.caption}</caption>
        <thead role="rowgroup"><tr role="row">{p.columns.map((c) => <th scope="col" role="columnheader" class={c.right ? "right" : ""} key={c.name}>{c.name}</th>)}</tr></thead>
        <tbody role="rowgroup">
          {p.rows.map((row) => (
            <tr role="row" key={p.id(row)}>
              {p.columns.map((c, i) => i === 0
                ? <th scope="row" role="rowheader" key={c.name}>{c.cell(row)}</th>
                : <td role="cell" data-name={c.name} class={c.right ? "right" : ""} key={c.name}>{c.cell(row)}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Links to the first and the next page of a list; null: there is none. */
export function Pager(p: { first: string | null; next: string | null }) {
  if (!p.first && !p.next) return null;
  return (
    <nav class="pager" aria-label="Pages">
      {p.first && <a class="button little" href={p.first}>First page</a>}
      {p.next && <a class="button little" href={p.next}>Next page</a>}
    </nav>
  );
}

/** A labelled input, select or textarea with its hint and what is wrong with it. */
export function Field(p: { label: string; hint?: ComponentChildren; fault?: string | undefined; children: (bind: { id: string; "aria-describedby"?: string; "aria-invalid"?: "true" }) => JSX.Element }) {
  const id = useId();
  const about = [p.hint ? id + "h" : "", p.fault ? id + "f" : ""].filter(Boolean).join(" ");
  const bind: { id: string; "aria-describedby"?: string; "aria-invalid"?: "true" } = { id };
  if (about) bind["aria-describedby"] = about;
  if (p.fault) bind["aria-invalid"] = "true";
  return (
    <div class="field">
      <label for={id}>{p.label}</label>
      {p.children(bind)}
      {p.hint && <span class="hint" id={id + "h"}>{p.hint}</span>}
      {p.fault && <span class="fault" id={id + "f"}>{p.fault}</span>}
    </div>
  );
}

/** A modal dialog; Escape closes it, and the focus returns to where it was. */
export function Dialog(p: { title: string; onClose: () => void; children: ComponentChildren }) {
  const self = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => { // at once, not after the next frame: the focus must not move under the next key
    const dialog = self.current, before = document.activeElement as HTMLElement | null;
    dialog?.showModal();
    return () => {
      dialog?.close(); // while it is open nothing else takes the focus
      before?.focus();
    };
  }, []);
  return (
    <dialog ref={self} aria-labelledby={id} onCancel={(e) => { e.preventDefault(); p.onClose(); }}>
      <h2 id={id}>{p.title}</h2>
      {p.children}
    </dialog>
  );
}

/** Asks before something that can't be taken back; what goes wrong is said in the dialog. */
export function Confirm(p: { title: string; action: string; onClose: () => void; onConfirm: () => Promise<unknown>; children: ComponentChildren }) {
  const [running, run] = useState(false);
  const [fault, say] = useState("");
  const confirm = () => {
    run(true);
    p.onConfirm().then(p.onClose, (e: Error) => { run(false); say(e.message); });
  };
  return (
    <Dialog title={p.title} onClose={p.onClose}>
      <div class="stack">
        {p.children}
        {fault && <Banner tone="bad" title={fault} />}
        <div class="actions">
          <button class="button" onClick={p.onClose}>Cancel</button>
          <button class="button danger" disabled={running} onClick={confirm}>{p.action}</button>
        </div>
      </div>
    </Dialog>
  );
}

/** Writes to the clipboard. Pages without TLS have none: there a selection is copied, from within the same dialog. */
async function put(text: string, beside: HTMLElement): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.className = "hidden";
  area.value = text;
  beside.after(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  beside.focus();
  if (!done) throw new Error("the browser does not copy");
}

export function CopyButton(p: { text: string; what: string }) {
  const [done, say] = useState(false);
  const copy = (e: Event) => put(p.text, e.currentTarget as HTMLElement).then(() => { say(true); setTimeout(() => say(false), 2000); }, () => {});
  return (
    <>
      <button class="button little" onClick={copy}>{done ? "Copied" : "Copy"}<span class="hidden"> {p.what}</span></button>
      <span class="hidden" role="status">{done ? p.what + " copied" : ""}</span>
    </>
  );
}
