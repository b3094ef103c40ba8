import { Fragment, type ComponentChildren } from "preact";
import { api, type Charged, type Classes, type UsageEvent } from "../api";
import { AccountPage, type AccountProps } from "../app";
import { count, exact, milliseconds } from "../format";
import { useLoad } from "../load";
import { href } from "../route";
import { CopyButton, Failure, Loading, Table, Tag } from "../ui/parts";
import { measureWord, outcomeTone, outcomeWord } from "./words";

export function EventPage(p: AccountProps & { event: string }) {
  const event = useLoad((signal) => api.event(p.account.id, p.event, signal), [p.account.id, p.event]);
  return (
    <AccountPage {...p} view="events">
      <p class="back"><a href={href(["accounts", p.account.id, "events"])}>All events</a></p>
      {event.error && <Failure error={event.error} again={event.again} />}
      {!event.value && !event.error && <Loading />}
      {event.value && <Event event={event.value} account={p.account.id} zone={p.account.timezone} />}
    </AccountPage>
  );
}

function Event(p: { event: UsageEvent; account: string; zone: string }) {
  const e = p.event;
  return (
    <div class="event">
      <section class="card">
        <div class="row apart first"><h2>{exact(e.started_at, p.zone)}</h2><Tag tone={outcomeTone(e.outcome)}>{outcomeWord(e.outcome)}</Tag></div>
        <Facts facts={[
          ["Event", <Copied text={e.id} what="the event's id" />],
          ["Trace", e.trace_id ? <Copied text={e.trace_id} what="the trace id" /> : <None />],
          ["Started", `${exact(e.started_at, p.zone)} (${p.zone})`],
          ["Key", <a href={href(["accounts", p.account, "keys"])}><code>{e.key}</code></a>],
          ["Activity", e.activity],
          ["Chatbot", e.chatbot || <None />],
          ["User", e.user || <None />],
          ["Provider", `${e.provider}, ${e.api}`],
          ["Model", e.model || <None />],
          ["Asked for", e.requested_model || <None />],
          ["Answer", `status ${e.status}, ${e.stream ? "streamed" : "in one piece"}`],
          ["First token", e.first_token_ms === null ? <None /> : `after ${milliseconds(e.first_token_ms)}`],
          ["Took", milliseconds(e.duration_ms)],
          ["Tokens are", measureWord(e.measured)],
        ]} />
      </section>
      <div>
        <section class="card"><h2>Tokens</h2><TokenClasses tokens={e.tokens} /></section>
        <section class="card"><h2>Charged to</h2><Split charged={e.charged} /></section>
      </div>
    </div>
  );
}

function None() {
  return <span class="soft">none</span>;
}

function Copied(p: { text: string; what: string }) {
  return <span class="row"><code>{p.text}</code><CopyButton text={p.text} what={p.what} /></span>;
}

function Facts(p: { facts: [name: string, value: ComponentChildren][] }) {
  return <dl class="facts">{p.facts.map(([name, value]) => <Fragment key={name}><dt>{name}</dt><dd>{value}</dd></Fragment>)}</dl>;
}

function TokenClasses(p: { tokens: Classes }) {
  const t = p.tokens;
  const rows: [string, number, boolean?][] = [
    ["Input", t.input], ["of it read from cache", t.cached_input, true], ["of it written to cache", t.cache_write_input, true],
    ["Output", t.output], ["of it reasoning", t.reasoning_output, true], ["Total", t.total],
  ];
  return (
    <Table caption="Tokens by class" hideCaption rows={rows} id={(r) => r[0]} columns={[
      { name: "Class", cell: ([name, , within]) => <span class={within ? "within" : ""}>{name}</span> },
      { name: "Tokens", right: true, cell: ([, n]) => count(n) },
    ]} />
  );
}

function Split(p: { charged: Charged }) {
  const c = p.charged;
  const rows: [string, number][] = [["Monthly pool", c.monthly], ["Extra tokens", c.extra], ["Overdraft", c.overdraft], ["Total", c.total]];
  return (
    <Table caption="The charge by pool" hideCaption rows={rows} id={(r) => r[0]} columns={[
      { name: "Pool", cell: ([name]) => name },
      { name: "Tokens", right: true, cell: ([, n]) => count(n) },
    ]} />
  );
}
