// How each npm SDK is pointed at a Tollgate: its origin is the only thing that changes, and the key is the gateway's
// (tg_…) where the provider's stood.
//
// The origin of each is https://api.openai.com, say, without the gateway and http://gateway/openai with it. Nothing else
// is set here: retries, timeouts and compression stay as the SDKs have them.

import { createOpenAI } from '@ai-sdk/openai'
import OpenAI from 'openai'

// npm: openai
export const openai = (origin, key) => new OpenAI({ baseURL: `${origin}/v1`, apiKey: key })

// npm: ai with @ai-sdk/openai
export const aiOpenAI = (origin, key) => createOpenAI({ baseURL: `${origin}/v1`, apiKey: key })
