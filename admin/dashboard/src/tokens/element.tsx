import { render, type Ref } from "preact";
import { setLocale } from "../format";
import { read, Unseen, type Seen } from "./source";
import styles from "./tokens.css?inline";
import { Skeleton, Trouble, View } from "./view";

const sheet = new CSSStyleSheet();
sheet.replaceSync(styles);

/** How often the figures are read while the page is seen, in milliseconds. */
const every = 5000;

/** Where this script came from: the gateway that an embedded view asks, below the path that it is served at. */
const here = import.meta.url;

/**
 * `<tollgate-tokens key="tg_…">` shows the Token view of the account whose view key it has, from the gateway that the
 * script came from; `src` names another one. `<tollgate-tokens account="acme">` is the dashboard's: it reads the admin
 * API with the session. `locale` and `theme` ("light", "dark") are the page's choice, else the browser's.
 * It fires `tollgate-tokens` with the view in `detail` whenever it has read one, and `tollgate-tokens-fault` with
 * `{ status, message }` whenever it could not.
 */
export class TollgateTokens extends HTMLElement {
  static observedAttributes = ["key", "account", "src", "locale"];

  #root = this.attachShadow({ mode: "open" });
  #seen: Seen | null = null;
  #fault: string | null = null;
  #timer = 0;
  #reading: AbortController | null = null;

  constructor() {
    super();
    this.#root.adoptedStyleSheets = [sheet];
  }

  connectedCallback() {
    document.addEventListener("visibilitychange", this.#wake);
    this.refresh();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#wake);
    clearTimeout(this.#timer);
    this.#reading?.abort();
  }

  attributeChangedCallback() {
    if (!this.isConnected) return;
    this.#seen = this.#fault = null;
    this.refresh();
  }

  /** Reads the figures now. */
  refresh = (): void => {
    clearTimeout(this.#timer);
    this.#reading?.abort();
    const reading = (this.#reading = new AbortController());
    setLocale(this.getAttribute("locale") ?? undefined);
    const key = this.getAttribute("key");
    const nameless = !key && !this.hasAttribute("account");
    if (nameless) this.#fault = "The page gave this view no key.";
    this.#draw();
    if (nameless) return;
    read(this.#url(), key, reading.signal).then(
      (seen) => {
        this.#seen = seen;
        this.#fault = null;
        this.#tell("tollgate-tokens", seen.view);
        this.#again();
      },
      (e: unknown) => { if (!reading.signal.aborted) this.#failed(e); },
    ).finally(() => { if (!reading.signal.aborted) this.#draw(); });
  };

  #failed(e: unknown): void {
    const { status, message, lasts } = e instanceof Unseen ? e : new Unseen(0, String(e));
    this.#fault = message;
    if (lasts) this.#seen = null;
    else this.#again();
    this.#tell("tollgate-tokens-fault", { status, message });
  }

  #again(): void {
    this.#timer = window.setTimeout(this.refresh, document.hidden ? every * 12 : every);
  }

  #tell(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }

  #wake = (): void => {
    if (!document.hidden) this.refresh();
  };

  #url(): string {
    const account = this.getAttribute("account");
    if (account !== null) return new URL(`api/v1/accounts/${encodeURIComponent(account)}/tokens`, document.baseURI).href;
    const src = this.getAttribute("src");
    return src === null ? new URL("v1/tokens", here).href : new URL("tollgate/v1/tokens", src.replace(/\/*$/, "/")).href;
  }

  #draw(): void {
    const { refresh } = this;
    if (this.#seen) render(<View seen={this.#seen} stale={this.#fault} onDue={refresh} />, this.#root);
    else render(this.#fault ? <Trouble why={this.#fault} again={refresh} /> : <Skeleton />, this.#root);
  }
}

// A page may load the script twice, as two versions even: the first one stays.
if (!customElements.get("tollgate-tokens")) customElements.define("tollgate-tokens", TollgateTokens);

declare module "preact" {
  namespace JSX {
    interface IntrinsicElements {
      "tollgate-tokens": { account: string; ref?: Ref<HTMLElement> };
    }
  }
}
