// How a page asks a Tollgate for a chat completion, and hears why when it is refused. Copy this file.

/** Why there is no answer. `code` is the gateway's, or one of `hidden`, `unreachable` and `broken`, which only a page can know. */
export class Refusal extends Error {
  constructor(code, details = {}) {
    super(details.message ?? code)
    Object.assign(this, details, { code })
  }
}

/** The answer to `messages`, piece by piece as it is written. Throws a Refusal, or an AbortError once `signal` stops it. */
export async function* chat({ gateway, key, model }, messages, signal) {
  const response = await reach(gateway, () =>
    fetch(`${gateway}/v1/chat/completions`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ model, messages, stream: true }),
      signal,
    }),
  )
  if (!response.ok) throw await refusal(response)
  for await (const data of events(response.body, signal)) {
    if (data === '[DONE]') return
    const chunk = JSON.parse(data)
    if (chunk.error) throw new Refusal('broken', { message: chunk.error.message })
    const text = chunk.choices?.[0]?.delta?.content
    if (text) yield text
  }
  throw new Refusal('broken')
}

/** Reads what a refused request was answered with: the gateway's code, its sentence, and how long to wait. */
export async function refusal(response) {
  const { error = {} } = await response.json().catch(() => ({}))
  return new Refusal(response.headers.get('X-Tollgate-Error') ?? error.code ?? '', {
    ...error,
    status: response.status,
    wait: Number(response.headers.get('Retry-After')) || 0,
  })
}

/**
 * Makes a request. A browser does not tell a page whether nobody answered or the answer was hidden from it, because the
 * gateway lets no page of this origin in. Asking for something that anyone may have tells them apart.
 */
async function reach(gateway, request) {
  try {
    return await request()
  } catch (error) {
    if (error.name === 'AbortError') throw error
    const there = await fetch(`${gateway}/tollgate/embed.js`, { method: 'HEAD', mode: 'no-cors' }).then(() => true, () => false)
    throw new Refusal(there ? 'hidden' : 'unreachable')
  }
}

/** The data of each server-sent event. */
async function* events(body, signal) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  let data = []
  try {
    for (;;) {
      const { value, done } = await reader.read()
      if (done) return
      const lines = (rest + value).split(/\r?\n/)
      rest = lines.pop()
      for (const line of lines) {
        if (line.startsWith('data:')) data.push(line.slice(5).trimStart())
        else if (line === '' && data.length > 0) yield data.splice(0).join('\n')
      }
    }
  } catch (error) {
    throw signal?.aborted ? error : new Refusal('broken')
  } finally {
    reader.cancel().catch(() => {}) // it may have failed already
  }
}
