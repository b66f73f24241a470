/**
 * Simulation: the line under bad luck, 50 seeds. Sources lose, double and reorder what they send, answers get lost, the process
 * dies before or after a commit, consoles read slowly; time is turned by hand. An independent checker reads every sender's
 * memory and every console's screen. A failing seed is printed and can be run alone.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Entry } from '#contract/entry.ts'
import type { CityView } from '#contract/view.ts'
import type { Changes } from '#contract/wire.ts'
import {
  addTouched,
  buildChanges,
  buildSnapshot,
  clearOutbox,
  countIds,
  createHeld,
  createOutbox,
  type Held,
  isEmpty,
  type Outbox,
  type Scope,
} from '../../server/fanout/outbox.ts'
import { hashSlices, hashWorld, sliceWorld } from '../../server/log/checkpoint.ts'
import { createMemoryLog } from '../../server/log/memory.ts'
import type { Told } from '../../server/log/writer.ts'
import { verifyLog } from '../../server/operations/audit.ts'
import type { Touched, World } from '../../server/state/world.ts'
import { bootLine, createHandClock, type Line, makeCity, makeEntry, makeUuid } from '../help/line.ts'

/** Seeds of the CI form; `node test/simulation/line.test.ts SEED` runs one. */
const seeds = process.argv[2] ? [Number(process.argv[2])] : Array.from({ length: 50 }, (_, i) => 1_000 + i)
const rounds = 60
const unitsMax = 12

function createChance(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** A durable queue of a device, or a desk: keeps what is not acknowledged and sends it again, out of order if luck is bad. */
type Sender = { name: string; next: number; unacked: Entry[]; acked: Map<string, { entry: Entry; told: Told }> }

/** A console: what it was told, kept as a screen would keep it. */
type Screen = {
  scope: Scope
  seq: number
  records: Map<string, unknown>
  own?: { outbox: Outbox; held: Held; seq: number }
  isStale: boolean
}

const idOf: Record<string, string> = {
  regions: 'code',
  places: 'placeId',
  units: 'unitId',
  calls: 'callId',
  incidents: 'incidentId',
  alerts: 'alertId',
}
const cityOf = (world: World): CityView => ({
  now: world.city.now,
  clock: 'wall',
  pager: 'dry',
  quarantined: 0,
  lastTickGapMs: 0,
  rulesVersion: 0,
  regionsVersion: 0,
})

const scopes: Scope[] = [
  { key: 'all', sees: () => true, show: (_c, r) => structuredClone(r) },
  {
    key: '330402',
    sees: (c, r) => c === 'regions' || (r as { regionCode?: string }).regionCode === '330402',
    show: (_c, r) => structuredClone(r),
  },
]

function applyChanges(screen: Screen, changes: Changes): void {
  for (const [name, rows] of Object.entries(changes)) {
    if (name === 'city' || name === 'gone' || name === 'positions') continue
    for (const row of rows as Record<string, unknown>[]) screen.records.set(`${name}/${row[idOf[name]!]}`, row)
  }
  for (const [unitId, lon, lat, fixAt] of changes.positions ?? []) {
    const unit = screen.records.get(`units/${unitId}`) as Record<string, unknown> | undefined
    if (unit && ((unit.fixAt as number | undefined) ?? 0) <= fixAt) Object.assign(unit, { lon, lat, fixAt })
  }
  for (const [name, ids] of Object.entries(changes.gone ?? {}))
    for (const id of ids as string[]) screen.records.delete(`${name}/${id}`)
}

/** The fan-out of socket.ts without sockets: the same outbox functions, slow readers by chance. */
function createRooms(screens: readonly Screen[]) {
  const pending = createOutbox()
  const rooms = scopes.map(scope => ({ scope, held: createHeld(), seq: 0 }))
  const join = (screen: Screen, world: World) => {
    const room = rooms.find(r => r.scope === screen.scope)!
    const snapshot = buildSnapshot(world, room.scope, room.held, cityOf(world)) as unknown as Record<
      string,
      Record<string, unknown>[]
    >
    screen.records.clear()
    for (const [name, rows] of Object.entries(snapshot))
      if (name !== 'city') for (const row of rows) screen.records.set(`${name}/${row[idOf[name]!]}`, row)
    room.seq = world.seq
    screen.seq = world.seq
    delete screen.own
    screen.isStale = false
  }
  return {
    join,
    flush(world: World, touched: Touched, chance: () => number) {
      addTouched(pending, touched)
      touched.city = false
      for (const name of ['regions', 'places', 'units', 'positions', 'calls', 'incidents', 'alerts'] as const)
        touched[name].clear()
      for (const room of rooms) {
        const changes = isEmpty(pending)
          ? undefined
          : buildChanges(pending, world, room.scope, room.held, cityOf(world))
        for (const screen of screens.filter(s => s.scope === room.scope)) {
          if (screen.own) {
            for (const name of Object.keys(pending.ids) as (keyof Outbox['ids'])[])
              for (const id of pending.ids[name]) screen.own.outbox.ids[name].add(id)
            for (const id of pending.positions) screen.own.outbox.positions.add(id)
            if (countIds(screen.own.outbox) > 40) screen.isStale = true
            continue
          }
          if (changes) {
            assert.equal(screen.seq, room.seq, 'snapshot then changes has no gap')
            applyChanges(screen, structuredClone(changes))
          }
          screen.seq = world.seq
        }
        room.seq = world.seq
        for (const screen of screens.filter(s => s.scope === room.scope)) {
          if (!screen.own && chance() < 0.1)
            screen.own = { outbox: createOutbox(), held: structuredClone(room.held), seq: room.seq }
          else if (screen.own && chance() < 0.4) {
            if (screen.isStale) join(screen, world)
            else {
              assert.equal(screen.own.seq, screen.seq)
              applyChanges(
                screen,
                structuredClone(
                  buildChanges(screen.own.outbox, world, room.scope, screen.own.held, cityOf(world)) ?? {},
                ),
              )
              screen.seq = world.seq
              delete screen.own
            }
          }
        }
      }
      clearOutbox(pending)
    },
    settle(world: World, touched: Touched) {
      this.flush(world, touched, () => 1)
      for (const screen of screens) if (screen.own) join(screen, world)
    },
  }
}

async function runSeed(seed: number): Promise<void> {
  const chance = createChance(seed)
  const pick = (n: number) => Math.floor(chance() * n)
  const clock = createHandClock()
  const log = createMemoryLog()
  let line: Line = await bootLine(log, clock)
  await line.writer.submit(makeCity(unitsMax))

  const senders: Sender[] = Array.from({ length: 5 }, (_, i) => ({
    name: `S${i}`,
    next: 0,
    unacked: [],
    acked: new Map(),
  }))
  const desks: Sender[] = ['甲', '乙'].map(name => ({ name: `desk:${name}`, next: 0, unacked: [], acked: new Map() }))
  const screens: Screen[] = scopes.flatMap(scope =>
    [1, 2, 3].map(() => ({ scope, seq: 0, records: new Map(), isStale: false })),
  )
  const rooms = createRooms(screens)
  for (const screen of screens) rooms.join(screen, line.world)
  let uuid = seed * 10_000
  let tick = 0
  let boots = 0

  const say = (sender: Sender): Entry => {
    const at = clock.now() - pick(90_000)
    const key = { epoch: `e${seed}`, sourceSeq: ++sender.next }
    const unitId = `U${1 + pick(unitsMax)}`
    const die = chance()
    if (die < 0.6)
      return makeEntry('unit.position', sender.name, key, { unitId, lon: 120 + chance(), lat: 30 + chance() }, at)
    if (die < 0.75)
      return makeEntry(
        'unit.status',
        sender.name,
        key,
        { unitId, status: (['rolling', 'on-scene', 'loaded', 'returning', 'idle'] as const)[pick(5)]!, by: 'key' },
        at,
      )
    if (die < 0.9)
      return makeEntry(
        'call.received',
        sender.name,
        key,
        {
          callId: `C-${sender.name}-${key.sourceSeq}`,
          regionCode: chance() < 0.5 ? '330402' : '330411',
          complaint: { code: 'cough', syndrome: 'respiratory', dictionary: 't' },
        },
        at,
      )
    return makeEntry(
      'unit.registered',
      sender.name,
      key,
      { unitId, name: unitId, unitClass: 'B', regionCode: chance() < 0.5 ? '330402' : '330411' },
      at,
    )
  }
  const command = (desk: Sender): Entry => {
    const key = { uuid: makeUuid(++uuid) }
    const actor = {
      accountId: desk.name.slice(5),
      name: desk.name,
      roles: ['dispatcher' as const],
      regions: ['330400'],
    }
    const more = { actor, expiresAt: clock.now() + 15_000 }
    const incidentId = `I${1 + pick(12)}`
    const unit = line.world.units.get(`U${1 + pick(unitsMax)}`)!
    const die = chance()
    if (die < 0.35)
      return makeEntry(
        'incident.opened',
        desk.name,
        key,
        { incidentId, level: 1 + pick(4), regionCode: chance() < 0.5 ? '330402' : '330411', lon: 120, lat: 30 },
        clock.now(),
        more,
      )
    if (die < 0.8)
      return makeEntry('incident.unitAssigned', desk.name, key, { incidentId, unitId: unit.unitId }, clock.now(), {
        ...more,
        expects: { unit: unit.version },
      })
    if (die < 0.9)
      return makeEntry(
        'incident.unitReleased',
        desk.name,
        key,
        { incidentId, unitId: unit.unitId, reason: 'x' },
        clock.now(),
        more,
      )
    return makeEntry('incident.closed', desk.name, key, { incidentId, outcome: 'transported' }, clock.now(), more)
  }

  /** Sends what is unacknowledged, some of it twice, in any order; the answer may be lost on the way back. */
  const deliver = async (sender: Sender) => {
    const batch = sender.unacked.filter(() => chance() > 0.2)
    if (chance() < 0.3) batch.push(...batch.filter(() => chance() < 0.5))
    if (chance() < 0.5) batch.sort(() => chance() - 0.5)
    const told = await line.writer.submit(batch.map(entry => structuredClone(entry)))
    if (chance() < 0.15) return
    for (const [i, answer] of told.entries()) {
      const entry = batch[i]!
      const name = entry.uuid ?? `${entry.source}/${entry.sourceSeq}`
      if (answer.seq === undefined) continue
      const before = sender.acked.get(name)
      if (before) {
        assert.equal(answer.seq, before.told.seq, 'twice is once')
        assert.deepEqual(
          [answer.result, answer.reject?.code],
          [before.told.result, before.told.reject?.code],
          'the outcome never changes',
        )
      }
      sender.acked.set(name, { entry, told: answer })
      sender.unacked = sender.unacked.filter(e => e !== entry)
    }
  }

  const reboot = async () => {
    boots++
    const live = hashWorld(line.world)
    const wasClean = log.list(line.world.seq, 1).then(rest => rest.length === 0)
    const isClean = await wasClean
    line = await bootLine(log, clock)
    if (isClean) assert.equal(hashWorld(line.world), live, 'restart rebuilds the same world')
    for (const screen of screens) rooms.join(screen, line.world)
  }

  for (let round = 0; round < rounds; round++) {
    clock.turn(500 + pick(2_000))
    for (const sender of senders) for (let n = pick(5); n > 0; n--) sender.unacked.push(say(sender))
    for (const desk of desks) if (chance() < 0.7) desk.unacked.push(command(desk))
    if (chance() < 0.06) log.failNext(chance() < 0.5 ? 'before' : 'after')
    await Promise.all([...senders, ...desks].map(deliver))
    tick++
    await line.writer.submit([
      makeEntry(
        'clock.ticked',
        'server',
        { epoch: `b${boots}`, sourceSeq: tick },
        { gapMs: 1_000, boundary: round % 20 === 19 ? 'hour' : 'none' },
        clock.now(),
      ),
    ])
    // One active task a unit, at all times.
    for (const unit of line.world.units.values()) {
      const holders = [...line.world.incidents.values()]
        .filter(i => i.unitIds.includes(unit.unitId))
        .map(i => i.incidentId)
      assert.deepEqual(holders, unit.incidentId === undefined ? [] : [unit.incidentId])
    }
    rooms.flush(line.world, line.touched, chance)
    if (chance() < 0.03) {
      const slices = [...sliceWorld(line.world)]
      await log.saveCheckpoint({ seq: line.world.seq, eraNo: 1, coreVersion: 1, hash: hashSlices(slices), slices })
    }
    if (chance() < 0.04) {
      // The process dies: nothing is drained, answers under way are gone.
      void line.writer.stop(0)
      await new Promise(resolve => setImmediate(resolve))
      await reboot()
    }
    assert.deepEqual(line.fatal, [])
  }
  for (let n = 0; n < 20 && [...senders, ...desks].some(s => s.unacked.length > 0); n++)
    for (const sender of [...senders, ...desks]) await deliver(sender)
  rooms.settle(line.world, line.touched)

  // What was acknowledged stands in the log, once, as it was said.
  const logged = await log.list(0)
  const count = new Map<string, number>()
  for (const { entry } of logged) {
    const name = entry.uuid ?? `${entry.source}/${entry.epoch}/${entry.sourceSeq}`
    count.set(name, (count.get(name) ?? 0) + 1)
  }
  assert.deepEqual(
    [...count].filter(([, n]) => n !== 1),
    [],
    'nothing stands twice',
  )
  for (const sender of [...senders, ...desks])
    for (const { entry, told } of sender.acked.values()) {
      const held = logged[told.seq! - 1]!
      assert.deepEqual(held.entry.body, JSON.parse(JSON.stringify(entry.body)), 'nothing acknowledged is lost')
    }
  assert.deepEqual((await verifyLog(log)).findings, [])
  await line.writer.stop()
  const live = hashWorld(line.world)
  assert.equal(hashWorld((await bootLine(log, clock)).world), live, 'replay = live')
  for (const screen of screens) {
    const shown = buildSnapshot(line.world, screen.scope, createHeld(), cityOf(line.world)) as unknown as Record<
      string,
      Record<string, unknown>[]
    >
    const expected = Object.entries(shown)
      .filter(([name]) => name !== 'city')
      .flatMap(([name, rows]) => rows.map(row => `${name}/${row[idOf[name]!]}`))
      .sort()
    assert.deepEqual([...screen.records.keys()].sort(), expected, `screen ${screen.scope.key} shows what is there`)
    for (const [name, rows] of Object.entries(shown))
      if (name !== 'city')
        for (const row of rows) {
          const held = screen.records.get(`${name}/${row[idOf[name]!]}`) as Record<string, unknown>
          for (const field of ['version', 'status', 'state', 'level', 'incidentId', 'lon', 'fixAt', 'regionCode'])
            assert.deepEqual(held[field], row[field], `${name} ${row[idOf[name]!]} ${field}`)
        }
  }
}

for (const seed of seeds)
  test(`SIM-1 the line under bad luck, seed ${seed}`, async () => {
    await runSeed(seed)
  })
