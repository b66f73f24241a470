// The simulated city and the replay of recordings against a whole small house (real door, writer, line and fan-out).
// They prove the road from a source to an alert with synthetic recordings; real ones are replayed where they lie.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { defaultRules } from '../../server/detect/default-rules.ts'
import { startCity } from '../../simulations/city.ts'
import { openDoor } from '../../simulations/door.ts'
import { playCity } from '../../simulations/play.ts'
import { findRecordings } from '../../simulations/recordings.ts'
import { describeReplay, listRoots, replayRecordings } from '../../simulations/replay-core.ts'
import { outbreak } from '../../simulations/scenarios/outbreak.ts'
import { createChance, seedCity } from '../../simulations/seed.ts'
import { openPlayedHouse } from './played-house.ts'

const pad = (value: number): string => `${value}`.padStart(2, '0')

/** Invented recordings in the shape of the real ones, with one planted rise, bad rows and a foreign place. */
async function inventRecordings(folder: string): Promise<void> {
  for (const name of ['calls', 'taxis', 'syndromic']) await mkdir(join(folder, name))
  const calls = ['lat,lng,title,time,township,address']
  for (let i = 0; i < 20; i++) {
    calls.push(`40.${100 + i},-75.3,EMS: RESPIRATORY EMERGENCY,2019-12-01 10:${pad(i)},TOWN ${i % 3},${i} ELM ST`)
    calls.push(`40.${100 + i},-75.3,Traffic: VEHICLE ACCIDENT -,2019-12-01 11:${pad(i)},TOWN ${i % 3},${i} OAK ST`)
  }
  calls.push('-75.3,40.1,EMS: FEVER,2019-12-01 12:00,TOWN 1,SWAPPED ST')
  await writeFile(join(folder, 'calls/montgomery_911.csv'), `${calls.join('\n')}\n`)
  const taxis = ['longitude,latitude,timestamp,name_id']
  for (let i = 0; i < 60; i++) {
    for (const unit of ['7', '8']) taxis.push(`120.${300 + i},31.5,2020-03-05 09:${pad(i)}:00,${unit}`)
  }
  taxis.push('999,31.5,2020-03-05 09:30:30,8')
  await writeFile(join(folder, 'taxis/wuxi_2020-07-18.csv'), `${taxis.join('\n')}\n`)
  const triage = ['site_type,date,ccg_code,nhs_region,count']
  for (let day = 1; day <= 20; day++) {
    for (const area of ['a', 'b', 'c']) {
      const rise = day === 15 ? 200 : 0
      triage.push(`111,2020-03-${pad(day)},${area},London,${40 + ((day * 7) % 5) + rise}`)
      triage.push(`111,2020-03-${pad(day)},${area}2,Midlands,${40 + ((day * 3) % 5)}`)
    }
  }
  await writeFile(join(folder, 'syndromic/nhs_111_triage_2020.csv.gz'), gzipSync(`${triage.join('\n')}\n`))
}

test('SIM-40 a replay logs what the door admits, names what it refuses, and dates the signal that was planted', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vigil-replay-test-'))
  await inventRecordings(folder)
  const found = await findRecordings(folder)
  const house = await openPlayedHouse({ clock: 'entries', regions: listRoots(found.recordings) })
  try {
    const door = openDoor({ url: house.url, token: 'T', epoch: 'R', isPlayed: true })
    house.failNext(429, { 'retry-after': '0.01' }, 2)
    const result = await replayRecordings({ ...found, door, eyes: house.eyes })
    assert.equal(result.units.length, 2)
    assert.equal(result.incidents.length, 20, 'the swapped one was refused')
    assert.ok(result.incidents.every(incident => incident.syndrome === 'respiratory'))
    const codes = [...door.totals.refused.values()].map(one => `${one.count} ${one.kind} ${one.code}`).sort()
    assert.deepEqual(codes, [
      '1 call.received LOCATION_SWAPPED',
      '1 incident.opened LOCATION_SWAPPED',
      '1 unit.position LOCATION_OUT_OF_RANGE',
    ])
    const planted = result.signals.filter(signal => signal.method === 'earsC1')
    assert.deepEqual([...new Set(planted.map(signal => signal.period))], ['2020-03-15'])
    const regionOf = new Map(found.recordings.flatMap(one => one.regions).map(region => [region.code, region.name]))
    assert.ok(planted.every(signal => regionOf.get(signal.regionCode) === 'London'))
    const raised = result.alerts.find(alert => alert.ruleId === 'replay-triage')
    assert.ok(raised && raised.raisedAt >= Date.UTC(2020, 2, 15, 16) && raised.raisedAt < Date.UTC(2020, 2, 16, 16))
    const lines = describeReplay(result, door)
    assert.ok(lines.some(line => line.startsWith(`entries logged: ${door.totals.logged} of `)))
    assert.ok(lines.some(line => line.includes('2020-03-15 earsC1 triage respiratory London')))
    // The log holds what was answered as logged, in an order that never turns back.
    assert.equal(house.entries.length, door.totals.logged)
    for (let i = 1; i < house.entries.length; i++) {
      assert.ok(house.entries[i]!.loggedAt >= house.entries[i - 1]!.loggedAt)
    }
    for (const entry of house.entries) {
      if (entry.kind === 'unit.position') assert.ok(Math.abs(entry.loggedAt - entry.occurredAt) <= 5 * 60_000)
    }
  } finally {
    await house.close()
    await rm(folder, { recursive: true })
  }
})

test('SIM-41 a played city runs through the door faster than life and ends in the multi-trigger alert that was planted', async () => {
  const startAt = Date.UTC(2026, 10, 23, 1)
  const house = await openPlayedHouse({ clock: 'entries', regions: ['330400'] })
  try {
    const city = seedCity({ seed: 7, units: 30 })
    const state = startCity({
      city,
      chance: createChance(7),
      scenario: outbreak,
      startAt,
      outbreakPace: 720,
      fixEveryMs: 10_000,
    })
    const end = new AbortController()
    const common = { url: house.url, token: 'T', isPlayed: true }
    const door = openDoor({ ...common, epoch: 'live' })
    const historyDoor = openDoor({ ...common, epoch: 'past' })
    const rules = { version: 1, rules: defaultRules.map(rule => ({ ...rule })) }
    await door.send([{ kind: 'clock.ticked', at: startAt, from: 'first', body: { gapMs: 0, boundary: 'none' } }])
    await door.send([{ kind: 'rule.published', at: startAt, from: 'city', body: rules }])
    await playCity({
      state,
      door,
      historyDoor,
      clock: 'entries',
      speed: Number.POSITIVE_INFINITY,
      durationMs: 12 * 60_000,
      historyDays: 14,
      hourlyDays: 0,
      register: true,
      signal: end.signal,
    })
    assert.deepEqual([...door.totals.refused.values()], [])
    assert.deepEqual([...historyDoor.totals.refused.values()], [])
    const alerts = [...house.world.alerts.values()].filter(alert => alert.ruleId === 'multi-respiratory')
    assert.deepEqual(
      alerts.map(alert => alert.regionCode),
      ['330402'],
    )
    assert.ok(alerts[0]!.independentSources >= 2)
    assert.ok([...house.world.units.values()].every(unit => unit.fixAt !== undefined))
    assert.ok(house.world.incidents.size > 0)
    for (const living of state.units) {
      const shown = house.world.units.get(living.unit.id)!
      assert.equal(shown.incidentId, living.incidentId, `${living.unit.id}: the house and the city agree`)
    }
  } finally {
    await house.close()
  }
})
