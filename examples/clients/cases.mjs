// What the npm SDKs are asked in the matrix, and what each of them gives back: the whole result, every chunk in its order.
// A row is a client, what it calls its own error, and its calls; each call gets the client and a text.

import Anthropic from '@anthropic-ai/sdk'
import * as aws from '@aws-sdk/client-bedrock-runtime'
import { ApiError } from '@google/genai'
import { MistralError } from '@mistralai/mistralai/models/errors'
import { APICallError, embed, generateText, streamText } from 'ai'
import { CohereError } from 'cohere-ai'
import Groq from 'groq-sdk'
import OpenAI from 'openai'
import * as clients from './clients.mjs'

const system = 'You answer in one sentence.'

export const rows = {
  'npm openai': {
    ...openAIFormat('gpt-4.1-mini'),
    client: clients.openai,
    own: (error) => error instanceof OpenAI.APIError,
    embeddings: (client, text) => client.embeddings.create({ model: 'text-embedding-3-small', input: [text, system] }),
  },
  'npm openai responses': {
    client: clients.openai,
    own: (error) => error instanceof OpenAI.APIError,
    plain: (client, text) => client.responses.create({ model: 'gpt-4.1-mini', instructions: system, input: text }),
    stream: async (client, text) =>
      collect(await client.responses.create({ model: 'gpt-4.1-mini', instructions: system, input: text, stream: true })),
  },
  'npm ai openai': vercel(clients.aiOpenAI, 'gpt-4.1-mini', 'text-embedding-3-small'),
  'npm ai openai chat': vercel((origin, key) => clients.aiOpenAI(origin, key).chat, 'gpt-4.1-mini'),

  'npm groq': {
    ...openAIFormat('llama-3.3-70b-versatile'),
    client: clients.groq,
    own: (error) => error instanceof Groq.APIError,
  },

  'npm anthropic': {
    client: clients.anthropic,
    own: (error) => error instanceof Anthropic.APIError,
    plain: (client, text) => client.messages.create(message(text)),
    stream: async (client, text) => collect(await client.messages.create({ ...message(text), stream: true })),
  },
  'npm ai anthropic': vercel(clients.aiAnthropic, 'claude-sonnet-5-5'),

  'npm gemini': {
    client: clients.gemini,
    own: (error) => error instanceof ApiError,
    plain: async (client, text) => withoutResponse(await client.models.generateContent(content(text))),
    stream: async (client, text) => (await collect(await client.models.generateContentStream(content(text)))).map(withoutResponse),
    embeddings: async (client, text) =>
      withoutResponse(await client.models.embedContent({ model: 'gemini-embedding-2', contents: [text, system] })),
  },
  'npm ai google': vercel(clients.aiGoogle, 'gemini-2.5-flash', 'gemini-embedding-2'),

  'npm mistral': {
    client: clients.mistral,
    own: (error) => error instanceof MistralError,
    plain: (client, text) => client.chat.complete({ model: 'mistral-small-latest', messages: messages(text) }),
    stream: async (client, text) => collect(await client.chat.stream({ model: 'mistral-small-latest', messages: messages(text) })),
    embeddings: (client, text) => client.embeddings.create({ model: 'mistral-embed', inputs: [text, system] }),
  },

  'npm cohere v2': {
    client: clients.cohereV2,
    own: (error) => error instanceof CohereError,
    plain: (client, text) => client.chat({ model: 'command-a-03-2025', messages: messages(text) }),
    stream: async (client, text) => collect(await client.chatStream({ model: 'command-a-03-2025', messages: messages(text) })),
    embeddings: (client, text) =>
      client.embed({ model: 'embed-v4.0', inputType: 'search_document', embeddingTypes: ['float'], texts: [text, system] }),
  },
  'npm cohere v1': {
    client: clients.cohereV1,
    own: (error) => error instanceof CohereError,
    plain: (client, text) => client.chat({ model: 'command-r', preamble: system, message: text }),
    stream: async (client, text) => collect(await client.chatStream({ model: 'command-r', preamble: system, message: text })),
    embeddings: (client, text) => client.embed({ model: 'embed-english-v3.0', inputType: 'search_document', texts: [text, system] }),
  },

  'npm ollama': {
    client: clients.ollama,
    own: (error) => error?.name === 'ResponseError', // not exported
    plain: (client, text) => client.chat({ model: 'llama3.2', messages: messages(text) }),
    stream: async (client, text) => collect(await client.chat({ model: 'llama3.2', messages: messages(text), stream: true })),
    embeddings: (client, text) => client.embed({ model: 'nomic-embed-text', input: [text, system] }),
  },

  'npm bedrock converse': {
    client: clients.bedrock,
    own: ownAWS,
    plain: async (client, text) => withoutMetadata(await client.send(new aws.ConverseCommand(conversation(text)))),
    stream: async (client, text) => collect((await client.send(new aws.ConverseStreamCommand(conversation(text)))).stream),
  },
  'npm bedrock invoke': {
    client: clients.bedrock,
    own: ownAWS,
    plain: (client, text) => invoke(client, claude, claudeBody(text)),
    stream: async (client, text) => {
      const command = new aws.InvokeModelWithResponseStreamCommand({ modelId: claude, body: claudeBody(text) })
      const events = await collect((await client.send(command)).body)
      return events.map(({ chunk, ...other }) => ({ ...other, chunk: chunk && utf8(chunk.bytes) }))
    },
    embeddings: (client, text) => invoke(client, 'amazon.titan-embed-text-v2:0', JSON.stringify({ inputText: text })),
  },
}

const messages = (text) => [
  { role: 'system', content: system },
  { role: 'user', content: text },
]

function openAIFormat(model) {
  return {
    plain: (client, text) => client.chat.completions.create({ model, max_tokens: 64, messages: messages(text) }),
    stream: async (client, text) => collect(await client.chat.completions.create({ model, max_tokens: 64, messages: messages(text), stream: true })),
  }
}

const message = (text) => ({ model: 'claude-sonnet-5-5', max_tokens: 64, system, messages: [{ role: 'user', content: text }] })

const content = (text) => ({ model: 'gemini-2.5-flash', contents: text, config: { systemInstruction: system, maxOutputTokens: 64 } })

const claude = 'anthropic.claude-3-5-sonnet-20240620-v1:0'

const claudeBody = (text) =>
  JSON.stringify({ anthropic_version: 'bedrock-2023-05-31', max_tokens: 64, messages: [{ role: 'user', content: text }] })

const conversation = (text) => ({
  modelId: claude,
  system: [{ text: system }],
  messages: [{ role: 'user', content: [{ text }] }],
  inferenceConfig: { maxTokens: 64 },
})

const utf8 = (bytes) => new TextDecoder().decode(bytes)

async function invoke(client, modelId, body) {
  const { body: said, contentType } = await client.send(new aws.InvokeModelCommand({ modelId, body, contentType: 'application/json' }))
  return { contentType, said: utf8(said) }
}

function ownAWS(error) {
  return error instanceof aws.BedrockRuntimeServiceException && error.name === 'ServiceQuotaExceededException'
}

// vercel is a row of the package ai with one of its providers.
function vercel(client, model, embeddings) {
  const row = {
    client,
    own: (error) => APICallError.isInstance(error),
    plain: async (provider, text) => {
      const { content, finishReason, usage, warnings, response } = await generateText(prompt(provider, text))
      return { content, finishReason, usage, warnings, id: response.id, body: response.body }
    },
    stream: async (provider, text) => {
      const { fullStream } = streamText({ ...prompt(provider, text), onError: () => {} })
      const parts = await collect(fullStream)
      const failed = parts.find((part) => part.type === 'error')
      if (failed) throw failed.error
      return parts.map(withoutHeaders)
    },
  }
  const prompt = (provider, text) => ({ model: provider(model), maxOutputTokens: 64, system, prompt: text })
  if (embeddings) {
    row.embeddings = async (provider, text) => {
      const { embedding, usage } = await embed({ model: provider.embedding(embeddings), value: text })
      return { embedding, usage }
    }
  }
  return row
}

// The SDKs put into their results what differs by contract, the gateway's own header fields, and this process's clock.
const withoutResponse = ({ sdkHttpResponse, ...result }) => result
const withoutMetadata = ({ $metadata, ...result }) => result

function withoutHeaders({ response, ...part }) {
  const { headers, timestamp, ...rest } = response ?? {}
  return { ...part, response: rest }
}

async function collect(stream) {
  const all = []
  for await (const part of stream) all.push(part)
  return all
}
