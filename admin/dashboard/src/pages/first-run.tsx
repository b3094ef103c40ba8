import { href } from "../route";
import { CopyButton, Page } from "../ui/parts";

const base = "http://localhost:8080/v1";

/** What an operator with no account yet does first. */
export function FirstRun({ may }: { may: boolean }) {
  return (
    <Page title="Welcome to Tollgate" lead="No customer has an account yet. Three steps, and the first request is metered.">
      <ol class="steps card">
        <li>
          <h2>Make an account</h2>
          <p class="soft">One for each customer, with its monthly tokens and the day on which they are full again.</p>
          {may ? <p><a class="button main" href={href(["new-account"])}>New account</a></p> : <p class="soft">It takes a token with the role operator or admin.</p>}
        </li>
        <li>
          <h2>Make a key for it</h2>
          <p class="soft">The chatbot’s backend shows it where the provider’s own key stood. It is shown once, when it is made.</p>
        </li>
        <li>
          <h2>Point the client here</h2>
          <p class="soft">Change the base address of the provider’s SDK to where this gateway listens (<code>listen</code> in gateway.yaml), and nothing else:</p>
          <div class="secret"><code>{base}</code><CopyButton text={base} what="Base address" /></div>
        </li>
      </ol>
    </Page>
  );
}
