// The chat widget: a conversation in memory, one answer at a time.

import { chat, refusal, Refusal } from './gateway.js'
import { explain } from './words.js'

const system = { role: 'system', content: 'You are the support assistant of Velo Bicycles. Be brief and friendly.' }
const remembered = 12 // messages that go along with a question

const log = document.getElementById('log')
const form = document.getElementById('composer')
const input = document.getElementById('question')
const send = document.getElementById('send')
const stop = document.getElementById('stop')
const status = document.getElementById('status')
const suggestions = document.getElementById('suggestions')

const conversation = []
let visit // the key of this visit and how long it lives; nowhere but here
let running // the AbortController of the answer that is being written
let shift = false // is Shift held down

/** Has the page's own backend make a key. */
async function newVisit() {
  const asked = Date.now()
  const response = await fetch('visit', { method: 'POST' }).catch(() => {
    throw new Refusal('unreachable')
  })
  if (!response.ok) throw await refusal(response)
  const granted = await response.json()
  return { ...granted, endsAt: asked + granted.expires_in * 1000 }
}

/** Once the last key of an origin has expired, the gateway lets its pages in no more, and the browser hides the reason. */
function expired(error) {
  return error.code === 'invalid_api_key' || (error.code === 'hidden' && visit && Date.now() >= visit.endsAt)
}

/** Asks, and once more with a new key if the old one has expired. */
async function* answer(messages, signal) {
  for (let renewed = false; ; renewed = true) {
    try {
      visit ??= await newVisit()
      yield* chat(visit, messages, signal)
      return
    } catch (error) {
      if (!expired(error)) throw error
      visit = undefined
      if (renewed) throw new Refusal('invalid_api_key')
      note('The key of your visit had expired; you have a new one.')
    }
  }
}

async function ask(question) {
  const asked = { role: 'user', content: question }
  const said = bubble('user', question)
  begin()
  const reply = bubble('assistant', '')
  const { signal } = running
  try {
    for await (const text of answer([system, ...conversation.slice(-remembered), asked], signal)) {
      write(reply, text)
    }
    conversation.push(asked, { role: 'assistant', content: reply.textContent })
    status.textContent = 'The answer is complete.'
  } catch (error) {
    if (signal.aborted) stopped(reply, asked)
    else refused(said, reply, error)
  } finally {
    end(reply)
  }
}

function begin() {
  running = new AbortController()
  suggestions.hidden = true
  send.hidden = true
  stop.hidden = false
  status.textContent = 'The assistant is writing.'
}

function end(reply) {
  running = undefined
  reply.removeAttribute('aria-busy')
  stop.hidden = true
  send.hidden = false
  follow()
  input.focus()
}

function bubble(role, text) {
  const element = document.createElement('p')
  element.className = `message ${role}`
  element.textContent = text
  if (role === 'assistant') element.setAttribute('aria-busy', 'true')
  append(element)
  return element
}

function note(text) {
  const element = document.createElement('p')
  element.className = 'note'
  element.textContent = text
  log.lastElementChild.before(element)
  follow()
}

function write(reply, text) {
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60
  reply.append(text)
  if (atEnd) follow()
}

/** What was written so far stays, and the next question knows of it. */
function stopped(reply, asked) {
  status.textContent = 'Stopped.'
  if (reply.textContent === '') {
    reply.remove()
    return
  }
  conversation.push(asked, { role: 'assistant', content: reply.textContent })
  reply.classList.add('stopped')
}

function refused(said, reply, error) {
  if (reply.textContent === '') reply.remove()
  status.textContent = ''
  const { title, text, again, wait } = explain(error)
  const card = document.createElement('div')
  card.className = 'refusal'
  card.setAttribute('role', 'alert')
  card.dataset.code = error.code
  const heading = document.createElement('strong')
  heading.textContent = title
  const sentence = document.createElement('p')
  sentence.textContent = text
  card.append(heading, sentence)
  if (again) {
    const retry = () => {
      for (const element of [said, reply, card]) element.remove()
      ask(said.textContent)
    }
    card.append(retryButton(wait, retry))
  }
  append(card)
}

/** A button that waits as long as the gateway asks for. */
function retryButton(wait, retry) {
  const button = document.createElement('button')
  button.type = 'button'
  const tick = () => {
    button.disabled = wait > 0
    button.textContent = wait > 0 ? `Try again in ${wait} s` : 'Try again'
    if (wait-- > 0) setTimeout(tick, 1000)
  }
  tick()
  button.addEventListener('click', () => {
    if (!running) retry()
  })
  return button
}

function append(element) {
  log.append(element)
  follow()
}

function follow() {
  log.scrollTop = log.scrollHeight
}

form.addEventListener('submit', (event) => {
  event.preventDefault()
  const question = input.value.trim()
  if (running || question === '') return
  input.value = ''
  ask(question)
})

// Of a line break and not of the key: an on-screen keyboard has no keys, and Enter also ends the composition of a word.
input.addEventListener('beforeinput', (event) => {
  if (event.inputType !== 'insertLineBreak' || shift) return
  event.preventDefault()
  form.requestSubmit()
})

for (const kind of ['keydown', 'keyup']) document.addEventListener(kind, (event) => (shift = event.shiftKey))

document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') running?.abort()
})

stop.addEventListener('click', () => running?.abort())

suggestions.addEventListener('click', ({ target }) => {
  if (!running && target.closest('button')) ask(target.textContent)
})
