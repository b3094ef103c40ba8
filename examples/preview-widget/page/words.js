// What a visitor reads when there is no answer. `again` says that trying again may help.

const when = new Intl.DateTimeFormat(undefined, { dateStyle: 'long', timeStyle: 'short' })
const count = new Intl.NumberFormat()

/** A Refusal in words: a title, a sentence, and whether to offer another try. */
export function explain(refusal) {
  const sentence = words[refusal.code]
  if (sentence) return { wait: refusal.wait ?? 0, ...sentence(refusal) }
  return {
    title: 'No answer',
    text: `The assistant could not answer (${refusal.status ?? refusal.code}): ${refusal.message}`,
    again: true,
    wait: refusal.wait ?? 0,
  }
}

const words = {
  invalid_api_key: () => ({
    title: 'This preview has expired',
    text: 'Its key is no longer accepted, and neither was the new one that was made for you. Reload the page to start again.',
  }),
  insufficient_quota: outOfTokens,
  not_allowed: ({ message }) => ({
    title: 'Not allowed here',
    text: `The gateway does not serve this preview on ${location.origin}: ${message}.`,
  }),
  account_suspended: () => ({
    title: 'The assistant is switched off',
    text: 'The account behind this preview is suspended. Its owner can lift that.',
  }),
  rate_limit_exceeded: () => ({
    title: 'One moment, please',
    text: 'You asked faster than this preview may answer.',
    again: true,
  }),
  tokens_held: () => ({
    title: 'One moment, please',
    text: 'Other answers that are being written may need the tokens that are left.',
    again: true,
  }),
  too_many_visits: () => ({
    title: 'Many people are here',
    text: 'Too many previews were opened in the last minute.',
    again: true,
  }),
  no_key: () => ({
    title: 'The preview can’t start',
    text: 'No key could be made for your visit. The operator finds the reason in the log.',
    again: true,
  }),
  hidden: () => ({
    title: 'Not allowed from this page',
    text: `The gateway can be reached, but it lets no page of ${location.origin} in. The key’s origins must name exactly this one.`,
  }),
  unreachable: () => ({
    title: 'The gateway can’t be reached',
    text: 'Check your connection; if that is fine, the gateway is down or its address is wrong.',
    again: true,
  }),
  broken: () => ({
    title: 'The answer broke off',
    text: 'The connection ended before the answer did. What you read above is all that came.',
    again: true,
  }),
  provider_unavailable: away,
  accounting_unavailable: away,
  overloaded: away,
}

function away() {
  return { title: 'The assistant is away', text: 'It can’t be reached right now. Your question was not charged.', again: true }
}

/** Two limits end in this one: the key's own cap, with tokens left in the account, and the account's empty pools. */
function outOfTokens({ used, total, extra, reset_at: reset }) {
  const until = reset ? ` until ${when.format(new Date(reset))}` : ''
  if (used < total || extra > 0) {
    return {
      title: 'This preview is used up',
      text: `You have had all the answers that one preview has. The account still has ${count.format(total - used + extra)} tokens, so the chatbot itself goes on.`,
    }
  }
  return {
    title: 'All tokens are used',
    text: `${count.format(used)} of ${count.format(total)} monthly tokens are used and no extra tokens are left. The assistant rests${until}, or until its owner buys extra tokens.`,
  }
}
