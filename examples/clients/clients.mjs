// How each npm SDK is pointed at a Tollgate: its origin is the only thing that changes, and the key is the gateway's
// (tg_…) where the provider's stood.
//
// The origin of each is https://api.openai.com, say, without the gateway and http://gateway/openai with it. Nothing else
// is set here: retries, timeouts and compression stay as the SDKs have them.

import { createAnthropic } from '@ai-sdk/anthropic'
import { createGoogleGenerativeAI } from '@ai-sdk/google'
import { createOpenAI } from '@ai-sdk/openai'
import Anthropic from '@anthropic-ai/sdk'
import { BedrockRuntimeClient } from '@aws-sdk/client-bedrock-runtime'
import { GoogleGenAI } from '@google/genai'
import { Mistral } from '@mistralai/mistralai'
import { CohereClient, CohereClientV2 } from 'cohere-ai'
import Groq from 'groq-sdk'
import { Ollama } from 'ollama'
import OpenAI from 'openai'

// npm: openai
export const openai = (origin, key) => new OpenAI({ baseURL: `${origin}/v1`, apiKey: key })

// npm: @anthropic-ai/sdk
export const anthropic = (origin, key) => new Anthropic({ baseURL: origin, apiKey: key })

// npm: @google/genai
export const gemini = (origin, key) => new GoogleGenAI({ httpOptions: { baseUrl: origin }, apiKey: key })

// npm: @mistralai/mistralai
export const mistral = (origin, key) => new Mistral({ serverURL: origin, apiKey: key })

// npm: cohere-ai, its two versions of the API
export const cohereV2 = (origin, key) => new CohereClientV2({ environment: origin, token: key })
export const cohereV1 = (origin, key) => new CohereClient({ environment: origin, token: key })

// npm: groq-sdk
export const groq = (origin, key) => new Groq({ baseURL: origin, apiKey: key })

// npm: ollama
export const ollama = (origin, key) => new Ollama({ host: origin, headers: { Authorization: `Bearer ${key}` } })

// npm: @aws-sdk/client-bedrock-runtime, with a key shown as bearer in place of a signature
export const bedrock = (origin, key) =>
  new BedrockRuntimeClient({ endpoint: origin, token: { token: key }, authSchemePreference: ['httpBearerAuth'], region: 'us-east-1' })

// npm: ai with @ai-sdk/openai, @ai-sdk/anthropic, @ai-sdk/google
export const aiOpenAI = (origin, key) => createOpenAI({ baseURL: `${origin}/v1`, apiKey: key })
export const aiAnthropic = (origin, key) => createAnthropic({ baseURL: `${origin}/v1`, apiKey: key })
export const aiGoogle = (origin, key) => createGoogleGenerativeAI({ baseURL: `${origin}/v1beta`, apiKey: key })
