import { useEffect, useRef, useState } from "preact/hooks";
import { api, type Session } from "./api";
import { Logo } from "./app";
import { asRefused } from "./load";
import { Field } from "./ui/parts";

export function SignIn(p: { onDone: (s: Session) => void }) {
  const [fault, say] = useState("");
  const [running, run] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => { document.title = "Sign in · Tollgate"; input.current?.focus(); }, []);
  const submit = (e: Event) => {
    e.preventDefault();
    run(true);
    say("");
    api.signIn(input.current?.value.trim() ?? "").then(p.onDone, (error: unknown) => {
      run(false);
      const refused = asRefused(error);
      say(refused.status === 401 ? "This is no admin token of this gateway." : refused.message);
      input.current?.select();
      input.current?.focus();
    });
  };
  return (
    <main class="door">
      <div class="card">
        <div class="brand"><Logo />Tollgate</div>
        <h1>Sign in</h1>
        <p class="soft">With an admin token: <code>admin.token</code> in gateway.yaml, or the one that the first start kept in <code>data/admin.token</code>.</p>
        <form onSubmit={submit}>
          <input class="hidden" type="text" name="username" autocomplete="username" value="tollgate" tabIndex={-1} aria-hidden="true" readOnly />
          <Field label="Admin token" fault={fault || undefined}>
            {(bind) => <input {...bind} ref={input} type="password" name="token" autocomplete="current-password" required />}
          </Field>
          <button class="button main" type="submit" disabled={running}>Sign in</button>
        </form>
      </div>
    </main>
  );
}
