import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Refused, Session } from "../api";
import { asRefused } from "../load";
import { Banner } from "../ui/parts";

/** A form on its way: it is sent once at a time, and the same content again bears the same Idempotency-Key. */
export interface Sending {
  running: boolean;
  /** What is wrong with a member, in the API's words. */
  fault: (field: string) => string | undefined;
  /** What was refused for another reason than a field of this form. */
  refused: Refused | null;
  submit: (e: Event) => void;
  /** Forgets what was refused. */
  clear: () => void;
}

/** `fields` are the members that the form has a place for. `body` may be called at any time and has no effects. */
export function useSending<T>(o: {
  fields: string[]; body: (form: FormData) => unknown; send: (body: unknown, once: string) => Promise<T>; done: (made: T, form: HTMLFormElement) => void;
}): Sending {
  const [refused, refuse] = useState<Refused | null>(null);
  const [running, run] = useState(false);
  const busy = useRef(false);
  const last = useRef({ text: "", once: "" });
  const form = useRef<HTMLFormElement | null>(null);
  useEffect(() => {
    if (refused) form.current?.querySelector<HTMLElement>("[aria-invalid=true], [role=alert]")?.focus();
  }, [refused]);
  const submit = (e: Event) => {
    e.preventDefault();
    if (busy.current) return;
    const self = (form.current = e.currentTarget as HTMLFormElement);
    const body = o.body(new FormData(self));
    const text = JSON.stringify(body);
    if (text !== last.current.text) last.current = { text, once: token() };
    busy.current = true;
    run(true);
    refuse(null);
    o.send(body, last.current.once)
      .then((made) => { last.current = { text: "", once: "" }; o.done(made, self); }, (error: unknown) => refuse(asRefused(error)))
      .finally(() => { busy.current = false; run(false); });
  };
  const known = refused?.field && o.fields.includes(refused.field) ? refused.field : null;
  return {
    running, submit, clear: () => refuse(null),
    fault: (field) => (field === known && refused ? sentence(refused.message, field) : undefined),
    refused: known ? null : refused,
  };
}

/** The API's words under a field that is named already. */
function sentence(message: string, field: string): string {
  const said = message.startsWith(field + " ") ? message.slice(field.length + 1) : message;
  return said.charAt(0).toUpperCase() + said.slice(1) + (said.endsWith(".") ? "" : ".");
}

/** 128 random bits; unlike randomUUID it is there without TLS too. */
function token(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

/** What a form was refused for as a whole. `again` reads anew what someone else has changed. */
export function Refusal(p: { sending: Sending; again?: () => void }) {
  const { refused } = p.sending;
  if (!refused) return null;
  if (refused.status === 412 && p.again) {
    return (
      <div class="banner warn" role="alert" tabIndex={-1}>
        <strong>This was changed by someone else meanwhile.</strong>
        <span>Nothing of yours was stored, so that nothing of theirs is lost. What you wrote goes when you read it again.</span>
        <div><button type="button" class="button little" onClick={() => { p.sending.clear(); p.again?.(); }}>Read it again</button></div>
      </div>
    );
  }
  return <div class="banner bad" role="alert" tabIndex={-1}><strong>It was refused.</strong><span>{refused.message}</span></div>;
}

/** The text of a field, or undefined if it is empty. */
export function text(form: FormData, name: string): string | undefined {
  const value = String(form.get(name) ?? "").trim();
  return value === "" ? undefined : value;
}

/** A whole number as people write it, with or without separators; null if empty. What is no number goes to the API as it
 * is, which says so. */
export function whole(form: FormData, name: string): number | string | null {
  const written = text(form, name);
  if (written === undefined) return null;
  const grouped = /^\d{1,3}(?:([,.\s'’\u00a0\u202f])\d{3}(?:\1\d{3})*)?$/.test(written);
  const digits = grouped ? written.replace(/\D/g, "") : written;
  return /^\d{1,16}$/.test(digits) ? Number(digits) : written;
}

/** The items of a field, apart by commas or lines. */
export function items(form: FormData, name: string): string[] {
  return String(form.get(name) ?? "").split(/[,\n]/).map((s) => s.trim()).filter((s) => s !== "");
}

/** A local date and time as an instant; null if empty. */
export function moment(form: FormData, name: string): string | null {
  const written = text(form, name);
  if (written === undefined) return null;
  const at = new Date(written);
  return Number.isNaN(at.getTime()) ? written : at.toISOString();
}

type Deed = "change" | "destroy";

/** Says why the signed-in person may not do a thing; null: they may. */
export function barred(session: Session, deed: Deed): string | null {
  if (session.role === "read") return "Your token may only read. Changes need one with the role operator or admin.";
  if (deed === "destroy" && session.role !== "admin") return "Your token has the role operator. This needs the role admin.";
  return null;
}

/** Shows what it holds to those who may do a thing, and the reason to everyone else. */
export function ForThose(p: { session: Session; may: Deed; children: ComponentChildren }) {
  const why = barred(p.session, p.may);
  return why ? <Banner title="Nothing can be changed here">{why}</Banner> : <>{p.children}</>;
}
