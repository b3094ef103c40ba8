// Reads asks, a JSON array, from stdin and writes one JSON line for each: {result} or {error}.

import { rows } from './cases.mjs'

const patience = 30_000 // ms for one ask: a client that sleeps between retries has failed

async function answer({ client: name, call, origin, key, text }) {
  const row = rows[name]
  if (!row?.[call]) throw new Error(`no row ${name} with ${call} in cases.mjs`)
  try {
    return { result: await inTime(row[call](row.client(origin, key), text)) }
  } catch (error) {
    const message = String(error?.message ?? error)
    return { error: { own: row.own(error), type: error?.constructor?.name ?? typeof error, message } }
  }
}

function inTime(promise) {
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error(`no result after ${patience} ms`)), patience).unref())
  return Promise.race([promise, late])
}

let input = ''
for await (const chunk of process.stdin) input += chunk
for (const ask of JSON.parse(input)) {
  const line = JSON.stringify(await answer(ask))
  await new Promise((written) => process.stdout.write(line + '\n', written))
}
process.exit(0) // a client's idle connections are not waited for
