/**
 * The door out, attacked with real sockets on a whole server over PostgreSQL: snapshot then changes without a gap, slow and
 * absent readers, storms, scopes, garbage, and two desks that want the same unit. Every console here checks each packet it
 * gets: it must follow the one before, and no unit may ever go back in time.
 */
import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import type { EntryOutcome, Packet, PositionRow, Snapshot } from '#contract/wire.ts'
import {
  type As,
  type CityServer,
  centre,
  city,
  type Desk,
  north,
  openDesk,
  regions,
  south,
  startCity,
  submission,
  until,
} from '../help/city-server.ts'
import { startPostgres } from '../help/postgres.ts'

let database: Awaited<ReturnType<typeof startPostgres>>
let server: CityServer
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
before(async () => {
  console.log(`fanout seed ${seed}`)
  database = await startPostgres()
  server = await startCity({ databaseUrl: database.url })
})
after(async () => {
  await server.remove()
  await database.stop()
})

function createChance(from: number): () => number {
  let state = from >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 4_294_967_296
  }
}

type Row = Record<string, unknown>
const idOf = {
  regions: 'code',
  places: 'placeId',
  units: 'unitId',
  calls: 'callId',
  incidents: 'incidentId',
  alerts: 'alertId',
} as const
type Name = keyof typeof idOf

/** A screen: keeps what it was told, and every breach of order it saw. */
type Screen = {
  desk: Desk
  seq: number
  records: Map<string, Row>
  breaches: string[]
  packets: number
  snapshots: number
}

function follow(desk: Desk): Screen {
  const screen: Screen = { desk, seq: 0, records: new Map(), breaches: [], packets: 0, snapshots: 0 }
  const takeSnapshot = (snapshot: Snapshot) => {
    if (snapshot.seq < screen.seq) screen.breaches.push(`snapshot ${snapshot.seq} after seq ${screen.seq}`)
    const before = new Map(screen.records)
    screen.records.clear()
    for (const name of Object.keys(idOf) as Name[])
      for (const row of snapshot.world[name] as Row[]) keep(name, row, before.get(`${name}/${row[idOf[name]]}`))
    screen.seq = snapshot.seq
    screen.snapshots++
  }
  const keep = (name: Name, row: Row, held: Row | undefined) => {
    const id = `${name}/${row[idOf[name]]}`
    for (const field of ['version', 'fixAt'] as const)
      if (held && Number(row[field] ?? 0) < Number(held[field] ?? 0))
        screen.breaches.push(`${id} ${field} ${held[field]} → ${row[field]}`)
    screen.records.set(id, { ...row })
  }
  const takePacket = (packet: Packet) => {
    screen.packets++
    if (packet.afterSeq !== screen.seq) screen.breaches.push(`packet after ${packet.afterSeq} at seq ${screen.seq}`)
    if (packet.seq < packet.afterSeq) screen.breaches.push(`packet ${packet.afterSeq} → ${packet.seq}`)
    screen.seq = packet.seq
    for (const name of Object.keys(idOf) as Name[])
      for (const row of (packet.changes[name] ?? []) as Row[])
        keep(name, row, screen.records.get(`${name}/${row[idOf[name]]}`))
    for (const [unitId, lon, lat, fixAt] of (packet.changes.positions ?? []) as PositionRow[]) {
      const unit = screen.records.get(`units/${unitId}`)
      if (!unit) screen.breaches.push(`position of ${unitId}, which was never shown`)
      else if (Number(unit.fixAt ?? 0) > fixAt)
        screen.breaches.push(`${unitId} went back from ${unit.fixAt} to ${fixAt}`)
      else Object.assign(unit, { lon, lat, fixAt })
    }
    for (const [name, ids] of Object.entries(packet.changes.gone ?? {}))
      for (const id of ids) screen.records.delete(`${name}/${id}`)
  }
  takeSnapshot(desk.snapshots.at(-1)!)
  for (const packet of desk.packets) if (packet.afterSeq >= screen.seq) takePacket(packet)
  desk.socket.on('snapshot', takeSnapshot)
  desk.socket.on('packet', takePacket)
  return screen
}

/** The screen shows exactly what a fresh snapshot of the same scope shows. */
async function assertTrue(screen: Screen, as: As, what: string): Promise<void> {
  await until(`${what}: the screen is level`, () => screen.seq >= server.world.seq - 3)
  const fresh = await server.open(as)
  try {
    const { seq, world } = fresh.snapshots[0]!
    await until(`${what}: seq ${seq}`, () => screen.seq >= seq)
    const expected = new Map(
      (Object.keys(idOf) as Name[]).flatMap(name =>
        (world[name] as Row[]).map(row => [`${name}/${row[idOf[name]]}`, row] as const),
      ),
    )
    assert.deepEqual([...screen.records.keys()].sort(), [...expected.keys()].sort(), what)
    for (const [id, row] of expected)
      for (const field of ['version', 'status', 'state', 'lon', 'lat', 'fixAt', 'incidentId', 'unitIds', 'noteCount'])
        assert.deepEqual(screen.records.get(id)![field], row[field], `${what}: ${id} ${field}`)
  } finally {
    fresh.socket.disconnect()
  }
  assert.deepEqual(screen.breaches, [], what)
}

const seqs = new Map<string, number>()
const position = (unitId: string, occurredAt: number, lon: number) => {
  const seq = (seqs.get('p') ?? 0) + 1
  seqs.set('p', seq)
  return { kind: 'unit.position', epoch: 'fan', seq, occurredAt, body: { unitId, lon, lat: 30.7 } }
}
async function sayAll(entries: readonly unknown[]): Promise<EntryOutcome[]> {
  const outcomes: EntryOutcome[] = []
  for (let at = 0; at < entries.length; at += 1_000) {
    const { status, body } = await server.post(entries.slice(at, at + 1_000))
    assert.equal(status, 200, JSON.stringify(body).slice(0, 300))
    outcomes.push(...body.outcomes)
  }
  assert.deepEqual(outcomes.filter(o => o.result !== 'done').slice(0, 3), [])
  return outcomes
}

test('FAN-1 snapshot then changes has no gap, under load, while others come and go; no state goes back', async () => {
  const chance = createChance(seed)
  const as = await server.as('dispatcher')
  const southAs = await server.as('dispatcher', [south])
  const screens = [follow(await server.open(as)), follow(await server.open(as)), follow(await server.open(southAs))]
  let isLoading = true
  const load = (async () => {
    for (let round = 0; round < 60; round++) {
      const at = Date.now()
      const entries: unknown[] = []
      // Late and reordered fixes on purpose; every third round is of the other county alone.
      for (let n = 0; n < 20; n++)
        entries.push(
          position(
            round % 3 === 0 ? 'U2' : `U${1 + Math.floor(chance() * 3)}`,
            at - Math.floor(chance() * 3_000),
            120.6 + chance() / 5,
          ),
        )
      if (chance() < 0.5)
        entries.push(submission('call.received', { callId: randomUUID(), regionCode: chance() < 0.5 ? south : north }))
      if (chance() < 0.3)
        entries.push(
          submission('incident.opened', {
            incidentId: randomUUID(),
            level: 2,
            regionCode: chance() < 0.5 ? south : north,
            ...centre,
          }),
        )
      if (chance() < 0.3)
        entries.push(
          submission('unit.status', { unitId: 'U1', status: chance() < 0.5 ? 'rolling' : 'on-scene', by: 'key' }),
        )
      await sayAll(entries)
      await new Promise(resolve => setTimeout(resolve, 50))
    }
    isLoading = false
  })()
  let joined = 0
  while (isLoading) {
    const guest = await server.open(chance() < 0.5 ? as : southAs)
    joined++
    if (chance() < 0.5) guest.socket.emit('resync')
    await new Promise(resolve => setTimeout(resolve, 40 + chance() * 200))
    guest.socket.disconnect()
  }
  await load
  assert.ok(joined > 3, `${joined} joined meanwhile`)
  for (const screen of screens)
    assert.ok(screen.packets > 5 && screen.snapshots === 1, `${screen.packets} packets, ${screen.snapshots} snapshots`)
  await assertTrue(screens[0]!, as, 'first')
  await assertTrue(screens[1]!, as, 'second')
  await assertTrue(screens[2]!, southAs, 'south')
  for (const screen of screens) screen.desk.socket.disconnect()
})

test('FAN-2 an empty packet each second proves reach; nothing has a name beyond the contract', async () => {
  const desk = await server.open(await server.as('hospital', [north]))
  const empty = () => desk.packets.filter(p => Object.keys(p.changes).length === 0)
  await until('three empty packets', () => empty().length >= 3)
  assert.ok(desk.packets.every((p, i) => i === 0 || p.at >= desk.packets[i - 1]!.at))
  assert.deepEqual(
    desk.packets.filter((p, i) => i > 0 && p.afterSeq !== desk.packets[i - 1]!.seq),
    [],
  )
  assert.equal(desk.packets[0]!.afterSeq, desk.snapshots[0]!.seq)
  for (const name of desk.events) assert.ok(['hello', 'snapshot', 'packet', 'vitals', 'signedOut'].includes(name), name)
  desk.socket.disconnect()
})

test('FAN-3 two desks grab one unit 200 times: exactly one wins each time, the loser gets UNIT_TAKEN with the name', async () => {
  const desks = await Promise.all(
    (['dispatcher', 'shift-leader'] as const).map(async role => {
      const desk = await server.open(await server.as(role))
      const incidentId = randomUUID()
      const { outcomes } = await desk.submit([
        submission('incident.opened', { incidentId, level: 1, regionCode: south, ...centre }),
      ])
      assert.equal(outcomes![0]!.result, 'done')
      return { desk, incidentId, name: desk.hello.session.name, wins: 0 }
    }),
  )
  await sayAll([submission('unit.registered', { unitId: 'U9', name: '9 号车', unitClass: 'B', regionCode: south })])
  for (let round = 0; round < 200; round++) {
    const { version } = server.world.units.get('U9')!
    const order = round % 2 === 0 ? desks : [...desks].reverse()
    const told = await Promise.all(
      order.map(async ({ desk, incidentId }) => {
        const { outcomes } = await desk.submit([
          submission('incident.unitAssigned', { incidentId, unitId: 'U9' }, { expects: { unit: version } }),
        ])
        return outcomes![0]!
      }),
    )
    const winner = told.findIndex(o => o.result === 'done')
    const loser = told[1 - winner]!
    assert.equal(told.filter(o => o.result === 'done').length, 1, JSON.stringify(told))
    assert.equal(loser.code, 'UNIT_TAKEN')
    assert.deepEqual(loser.params, { unitId: 'U9', incidentId: order[winner]!.incidentId, by: order[winner]!.name })
    assert.ok(loser.zh!.includes(order[winner]!.name) && loser.en!.includes(order[winner]!.name))
    order[winner]!.wins++
    const { outcomes } = await order[winner]!.desk.submit([
      submission('incident.unitReleased', { incidentId: order[winner]!.incidentId, unitId: 'U9', reason: '再来' }),
    ])
    assert.equal(outcomes![0]!.result, 'done')
  }
  assert.ok(
    desks.every(d => d.wins > 0),
    desks.map(d => d.wins).join(' : '),
  )
  for (const { desk } of desks) desk.socket.disconnect()
})

test('FAN-4 what leaves a scope is gone, and nothing of it arrives afterwards: records, positions, vitals', async () => {
  const as = await server.as('dispatcher', [south])
  const screen = follow(await server.open(as))
  const { desk } = screen
  await sayAll([submission('unit.registered', { unitId: 'UX', name: 'X 号车', unitClass: 'B', regionCode: south })])
  await until('the unit is shown', () => screen.records.has('units/UX'))
  desk.socket.emit('watch', { unitId: 'UX', on: true })
  await until('vitals of the watched unit', async () => {
    await sayAll([submission('unit.vitals', { unitId: 'UX', hrPerMin: 61 })])
    return desk.vitals.length > 0
  })
  await sayAll([submission('unit.registered', { unitId: 'UX', name: 'X 号车', unitClass: 'B', regionCode: north })])
  await until('the unit is gone', () => !screen.records.has('units/UX'))
  assert.ok(desk.packets.some(p => p.changes.gone?.units?.includes('UX')))
  const vitalsBefore = desk.vitals.length
  const seenBefore = desk.seen.length
  await sayAll([
    submission('unit.vitals', { unitId: 'UX', hrPerMin: 187 }),
    position('UX', Date.now(), 120.6543),
    submission('unit.status', { unitId: 'UX', status: 'rolling', by: 'key' }),
    position('U1', Date.now() + 1_000, 120.71),
  ])
  await until('what came after', () => desk.packets.at(-1)!.seq >= server.world.seq - 1)
  assert.equal(desk.vitals.length, vitalsBefore)
  assert.ok(!desk.seen.slice(seenBefore).some(text => text.includes('"UX"')), 'nothing of UX')
  // A tree that no longer holds the county below the city takes its things away from the city's desk.
  const whole = follow(await server.open(await server.as('dispatcher')))
  assert.ok(whole.records.has('units/U2'))
  const version = server.world.city.regionsVersion
  await sayAll([
    submission('region.published', {
      version: version + 1,
      regions: regions.map(r => (r.code === north ? { ...r, parentCode: undefined } : r)),
    }),
  ])
  await until('the county has left', () => !whole.records.has('units/U2') && whole.records.has('units/U1'))
  const published = await server.post([submission('region.published', { version: version + 2, regions })])
  assert.equal(published.body.outcomes[0]!.result, 'done')
  await until('and is back', () => whole.records.has('units/U2'))
  assert.deepEqual([...screen.breaches, ...whole.breaches], [])
  desk.socket.disconnect()
  whole.desk.socket.disconnect()
})

test('FAN-5 a foreign region never arrives, in no event of any role; an alert is a notice or full by role', async () => {
  const roles = [
    'dispatcher',
    'shift-leader',
    'epidemiologist',
    'hospital',
    'crew',
    'administrator',
    'auditor',
  ] as const
  const open = async (scope: string) =>
    Promise.all(roles.map(async role => ({ role, desk: await server.open(await server.as(role, [scope])) })))
  const here = await open(south)
  const there = await open(north)
  const ids = { unit: 'UNORTH', call: randomUUID(), incident: randomUUID(), card: 'KNORTH' }
  for (const { desk } of here) desk.socket.emit('watch', { unitId: 'U2', on: true })
  await sayAll([submission('unit.registered', { unitId: ids.unit, name: '北车', unitClass: 'B', regionCode: north })])
  const north_ = await server.as('dispatcher', [north])
  for (const [kind, body] of [
    ['call.received', { callId: ids.call, regionCode: north }],
    ['incident.opened', { incidentId: ids.incident, callIds: [ids.call], level: 1, regionCode: north, ...centre }],
    ['incident.unitAssigned', { incidentId: ids.incident, unitId: ids.unit }],
  ] as const)
    assert.equal((await server.say(north_, kind, body)).result, 'done', kind)
  await sayAll([
    position(ids.unit, Date.now(), 120.7777),
    submission('unit.vitals', { unitId: 'U2', hrPerMin: 199 }),
    submission('report.received', {
      cardId: ids.card,
      diseaseId: 'plague',
      caseClass: 'confirmed',
      regionCode: north,
      facilityId: 'F2',
      diagnosedAt: Date.now() - 5_000,
    }),
  ])
  const alert = await until('the alert', () =>
    [...server.world.alerts.values()].find(a => a.regionCode === north && a.ruleId === 'statutory-single'),
  )
  const findAlert = (desk: Desk) =>
    desk.packets.flatMap(p => p.changes.alerts ?? []).find(a => a.alertId === alert.alertId)
  const toldOf = Object.fromEntries(there.map(({ role, desk }) => [role, desk]))
  await until('the epidemiologist is told', () => findAlert(toldOf.epidemiologist!))
  await until('the dispatcher is told', () => findAlert(toldOf.dispatcher!))
  assert.deepEqual(findAlert(toldOf.epidemiologist!)!.evidence[0]!.subjects, [ids.card])
  assert.deepEqual([findAlert(toldOf.dispatcher!)!.evidence, findAlert(toldOf.dispatcher!)!.cases], [[], 0], 'a notice')
  for (const role of ['hospital', 'crew', 'auditor'] as const) assert.equal(findAlert(toldOf[role]!), undefined, role)
  // Answers of the door say nothing of the other county either.
  const own = here.find(d => d.role === 'dispatcher')!.desk
  const answer = await own.submit([
    submission('incident.closed', { incidentId: ids.incident, outcome: 'cancelled' }),
    submission('incident.unitAssigned', { incidentId: ids.incident, unitId: 'U1' }),
    submission('alert.acknowledged', { alertId: alert.alertId }),
  ])
  assert.ok(
    answer.outcomes!.every(o => o.result === 'refused'),
    JSON.stringify(answer),
  )
  assert.ok(!JSON.stringify(answer).includes(north_.cookie!), 'no name of theirs')
  const target = server.world.seq
  for (const { desk } of [...here, ...there]) await until('level', () => (desk.packets.at(-1)?.seq ?? 0) >= target)
  for (const { role, desk } of here)
    for (const id of [
      ids.unit,
      ids.call,
      ids.incident,
      ids.card,
      `"${alert.alertId}"`,
      '120.7777',
      'hrPerMin',
      '"U2"',
      '"F2"',
    ])
      assert.ok(!desk.seen.some(text => text.includes(id)), `${role} of ${south} was sent ${id}`)
  for (const { desk } of [...here, ...there]) {
    for (const name of desk.events)
      assert.ok(['hello', 'snapshot', 'packet', 'vitals', 'signedOut'].includes(name), name)
    assert.ok(
      !desk.seen.some(text => /sealed:v1:|heardAt|assignedBy|statusBy|mergeKey/.test(text)),
      'what only the core needs stays inside',
    )
    desk.socket.disconnect()
  }
})

test('FAN-6 the first burst of 5,000 units arrives whole; a slow reader gets the newest state and never an older one', async () => {
  const as = await server.as('shift-leader', [south])
  const early = follow(await server.open(as))
  const capabilities = Array.from({ length: 16 }, (_, n) => `capability-${n}-${'x'.repeat(40)}`)
  const register = (version: number) =>
    Array.from({ length: 5_000 }, (_, n) =>
      submission('unit.registered', {
        unitId: `B${n}`,
        name: `${n}/${version}`,
        unitClass: 'B',
        capabilities,
        regionCode: south,
      }),
    )
  await sayAll(register(1))
  await until('the burst', () => [...early.records.keys()].filter(id => id.startsWith('units/B')).length === 5_000)
  const late = await server.open(as)
  assert.equal(late.snapshots[0]!.world.units.filter(u => u.unitId.startsWith('B')).length, 5_000)
  late.socket.disconnect()

  const slow = follow(await openDesk(server.url, as))
  const wire = (slow.desk.socket.io.engine as unknown as { transport: { ws: { pause(): void; resume(): void } } })
    .transport.ws
  const countBehind = async () =>
    Number(/^vigil_clients_behind (\d+)/m.exec((await server.ask('GET', '/metrics')).text)?.[1])
  wire.pause()
  const packetsBefore = { slow: slow.packets, early: early.packets }
  const chance = createChance(seed + 1)
  let version = 2
  // Some 5 MB a round: more than the buffers of two sockets hold. Shorter than a ping, or the server would end it.
  for (; version < 12 && (await countBehind()) === 0; version++) await sayAll(register(version))
  assert.ok((await countBehind()) > 0, 'the reader has fallen behind')
  const at = Date.now()
  for (let round = 0; round < 8; round++) {
    await sayAll(
      Array.from({ length: 100 }, (_, n) =>
        position(`B${n}`, at + round * 100 + Math.floor(chance() * 50), 120.6 + chance() / 5),
      ),
    )
    await new Promise(resolve => setTimeout(resolve, 300))
  }
  wire.resume()
  await until(
    'the slow reader has caught up',
    async () => slow.seq >= server.world.seq - 3 && (await countBehind()) === 0,
  )
  await assertTrue(slow, as, 'the slow reader')
  await assertTrue(early, as, 'the quick reader')
  assert.ok(
    slow.packets - packetsBefore.slow + slow.snapshots < early.packets - packetsBefore.early,
    `coalesced: ${slow.packets - packetsBefore.slow} packets beside ${early.packets - packetsBefore.early}`,
  )
  slow.desk.socket.disconnect()
  early.desk.socket.disconnect()
})

test('FAN-7 a storm of 100 consoles that come back at once: each has its snapshot, nobody sees a gap', async () => {
  const as = await server.as('dispatcher', [north])
  const watcher = follow(await server.open(as))
  for (let storm = 0; storm < 2; storm++) {
    const joining = Array.from({ length: 100 }, () => server.open(as))
    for (let n = 0; n < 10; n++) await sayAll([position('U2', Date.now() + n, 120.6 + n / 100)])
    const desks = await Promise.all(joining)
    const screens = desks.map(follow)
    const target = server.world.seq
    for (const screen of screens) {
      await until('level after the storm', () => screen.seq >= target)
      assert.deepEqual(screen.breaches, [])
      assert.ok(screen.records.has('units/U2'))
    }
    for (const desk of desks) desk.socket.disconnect()
  }
  await assertTrue(watcher, as, 'the one who stayed')
  assert.equal(watcher.snapshots, 1)
  watcher.desk.socket.disconnect()
  await until('all have gone', async () => /^vigil_clients 0$/m.test((await server.ask('GET', '/metrics')).text))
})

test('FAN-8 a flood of resync and garbage harms nobody else', async () => {
  const as = await server.as('dispatcher', [north])
  const other = follow(await server.open(as))
  const flood = await server.open(as)
  for (let n = 0; n < 2_000; n++) flood.socket.emit('resync')
  await until('the flood is over', () => flood.packets.length > 3)
  assert.ok(flood.snapshots.length <= 6, `${flood.snapshots.length} snapshots`)
  const bad: ((desk: Desk) => void)[] = [
    desk => desk.socket.emit('packet', { afterSeq: 0, seq: 9 }),
    desk => desk.socket.emit('toString'),
    desk => desk.socket.emit('__proto__', { x: 1 }),
    desk => desk.socket.emit('watch', null),
    desk => desk.socket.emit('watch', { unitId: '__proto__', on: true }),
    desk => desk.socket.emit('watch', { unitId: 'U2', on: 'yes' }),
    desk => desk.socket.emit('submit'),
    desk => desk.socket.emit('submit', { entries: [] }, 'no function'),
    desk => desk.socket.emit('submit', randomBytes(1_000), () => undefined),
    desk => desk.socket.emit('resync', ...new Array(50).fill({})),
    desk =>
      void (desk.socket.io.engine as unknown as { transport: { ws: { send(raw: unknown): void } } }).transport.ws.send(
        '42["',
      ),
    desk =>
      void (desk.socket.io.engine as unknown as { transport: { ws: { send(raw: unknown): void } } }).transport.ws.send(
        '451-["x",{"_placeholder":true,"num":9e9}]',
      ),
    desk =>
      void (desk.socket.io.engine as unknown as { transport: { ws: { send(raw: unknown): void } } }).transport.ws.send(
        randomBytes(500),
      ),
    desk => desk.socket.emit('submit', { entries: ['x'.repeat(1_000_000)] }, () => undefined),
  ]
  for (const say of bad) {
    const desk = await server.open(as)
    say(desk)
    await new Promise(resolve => setTimeout(resolve, 50))
    desk.socket.disconnect()
  }
  await sayAll([position('U2', Date.now() + 5_000, 120.66)])
  await assertTrue(other, as, 'the other console')
  other.desk.socket.disconnect()
  flood.socket.disconnect()
})

test('FAN-9 a socket ends with its session: signed out, disabled, revoked, its role taken', async t => {
  const sign = async () => {
    const accountId = `leaver-${randomUUID().slice(0, 8)}`
    const { password } = await server.addPerson(accountId, ['dispatcher'], [city])
    const as = { cookie: await server.signIn(accountId, password) }
    return { accountId, as, desk: await server.open(as) }
  }
  const admin = await server.as('administrator', [])
  const made = await server.identity.devices.enrol(
    { deviceId: 'leaver', name: 'leaver', role: 'terminal', regions: [city], unitIds: ['U1'] },
    'test',
  )
  assert.ok(!('code' in made))
  const device = {
    accountId: '',
    as: { authorization: `Bearer ${made.token}` },
    desk: await openDesk(server.url, { authorization: `Bearer ${made.token}` }),
  }
  const [out, disabled, demoted] = [await sign(), await sign(), await sign()]
  const ends: [string, { desk: Desk; as: As; accountId: string }, () => Promise<number>][] = [
    ['signed out', out, async () => (await server.ask('DELETE', '/v1/session', out.as)).status],
    [
      'disabled',
      disabled,
      async () => (await server.ask('PATCH', `/v1/accounts/${disabled.accountId}`, admin, { disabled: true })).status,
    ],
    [
      'role taken',
      demoted,
      async () =>
        (await server.ask('PATCH', `/v1/accounts/${demoted.accountId}`, admin, { roles: ['hospital'] })).status,
    ],
    ['revoked', device, async () => (await server.ask('DELETE', '/v1/devices/leaver', admin)).status],
  ]
  for (const [what, who, end] of ends) {
    const startedAt = performance.now()
    const status = await end()
    assert.ok(status < 300, `${what}: ${status}`)
    await until(`${what}: the socket ends`, () => who.desk.ended.reason)
    t.diagnostic(`${what}: ended after ${Math.round(performance.now() - startedAt)} ms`)
    await assert.rejects(
      openDesk(server.url, who.as).then(desk => {
        if (what !== 'role taken') return desk
        throw new Error('SIGN_IN_REQUIRED')
      }),
      /SIGN_IN_REQUIRED|TOKEN_INVALID/,
      what,
    )
  }
})
