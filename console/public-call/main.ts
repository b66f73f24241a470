/**
 * The one-key call page of the public: plain elements, no framework, a few kilobytes on a bad line. It never waits: a press calls
 * at once with what is known; position and code follow and change nothing but themselves. Without an answer it tries again with
 * the same number of its own (one call, however often it is sent) and says all the while: dial 120. Opened by a desk's link
 * (`#p=token`) it sends the position to the call that is being talked about, and nothing else.
 */
import './page.css'
import { type PageLanguage, type Word, words } from '../language/call-page.ts'

/** Wait between tries while the network is away: doubles from half a second to eight. */
const retryFirstMs = 500
const retryMaxMs = 8_000
const answerMaxMs = 10_000
/** A better position is sent at most this often; the server takes no more either. */
const positionEveryMs = 5_000
const positionWaitMs = 20_000
const keptKey = 'vigil.call'

type Called = { uuid: string; callId?: string; isLast?: boolean; isCodeSent?: boolean; isVerified?: boolean }
type Step = 'ready' | 'calling' | 'called' | 'off' | 'full' | 'asked'

let language: PageLanguage = navigator.language.startsWith('zh') ? 'zh' : 'en'
/** Set when a desk asked for the position of a call that is being talked about. */
const linkToken = /^#p=([A-Za-z0-9_.:~-]{10,200})$/.exec(location.hash)?.[1]
let isLinkOver = false
let step: Step = linkToken === undefined ? 'ready' : 'asked'
let isAway = false
let isCodeWrong = false
let called: Called | undefined = readKept()
let number = readNumber()
let text = ''
let accuracyM: number | undefined
let hasNoPlace = false

const page = document.getElementById('page')!
const say = (word: Word): string => words[language][word]

/** 122 random bits; on plain http the browser has no randomUUID, only random bytes. */
function createUuid(): string {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID()
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[6] = (bytes[6]! & 0x0f) | 0x40
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = [...bytes].map(byte => byte.toString(16).padStart(2, '0')).join('')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

function readKept(): Called | undefined {
  try {
    const kept = sessionStorage.getItem(keptKey)
    return kept ? (JSON.parse(kept) as Called) : undefined
  } catch {
    return undefined
  }
}
function keep(): void {
  try {
    if (called) sessionStorage.setItem(keptKey, JSON.stringify(called))
    else sessionStorage.removeItem(keptKey)
    if (number) localStorage.setItem(`${keptKey}.number`, number)
  } catch {
    // A browser that keeps nothing calls all the same.
  }
}
function readNumber(): string {
  try {
    return localStorage.getItem(`${keptKey}.number`) ?? ''
  } catch {
    return ''
  }
}

type Answer = { status: number; body: Record<string, unknown> }

async function post(path: string, body: unknown, root = '/v1/public/calls'): Promise<Answer> {
  const answer = await fetch(`${root}${path}`, {
    method: 'POST',
    credentials: 'omit',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(answerMaxMs),
  })
  const text = await answer.text()
  return { status: answer.status, body: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {} }
}

const wait = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

/** Calls, again and again until the house has answered; the same uuid is one call. */
async function call(): Promise<void> {
  called ??= { uuid: createUuid() }
  const { uuid } = called
  step = 'calling'
  keep()
  draw()
  locate()
  for (let waitMs = retryFirstMs; ; waitMs = Math.min(retryMaxMs, waitMs * 2)) {
    try {
      const asked = {
        uuid,
        ...(number.trim() ? { number: number.trim() } : {}),
        ...(text.trim() ? { text: text.trim() } : {}),
      }
      const { status, body } = await post('', asked)
      isAway = false
      if (status === 201) {
        called = {
          uuid,
          callId: String(body.callId),
          isLast: body.isLast === true,
          isCodeSent: body.isCodeSent === true,
        }
        step = 'called'
        keep()
        return draw()
      }
      if (body.code === 'PUBLIC_CALLS_OFF' || body.code === 'PUBLIC_CALLS_FULL') {
        step = body.code === 'PUBLIC_CALLS_OFF' ? 'off' : 'full'
        called = undefined
        keep()
        return draw()
      }
      // A number that is none must not cost the call.
      if (status === 400) number = ''
      isAway = true
    } catch {
      isAway = true
    }
    draw()
    await wait(waitMs)
  }
}

let sentAt = 0
let pending: { lon: number; lat: number; accuracyM: number } | undefined
let isLocating = false

async function sendPosition(): Promise<void> {
  if (!pending || (linkToken === undefined && !called?.callId) || Date.now() - sentAt < positionEveryMs) return
  const place = pending
  pending = undefined
  sentAt = Date.now()
  try {
    const { status } =
      linkToken === undefined
        ? await post(`/${called!.callId}/position`, { uuid: called!.uuid, ...place })
        : await post('', { token: linkToken, ...place }, '/v1/public/positions')
    isAway = false
    if (status === 204) accuracyM = place.accuracyM
    else if (status === 401) isLinkOver = true
    draw()
  } catch {
    isAway = true
    pending ??= place
    draw()
  }
}

/** Watches the position from the press on; a narrower one replaces a wider one. */
function locate(): void {
  if (isLocating || !('geolocation' in navigator)) {
    hasNoPlace ||= !('geolocation' in navigator)
    return
  }
  isLocating = true
  let best = Number.POSITIVE_INFINITY
  navigator.geolocation.watchPosition(
    ({ coords }) => {
      hasNoPlace = false
      if (coords.accuracy > best * 0.9 && pending === undefined && accuracyM !== undefined) return
      best = Math.min(best, coords.accuracy)
      pending = {
        lon: Number(coords.longitude.toFixed(6)),
        lat: Number(coords.latitude.toFixed(6)),
        accuracyM: Math.round(coords.accuracy),
      }
      void sendPosition()
    },
    () => {
      hasNoPlace = accuracyM === undefined
      draw()
    },
    { enableHighAccuracy: true, timeout: positionWaitMs, maximumAge: 0 },
  )
  setInterval(() => void sendPosition(), 1_000)
}

async function verify(code: string): Promise<void> {
  if (!called?.callId) return
  try {
    const { status } = await post(`/${called.callId}/verification`, { uuid: called.uuid, code })
    isCodeWrong = status !== 204
    if (status === 204) called = { ...called, isVerified: true }
    keep()
  } catch {
    isAway = true
  }
  draw()
}

// --- drawing: the whole page anew, except while somebody types in a field that stays

type Attributes = Readonly<Record<string, string | ((event: Event) => void)>>

function make(tag: string, attributes: Attributes, ...children: (Node | string)[]): HTMLElement {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes))
    if (typeof value === 'string') element.setAttribute(name, value)
    else element.addEventListener(name, value)
  element.append(...children)
  return element
}

function field(
  id: string,
  label: Word,
  hint: Word,
  more: Record<string, string>,
  value: string,
  set: (text: string) => void,
) {
  const input = make('input', {
    id,
    placeholder: say(hint),
    'data-testid': id,
    ...more,
    input: event => set((event.target as HTMLInputElement).value),
  }) as HTMLInputElement
  input.value = value
  return make('div', { class: 'row' }, make('label', { for: id }, say(label)), input)
}

function listBody(): HTMLElement[] {
  switch (step) {
    case 'off':
    case 'full':
      return [make('p', { class: 'alarm', role: 'alert', 'data-testid': 'closed' }, say(step))]
    case 'asked': {
      const isSent = accuracyM !== undefined
      return [
        make('p', { class: 'state', role: 'status', 'data-testid': 'asked' }, say(isLinkOver ? 'linkOver' : 'asked')),
        ...(isAway ? [make('p', { class: 'alarm', role: 'alert' }, say('retry'))] : []),
        ...(isLinkOver || !isLocating ? [] : [make('p', { 'data-testid': 'place' }, describePlace())]),
        ...(isLinkOver || isSent || isLocating
          ? []
          : [
              make(
                'button',
                { type: 'button', class: 'call', 'data-testid': 'send-position', click: start },
                say('sendPosition'),
              ),
            ]),
        make('p', {}, say('keep')),
      ]
    }
    case 'ready':
      return [
        field(
          'number',
          'number',
          'numberHint',
          { type: 'tel', inputmode: 'tel', autocomplete: 'tel', maxlength: '30' },
          number,
          value => {
            number = value
          },
        ),
        field('what', 'what', 'whatHint', { type: 'text', maxlength: '500' }, text, value => {
          text = value
        }),
        make('button', { type: 'button', class: 'call', 'data-testid': 'call', click: () => void call() }, say('call')),
        make('p', { class: 'faint' }, say('privacy')),
      ]
    case 'calling':
      return [
        make('p', { class: 'state', role: 'status', 'data-testid': 'calling' }, say('calling')),
        ...(isAway ? [make('p', { class: 'alarm', role: 'alert', 'data-testid': 'retry' }, say('retry'))] : []),
      ]
    case 'called': {
      const { callId = '', isLast, isCodeSent, isVerified } = called ?? {}
      const place = describePlace()
      const code = make('input', {
        id: 'code',
        'data-testid': 'code',
        inputmode: 'numeric',
        autocomplete: 'one-time-code',
        maxlength: '6',
        'aria-label': say('code'),
      }) as HTMLInputElement
      return [
        make('p', { class: 'state', role: 'status', 'data-testid': 'called' }, say('ringing')),
        make('p', { class: 'mark', 'data-testid': 'mark' }, say(isVerified ? 'verified' : 'unverified')),
        ...(isLast ? [make('p', { class: 'alarm', role: 'alert', 'data-testid': 'last' }, say('last'))] : []),
        make('p', {}, say('keep')),
        make('p', { 'data-testid': 'place' }, place),
        ...(isCodeSent && !isVerified
          ? [
              make('div', { class: 'row' }, make('label', { for: 'code' }, say('code')), code),
              make(
                'button',
                {
                  type: 'button',
                  class: 'small',
                  'data-testid': 'verify',
                  click: () => void verify(code.value.trim()),
                },
                say('verify'),
              ),
              ...(isCodeWrong ? [make('p', { class: 'alarm', role: 'alert' }, say('wrong'))] : []),
            ]
          : []),
        make('p', { class: 'faint' }, `${say('callNo')} ${callId.slice(-8)}`),
        make('button', { type: 'button', class: 'small', 'data-testid': 'again', click: again }, say('again')),
      ]
    }
  }
}

function describePlace(): string {
  if (accuracyM !== undefined) return say('located').replace('{m}', String(accuracyM))
  return say(hasNoPlace ? 'noPlace' : 'locating')
}

function start(): void {
  locate()
  draw()
}

function again(): void {
  called = undefined
  step = 'ready'
  accuracyM = undefined
  isCodeWrong = false
  keep()
  draw()
}

function draw(): void {
  // A code being typed is not thrown away by a position that arrives.
  const typed = document.activeElement instanceof HTMLInputElement ? document.activeElement : undefined
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en'
  document.title = say('title')
  page.replaceChildren(
    make(
      'header',
      {},
      make('h1', {}, say('title')),
      make(
        'button',
        {
          type: 'button',
          class: 'small',
          'data-testid': 'language',
          click: () => {
            language = language === 'zh' ? 'en' : 'zh'
            draw()
          },
        },
        say('other'),
      ),
    ),
    make('a', { class: 'dial', href: 'tel:120', 'data-testid': 'dial' }, `${say('dialFirst')} `, make('b', {}, '120')),
    ...listBody(),
  )
  if (!typed?.id) return
  const same = document.getElementById(typed.id)
  if (!(same instanceof HTMLInputElement)) return
  same.value = typed.value
  same.focus()
}

draw()
// A page that was loaded again while its call rang goes on with the same call.
if (step === 'asked') draw()
else if (called) void call()
else
  void fetch('/v1/settings', { credentials: 'omit' })
    .then(answer => answer.json() as Promise<{ publicCalls?: boolean }>)
    .then(settings => {
      if (settings.publicCalls !== false || step !== 'ready') return
      step = 'off'
      draw()
    })
    .catch(() => undefined)
