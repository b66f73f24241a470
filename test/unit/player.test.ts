// Tests of the player's parts that need no house: the door client's promises, the ticks of a played city, the readers of
// recordings, and how the city obeys what people do. They stand outside the line.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { Submission } from '#contract/entry.ts'
import type { IncidentView, UnitView } from '#contract/view.ts'
import type { EntryOutcome } from '#contract/wire.ts'
import { codeComplaint } from '../../server/intake/codes.ts'
import { COMPLAINTS, startCity, stepCity } from '../../simulations/city.ts'
import { DoorClosed, openDoor, type Saying } from '../../simulations/door.ts'
import { obeyHouse } from '../../simulations/play.ts'
import {
  findRecordings,
  gradeTitle,
  parseLocalTime,
  readCalls,
  readTaxis,
  readTriage,
} from '../../simulations/recordings.ts'
import { quietDay } from '../../simulations/scenarios/quiet-day.ts'
import { createChance, seedCity } from '../../simulations/seed.ts'
import { createTicker } from '../../simulations/ticks.ts'

const HOUR = 3_600_000

type Reply = { status: number; headers?: Record<string, string>; outcomes?: (index: number) => Partial<EntryOutcome> }

/** A scripted network: what comes back is given, what was sent is kept. */
function script(replies: (Reply | 'broken')[]) {
  const requests: Submission[][] = []
  const waits: number[] = []
  const request = (async (_url: unknown, init: { body: string }) => {
    const { entries } = JSON.parse(init.body) as { entries: Submission[] }
    requests.push(entries)
    const reply = replies.shift() ?? { status: 200 }
    if (reply === 'broken') throw new TypeError('fetch failed')
    const outcomes = entries.map((_, index) => ({
      index,
      result: 'done',
      seq: 100 + index,
      ...reply.outcomes?.(index),
    }))
    const body = reply.status === 200 ? { incarnation: 'I', outcomes } : { code: 'LANE_FULL', zh: '满', en: 'full' }
    return new Response(JSON.stringify(body), { status: reply.status, headers: reply.headers ?? {} })
  }) as never
  const sleep = async (ms: number): Promise<void> => {
    waits.push(ms)
  }
  return { requests, waits, options: { url: 'http://127.0.0.1:1', token: 'T', epoch: 'E', request, sleep } }
}

const fix = (unit: string, at = 1): Saying => ({ kind: 'unit.position', at, from: unit, body: { unitId: unit } })

test('SIM-30 the door keys every saying by its own source, epoch and rising seq, in bounded batches', async () => {
  const { options, requests } = script([])
  const door = openDoor({ ...options, batchMax: 3 })
  await door.send(['A', 'B', 'A', 'A', 'B'].map(unit => fix(unit)))
  await door.send([fix('A')])
  assert.deepEqual(
    requests.map(batch => batch.map(one => `${one.source}/${one.epoch}/${one.seq}`)),
    [['A/E/1', 'B/E/1', 'A/E/2'], ['A/E/3', 'B/E/2'], ['A/E/4']],
  )
  assert.equal(door.totals.logged, 6)
})

test('SIM-31 a busy house is asked again with the same keys after the time it named', async () => {
  const { options, requests, waits } = script([
    { status: 429, headers: { 'retry-after': '3' } },
    'broken',
    { status: 503 },
  ])
  const door = openDoor(options)
  const answers = await door.send([fix('A'), fix('B')])
  assert.equal(requests.length, 5)
  // Twice whole, then in halves, always under the same keys.
  assert.deepEqual(requests[1], requests[0])
  assert.deepEqual([...requests[2]!, ...requests[3]!], [requests[0]![0], requests[0]![0]])
  assert.deepEqual(requests[4], [requests[0]![1]])
  assert.equal(waits[0], 3_000)
  assert.ok(waits[2]! >= waits[1]!)
  assert.ok(answers.every(answer => answer.outcome.result === 'done'))
  assert.equal(door.totals.waits, 3)
})

test('SIM-32 only the items that ask for it are sent again; refusals for good are counted with their texts', async () => {
  const { options, requests } = script([
    {
      status: 200,
      outcomes: index =>
        index === 1
          ? { result: 'refused', code: 'LANE_FULL' }
          : index === 2
            ? { result: 'refused', code: 'UNIT_UNKNOWN', zh: '未登记', en: 'not registered' }
            : {},
    },
  ])
  const door = openDoor(options)
  const answers = await door.send([fix('A'), fix('B'), fix('C')])
  assert.deepEqual(
    requests.map(batch => batch.map(one => one.source)),
    [['A', 'B', 'C'], ['B']],
  )
  assert.deepEqual(
    answers.map(answer => answer.outcome.result),
    ['done', 'done', 'refused'],
  )
  const refused = door.totals.refused.get('unit.position UNIT_UNKNOWN')
  assert.equal(refused?.count, 1)
  assert.equal(refused?.zh, '未登记')
  assert.equal(refused?.sample, 'C')
})

test('SIM-33 the door gives up with a reason: a refused batch, a house that fails, no answer, the end of the run', async () => {
  await assert.rejects(openDoor(script([{ status: 401 }]).options).send([fix('A')]), DoorClosed)
  const bug = script(Array.from({ length: 20 }, () => ({ status: 500 })))
  await assert.rejects(openDoor(bug.options).send([fix('A')]), /the house fails/)
  assert.equal(bug.requests.length, 9)
  const silent = script(Array.from({ length: 9 }, () => 'broken' as const))
  await assert.rejects(openDoor({ ...silent.options, attemptsMax: 3 }).send([fix('A')]), /no answer after 3 attempts/)
  const end = new AbortController()
  end.abort()
  const ended = script(['broken'])
  await assert.rejects(openDoor({ ...ended.options, signal: end.signal }).send([fix('A')]), /the run was ended/)
})

test('SIM-34 ticks of a played city name every hour and day once, never go back and never gap while units live', () => {
  // 22:59:50 in Shanghai on 30 June.
  const start = Date.UTC(2020, 5, 30, 14, 59, 50)
  const ticker = createTicker(start)
  const ticks = ticker.runTo(start + 2 * HOUR + 20_000)
  const bodies = ticks.map(tick => tick.body as { gapMs: number; boundary: string })
  assert.equal(bodies[0]!.gapMs, 0)
  for (let i = 1; i < ticks.length; i++) {
    assert.equal(ticks[i]!.at - ticks[i - 1]!.at, bodies[i]!.gapMs)
    assert.ok(bodies[i]!.gapMs > 0 && bodies[i]!.gapMs <= 30_000)
  }
  const boundaries = ticks.flatMap((tick, i) =>
    bodies[i]!.boundary === 'none' ? [] : [[tick.at, bodies[i]!.boundary]],
  )
  assert.deepEqual(boundaries, [
    [Date.UTC(2020, 5, 30, 15), 'hour'],
    [Date.UTC(2020, 5, 30, 16), 'day'],
    [Date.UTC(2020, 5, 30, 17), 'hour'],
  ])
  const leap = ticker.leapTo(start + 100 * HOUR)
  assert.ok(leap.every(tick => (tick.body as { gapMs: number }).gapMs === 0))
  const days = leap.filter(tick => (tick.body as { boundary: string }).boundary === 'day')
  assert.deepEqual(
    days.map(tick => tick.at),
    [Date.UTC(2020, 6, 1, 16), Date.UTC(2020, 6, 4, 16)],
  )
  assert.equal(ticker.at, start + 100 * HOUR)
  const nearby = createTicker(start).leapTo(start + 50 * HOUR)
  const nearDays = nearby.filter(tick => (tick.body as { boundary: string }).boundary === 'day')
  assert.equal(nearDays.length, 3, 'a few days are told one by one')
  assert.deepEqual(ticker.runTo(start), [], 'a clock is not turned back')
})

test('SIM-35 local times of a recording become the same local times of the city', () => {
  assert.equal(parseLocalTime('2020-07-18 08:00:00'), Date.UTC(2020, 6, 18, 0, 0, 0))
  assert.equal(parseLocalTime('2016-01-15 12:01'), Date.UTC(2016, 0, 15, 4, 1, 0))
  for (const bad of ['', '2020-02-30 08:00', '2020-07-18', '2020-07-18 25:00', '18/07/2020 08:00', undefined]) {
    assert.equal(parseLocalTime(bad), undefined, bad)
  }
})

test('SIM-36 recordings become what their sources would have said; rows without a time are named, nothing else is judged', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vigil-recordings-'))
  try {
    const taxis = join(folder, 'taxis.csv')
    await writeFile(
      taxis,
      'longitude,latitude,timestamp,name_id\n120.3,31.5,2020-07-18 09:00:10,0086\n999,31.5,2020-07-18 08:00:00,0086\n120.3,31.5,soon,0087\n',
    )
    const fleet = await readTaxis(taxis)
    assert.deepEqual(fleet.unread, [{ line: 4, why: 'time' }])
    assert.equal(fleet.register.length, 1)
    assert.deepEqual(
      fleet.sayings.map(one => one.kind),
      ['unit.position', 'unit.position', 'unit.status'],
    )
    assert.ok(fleet.sayings[0]!.at < fleet.sayings[1]!.at, 'in order of time')
    assert.equal((fleet.sayings[0]!.body as { lon: number }).lon, 999, 'the door judges, not the reader')
    const calls = join(folder, 'calls.csv')
    await writeFile(
      calls,
      'lat,lng,title,time,township,address\n40.1,-75.3,EMS: RESPIRATORY EMERGENCY,2016-01-15 12:01,ABINGTON,ELM ST\n40.1,-75.3,Traffic: VEHICLE ACCIDENT -,2016-01-15 12:02,ABINGTON,OAK ST\n',
    )
    const rung = await readCalls(calls)
    assert.deepEqual(
      rung.sayings.map(one => one.kind),
      ['call.received', 'incident.opened', 'call.received', 'call.ended'],
    )
    const text = (rung.sayings[0]!.body as { complaintText: string }).complaintText
    assert.equal(codeComplaint(text).syndrome, 'respiratory')
    assert.equal('complaintText' in rung.sayings[2]!.body, false, 'a traffic call is no complaint')
    assert.equal(rung.regions.length, 2)
    const triage = join(folder, 'triage.csv.gz')
    await writeFile(
      triage,
      gzipSync(
        'site_type,date,ccg_code,nhs_region,count\n111,2020-03-18,e38,London,34\n111_online,2020-03-18,e38,London,5\n111,2020-03-18,null,South East,7\n111,2020-03-18,null,London,9\n',
      ),
    )
    const counts = await readTriage(triage)
    assert.equal(new Set(counts.sayings.map(one => one.from)).size, 4, 'rows without an area stay apart by region')
    assert.equal(counts.sayings[0]!.at, Date.UTC(2020, 2, 18, 16), 'told when the day is over')
    const none = await findRecordings(join(folder, 'nothing'))
    assert.equal(none.recordings.length, 0)
    assert.equal(none.missing.length, 3)
    await assert.rejects(readTaxis(join(folder, 'broken.csv.gz')), /ENOENT/)
    await writeFile(join(folder, 'broken.csv.gz'), 'not gzip')
    await assert.rejects(readTriage(join(folder, 'broken.csv.gz')))
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('SIM-37 an emergency is graded by its words: no pulse first, alarms last', () => {
  assert.equal(gradeTitle('CARDIAC ARREST'), 1)
  assert.equal(gradeTitle('RESPIRATORY EMERGENCY'), 2)
  assert.equal(gradeTitle('FALL VICTIM'), 3)
  assert.equal(gradeTitle('MEDICAL ALERT ALARM'), 4)
})

test('SIM-38 what the simulated callers say is coded at the door as the city meant it', () => {
  for (const complaint of COMPLAINTS)
    assert.equal(codeComplaint(complaint.text).syndrome, complaint.syndrome, complaint.text)
})

test('SIM-39 the city obeys what people do in the house, and does not take its own order on the way for a release', () => {
  const city = seedCity({ seed: 7, units: 40 })
  const startAt = Date.UTC(2026, 10, 23, 1)
  const wake = (manualShare: number) =>
    startCity({ city, chance: createChance(7), scenario: quietDay, startAt, callsPerDay: 5_000, manualShare })
  const confirmed = new Map<string, string>()
  const units = new Map<string, UnitView>()
  const incidents = new Map<string, IncidentView>()
  const house = { units, incidents, isOpen: true }
  const show = (unitId: string, status: string, incidentId?: string): void => {
    units.set(unitId, { unitId, status, ...(incidentId ? { incidentId } : {}) } as UnitView)
  }

  const state = wake(1)
  stepCity(state, startAt + 10 * 60_000)
  const [incident] = state.incidents.values()
  assert.ok(incident)
  const { incidentId, lon, lat } = incident
  const unitId = city.units[3]!.id
  incidents.set(incidentId, { incidentId, lon, lat, level: 2, state: 'open' } as IncidentView)
  show(unitId, 'ordered', incidentId)
  assert.deepEqual(obeyHouse(state, { ...house, isOpen: false }, confirmed), [], 'a closed socket shows nothing')
  obeyHouse(state, house, confirmed)
  assert.equal(state.unitById.get(unitId)!.incidentId, incidentId)
  show(unitId, 'returning')
  obeyHouse(state, house, confirmed)
  assert.equal(state.unitById.get(unitId)!.incidentId, undefined, 'released by people')

  const own = wake(0)
  let assigned: { unitId: string; incidentId: string } | undefined
  for (let minute = 1; minute < 30 && !assigned; minute++) {
    const order = stepCity(own, startAt + minute * 60_000).find(event => event.kind === 'incident.unitAssigned')
    if (order?.kind === 'incident.unitAssigned') assigned = order.body
  }
  assert.ok(assigned)
  units.clear()
  show(assigned.unitId, 'idle')
  obeyHouse(own, house, new Map())
  assert.equal(own.unitById.get(assigned.unitId)!.incidentId, assigned.incidentId, 'the order is only on its way')
})
