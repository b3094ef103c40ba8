// What a chatbot platform's backend does through a Tollgate, with nothing but the openai package: it ingests documents, writes
// answers for training, and chats. Each request says in a header what it is for.
//
//   TOLLGATE_KEY=tg_… node backend.mjs http://127.0.0.1:8080

import OpenAI from 'openai'

const gateway = process.argv[2] ?? 'http://127.0.0.1:8080'

// The SDK itself asks again on 429 and 503 and waits as long as Retry-After says: tokens may be held by running requests for a
// moment. When an account has none left the gateway answers 402 with x-should-retry: false, and it asks no second time.
const openai = new OpenAI({ baseURL: `${gateway}/v1`, apiKey: process.env.TOLLGATE_KEY ?? '', maxRetries: 10 })

const labelled = (activity, user) =>
  openai.withOptions({
    defaultHeaders: {
      'X-Tollgate-Activity': activity, // chat, ingest, training, preview, or one that the gateway's operator added
      'X-Tollgate-Chatbot': 'velo-support',
      ...(user && { 'X-Tollgate-User': user }), // a pseudonym: 1 to 64 letters, digits and . _ : @ -
    },
  })

const documents = [
  'Warranty: five years on frames, two years on parts.',
  'Delivery takes three working days. Returns are free within 30 days.',
  'The workshop is open on weekdays from 8 to 18.',
]
const questions = ['How long is the warranty on frames?', 'When is the workshop open?']

async function embed(client, texts) {
  const { data } = await client.embeddings.create({ model: 'text-embedding-3-small', input: texts })
  return data.map((d) => d.embedding)
}

/** A question with the document that is nearest to it. */
async function prompt(client, index, question) {
  const [to] = await embed(client, [question])
  const cosine = (v) => v.reduce((sum, x, i) => sum + x * to[i], 0) / Math.hypot(...v)
  const nearest = index.reduce((best, entry) => (cosine(entry.vector) > cosine(best.vector) ? entry : best))
  return {
    model: 'gpt-4o-mini',
    max_completion_tokens: 200,
    messages: [
      { role: 'system', content: `You are the support assistant of Velo Bicycles. Be brief and friendly. What you know:\n${nearest.text}` },
      { role: 'user', content: question },
    ],
  }
}

async function ingest() {
  const vectors = await embed(labelled('ingest'), documents)
  console.log(`ingest    ${vectors.length} documents`)
  return documents.map((text, i) => ({ text, vector: vectors[i] }))
}

async function train(index, question) {
  const client = labelled('training')
  const answer = await client.chat.completions.create(await prompt(client, index, question))
  console.log(`training  ${question}\n          ${answer.choices[0].message.content}`)
}

async function chat(index, question) {
  const client = labelled('chat', 'visitor-7f3a')
  const stream = await client.chat.completions.create({ ...(await prompt(client, index, question)), stream: true })
  process.stdout.write(`chat      ${question}\n          `)
  for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta?.content ?? '')
  process.stdout.write('\n')
}

/** The gateway's sentence says which pool is empty and what is left; its code says what to do. */
function advice(error) {
  switch (error.code) {
    case 'insufficient_quota':
      return `${error.error.message}\nBuy extra tokens or a larger plan, or wait until ${error.error.reset_at}. What was done so far is done.`
    case 'invalid_api_key':
      return `${error.error.message}\nSet TOLLGATE_KEY to a key of the account: tollgate key create`
  }
  return error.message
}

try {
  const index = await ingest()
  for (const question of questions) await train(index, question)
  await chat(index, 'How long is the warranty on frames?')
} catch (error) {
  console.error(advice(error))
  process.exitCode = 1
}
