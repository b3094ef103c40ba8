// What the npm SDKs are asked in the matrix, and what each of them gives back: the whole result, every chunk in its order.
// A row is a client, what it calls its own error, and its calls; each call gets the client and a text.

import { APICallError, embed, generateText, streamText } from 'ai'
import OpenAI from 'openai'
import * as clients from './clients.mjs'

const system = 'You answer in one sentence.'

export const rows = {
  'npm openai': {
    client: clients.openai,
    own: (error) => error instanceof OpenAI.APIError,
    plain: (client, text) => client.chat.completions.create(chat('gpt-4o-mini', text)),
    stream: async (client, text) => collect(await client.chat.completions.create({ ...chat('gpt-4o-mini', text), stream: true })),
    embeddings: (client, text) => client.embeddings.create({ model: 'text-embedding-3-small', input: [text, system] }),
  },
  'npm openai responses': {
    client: clients.openai,
    own: (error) => error instanceof OpenAI.APIError,
    plain: (client, text) => client.responses.create({ model: 'gpt-4o-mini', instructions: system, input: text }),
    stream: async (client, text) =>
      collect(await client.responses.create({ model: 'gpt-4o-mini', instructions: system, input: text, stream: true })),
  },
  'npm ai openai': vercel(clients.aiOpenAI, 'gpt-4o-mini', 'text-embedding-3-small'),
}

function chat(model, text) {
  return { model, max_tokens: 64, messages: [{ role: 'system', content: system }, { role: 'user', content: text }] }
}

// vercel is a row of the package ai with one of its providers.
function vercel(client, model, embeddings) {
  const row = {
    client,
    own: (error) => APICallError.isInstance(error),
    plain: async (provider, text) => said(await generateText({ model: provider(model), system, prompt: text })),
    stream: async (provider, text) => {
      const { fullStream } = streamText({ model: provider(model), system, prompt: text, onError: () => {} })
      const parts = await collect(fullStream)
      const failed = parts.find((part) => part.type === 'error')
      if (failed) throw failed.error
      return parts.map(withoutHeaders)
    },
  }
  if (embeddings) {
    row.embeddings = async (provider, text) => {
      const { embedding, usage } = await embed({ model: provider.embedding(embeddings), value: text })
      return { embedding, usage }
    }
  }
  return row
}

const said = ({ content, finishReason, usage, warnings, response }) => ({ content, finishReason, usage, warnings, id: response.id, body: response.body })

// withoutHeaders drops what differs by contract, the gateway's own header fields, and the clock of this process.
function withoutHeaders(part) {
  const { headers, timestamp, ...response } = part.response ?? {}
  return { ...part, request: undefined, response }
}

export async function collect(stream) {
  const all = []
  for await (const part of stream) all.push(part)
  return all
}
