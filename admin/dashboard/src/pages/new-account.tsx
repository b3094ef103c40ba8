import { api, type Session } from "../api";
import { go, href } from "../route";
import { Field, Page } from "../ui/parts";
import { accountFields, accountMembers, Admission, Allowance, Name, Reset } from "./account-form";
import { ForThose, Refusal, text, useSending } from "./form";

export function NewAccountPage(p: { session: Session }) {
  return (
    <Page title="New account" crumbs={<a href={href(["accounts"])}>Accounts</a>} lead="A customer of the platform, with a pool of tokens for each month.">
      <section class="card narrow"><ForThose session={p.session} may="change"><NewAccount /></ForThose></section>
    </Page>
  );
}

function NewAccount() {
  const sending = useSending({
    fields: ["id", ...accountFields],
    body: (form) => ({ id: text(form, "id") ?? "", ...Object.fromEntries(Object.entries(accountMembers(form)).filter(([, v]) => v !== null && v !== "")) }),
    send: api.createAccount,
    done: (made) => go(href(["accounts", made.body.id])),
  });
  return (
    <form onSubmit={sending.submit} noValidate>
      <Refusal sending={sending} />
      <Field label="Id" hint="As the platform knows the customer: a-z, 0-9, dot, dash and underscore. It can't be changed." fault={sending.fault("id")}>
        {(bind) => <input {...bind} name="id" autocomplete="off" autocapitalize="none" spellcheck={false} required />}
      </Field>
      <Name sending={sending} />
      <Allowance sending={sending} />
      <Reset sending={sending} zone={Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC"} />
      <Admission sending={sending} />
      <div class="actions">
        <a class="button" href={href(["accounts"])}>Cancel</a>
        <button class="button main" disabled={sending.running}>Open the account</button>
      </div>
    </form>
  );
}
