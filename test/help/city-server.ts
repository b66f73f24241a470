/**
 * City server: a whole server with a small published city in it (one prefecture, two counties, places, units, people of every
 * role) and sockets that keep what they were told. For tests that attack the doors; everything goes in through the doors.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { io, type Socket } from 'socket.io-client'
import type { EntryOutcome, Hello, Packet, Snapshot, VitalsFrame } from '#contract/wire.ts'
import { startTestServer, type TestServer, type TestServerOptions } from './server.ts'

export const city = '330400'
export const south = '330402'
export const north = '330411'
export const centre = { lon: 120.75, lat: 30.75 }

export type Answer = { status: number; headers: Headers; body: Record<string, unknown>; text: string }
export type As = Readonly<Record<string, string>>

export type CityServer = TestServer & {
  /** Headers of a person made for this role and these regions; made once and kept. */
  as(role: string, regions?: readonly string[]): Promise<As>
  ask(method: string, path: string, as?: As, body?: unknown): Promise<Answer>
  /** Says one entry under a fresh uuid; the outcome, or the refusal of the whole request as one. */
  say(as: As, kind: string, body: unknown, more?: Record<string, unknown>): Promise<EntryOutcome>
  device: As
  open(as: As): Promise<Desk>
}

/** A console: what it was sent, in order. */
export type Desk = {
  socket: Socket
  hello: Hello
  snapshots: Snapshot[]
  packets: Packet[]
  vitals: VitalsFrame[]
  /** Names of every event ever received. */
  events: Set<string>
  ended: { reason?: string; signedOut?: string }
  /** Everything received, as text: for searches of what must not be there. */
  seen: string[]
  submit(entries: unknown, waitMs?: number): Promise<{ outcomes?: EntryOutcome[]; code?: string }>
}

/** Waits (generously) until something is so; fails with `what` when it never is. */
export async function until<T>(
  what: string,
  find: () => T | undefined | false | Promise<T | undefined | false>,
  maxMs = 60_000,
): Promise<T> {
  const deadline = Date.now() + maxMs
  for (;;) {
    const found = await find()
    if (found !== undefined && found !== false) return found as T
    if (Date.now() > deadline) throw new Error(`waited ${maxMs} ms in vain: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

let serial = 0
/** A submission under a fresh uuid. */
export function submission(kind: string, body: unknown, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { kind, uuid: randomUUID(), occurredAt: Date.now(), body, ...more }
}

const region = (code: string, level: string, parentCode?: string) => ({
  code,
  ...(parentCode ? { parentCode } : {}),
  name: code === city ? '嘉兴市' : code === south ? '南湖区' : '秀洲区',
  nameEn: code,
  level,
  ...centre,
  population: 1_000_000,
})
export const regions = [region(city, 'city'), region(south, 'county', city), region(north, 'county', city)]

/** Opens a console on a server and waits for its first snapshot. */
export async function openDesk(url: string, headers: As): Promise<Desk> {
  const socket = io(url, {
    transports: ['websocket'],
    extraHeaders: { ...headers },
    reconnection: false,
    forceNew: true,
  })
  const desk = {
    socket,
    snapshots: [],
    packets: [],
    vitals: [],
    events: new Set(),
    ended: {},
    seen: [],
    submit: (entries: unknown, waitMs = 30_000) => socket.timeout(waitMs).emitWithAck('submit', { entries }),
  } as unknown as Desk
  socket.onAny((name: string, body: unknown) => {
    desk.events.add(name)
    desk.seen.push(JSON.stringify(body) ?? '')
    if (name === 'hello') desk.hello = body as Hello
    if (name === 'snapshot') desk.snapshots.push(body as Snapshot)
    if (name === 'packet') desk.packets.push(body as Packet)
    if (name === 'vitals') desk.vitals.push(body as VitalsFrame)
    if (name === 'signedOut') desk.ended.signedOut = body as string
  })
  socket.on('disconnect', reason => {
    desk.ended.reason = reason
  })
  const refused = new Promise<never>((_, fail) => socket.once('connect_error', error => fail(error)))
  refused.catch(() => undefined)
  await Promise.race([until('the first snapshot', () => desk.snapshots.length > 0), refused])
  return desk
}

/** Starts a server and publishes the city: units U1 (south), U2 (north), U3 (south); places F1 (south), F2 (north). */
export async function startCity(options: TestServerOptions = {}): Promise<CityServer> {
  const server = await startTestServer(options)
  const people = new Map<string, Promise<As>>()
  const device = { authorization: `Bearer ${server.token}` }
  const ask: CityServer['ask'] = async (method, path, as = {}, body) => {
    const answer = await fetch(server.url + path, {
      method,
      headers: { ...as, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await answer.text()
    return { status: answer.status, headers: answer.headers, text, body: text.startsWith('{') ? JSON.parse(text) : {} }
  }
  const say: CityServer['say'] = async (as, kind, body, more) => {
    const { body: said } = await ask('POST', '/v1/entries', as, { entries: [submission(kind, body, more)] })
    return ((said.outcomes as EntryOutcome[] | undefined)?.[0] ?? said) as EntryOutcome
  }
  const made: CityServer = {
    ...server,
    device,
    ask,
    say,
    open: as => openDesk(server.url, as),
    as(role, scope = [city]) {
      const name = `${role}@${scope.join('+')}`
      const held = people.get(name)
      if (held) return held
      const making = (async () => {
        const accountId = `${role}-${++serial}`
        const { password } = await server.addPerson(accountId, [role], [...scope])
        return { cookie: await server.signIn(accountId, password) }
      })()
      people.set(name, making)
      return making
    },
  }
  if (!options.directory) {
    // A played city stands still until somebody ticks.
    const isPlayed = options.environment?.CLOCK === 'entries'
    const entries = [
      ...(isPlayed ? [submission('clock.ticked', { gapMs: 0, boundary: 'none' })] : []),
      submission('region.published', { version: 1, regions }),
      ...(['F1', 'F2'] as const).map((placeId, i) =>
        submission('place.registered', {
          placeId,
          placeKind: 'hospital',
          name: placeId,
          regionCode: i === 0 ? south : north,
          ...centre,
        }),
      ),
      ...['U1', 'U2', 'U3'].map((unitId, i) =>
        submission('unit.registered', {
          unitId,
          name: `${i + 1} 号车`,
          unitClass: 'B',
          regionCode: i === 1 ? north : south,
        }),
      ),
    ]
    for (const entry of entries) {
      const answer = await server.post([entry])
      if (answer.body.outcomes?.[0]?.result === 'done') continue
      await server.remove()
      assert.fail(JSON.stringify(answer.body))
    }
  }
  return made
}
