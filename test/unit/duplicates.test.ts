/**
 * Duplicates: what makes two calls one event, with the reasons a desk is shown; the bounds of the score over generated cases.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type Case,
  candidatesShownMax,
  duplicateShownMin,
  findDuplicates,
  measureMetres,
  scoreDuplicate,
} from '../../server/advise/duplicates.ts'
import { createFolding } from '../help/folding.ts'

const minute = 60_000
const round = (score: number) => Math.round(score * 1_000) / 1_000
const base: Case = { at: 0, lon: 120.75, lat: 30.75, numbers: [] }
/** Degrees of latitude in so many metres: 6,371 km × π / 180 = 111,195 m a degree. */
const north = (metres: number): Case => ({ ...base, lat: 30.75 + metres / 111_194.93 })

test('CALL-50 exactly 500 m and 15 min apart is shown, a little more of either is not', () => {
  const at = (metres: number, minutes: number) => scoreDuplicate(base, { ...north(metres), at: minutes * minute }).score
  assert.ok(at(499.9, 15) >= duplicateShownMin)
  assert.ok(at(520, 15) < duplicateShownMin)
  assert.ok(at(500, 18) < duplicateShownMin)
  assert.equal(round(at(0, 0)), 0.55)
  assert.equal(at(1_001, 0), 0)
  assert.equal(at(0, 45), 0)
  assert.ok(Math.abs(measureMetres({ lon: 0, lat: 0 }, { lon: 0, lat: 1 }) - 111_195) < 1)
})

test('CALL-51 the same number is shown wherever it rings from, for hours; a complaint alone says nothing', () => {
  const same = scoreDuplicate({ ...base, numbers: ['n'] }, { at: 40 * minute, numbers: ['m', 'n'] })
  assert.deepEqual([round(same.score), same.reasons, same.distanceM], [0.7, ['same-number'], undefined])
  assert.equal(scoreDuplicate({ ...base, numbers: ['n'] }, { at: 180 * minute, numbers: ['n'] }).score, 0)
  const heard = { syndrome: 'trauma', complaintCode: 'crash' }
  assert.equal(scoreDuplicate({ ...base, ...heard }, { ...north(5_000), ...heard }).score, 0)
  const near = scoreDuplicate({ ...base, ...heard }, { ...north(300), ...heard })
  assert.deepEqual(near.reasons, ['near', 'same-complaint', 'minutes-apart'])
  assert.ok(near.score > scoreDuplicate(base, north(300)).score)
  const vague = { syndrome: 'unknown', complaintCode: 'x' }
  assert.equal(round(scoreDuplicate({ ...base, ...vague }, { ...base, ...vague }).score), 0.55)
})

test('CALL-52 areas that overlap count the less the wider they are', () => {
  const area = (radiusM: number) => scoreDuplicate({ ...base, radiusM }, north(1_200))
  assert.equal(area(0).score, 0)
  assert.deepEqual(area(1_500).reasons, ['area-overlaps', 'minutes-apart'])
  assert.ok(area(1_500).score > area(3_500).score)
  assert.equal(area(6_000).score, 0, 'a cell of six kilometres says nothing')
})

test('CALL-53 more evidence never lowers a score, order does not matter, it stays between 0 and 1 with a reason for every point', () => {
  const place = {
    lon: fc.double({ min: 120.7, max: 120.72, noNaN: true }),
    lat: fc.double({ min: 30.7, max: 30.72, noNaN: true }),
  }
  const one = fc.record(
    {
      at: fc.integer({ min: 0, max: 120 * minute }),
      ...place,
      radiusM: fc.integer({ min: 0, max: 5_000 }),
      numbers: fc.subarray(['a', 'b', 'c']),
      syndrome: fc.constantFrom('trauma', 'cardiac', 'unknown'),
      complaintCode: fc.constantFrom('x', 'y'),
      callKind: fc.constantFrom('rescue', 'mass-casualty'),
    },
    { requiredKeys: ['at', 'numbers'] },
  )
  fc.assert(
    fc.property(one, one, (a: Case, b: Case) => {
      const scored = scoreDuplicate(a, b)
      assert.ok(scored.score >= 0 && scored.score <= 1)
      assert.equal(scored.score > 0, scored.reasons.length > 0, JSON.stringify(scored))
      assert.equal(scoreDuplicate(b, a).score, scored.score)
      assert.ok(
        scoreDuplicate({ ...a, numbers: ['z'] }, { ...b, numbers: ['z'] }).score >=
          scoreDuplicate({ ...a, numbers: [] }, b).score,
      )
      const nearer = { ...b, lon: a.lon, lat: a.lat }
      if (a.lon !== undefined && a.lat !== undefined && b.lon !== undefined && b.lat !== undefined)
        assert.ok(scoreDuplicate(a, nearer).score >= scored.score)
    }),
    { numRuns: 1_000 },
  )
})

test('CALL-54 candidates: open incidents and young calls the asker sees, best first, bounded, never the call itself', () => {
  const folding = createFolding()
  const place = { lon: 120.75, lat: 30.75, radiusM: 20, positionSource: 'operator' as const }
  const ring = (callId: string, more = {}) =>
    folding.say('call.received', { callId, regionCode: '330402', ...place, ...more })
  const open = (incidentId: string, callIds: string[]) =>
    folding.say('incident.opened', { incidentId, callIds, level: 2, regionCode: '330402', lon: 120.75, lat: 30.75 })
  ring('C1', { numberHash: 'a'.repeat(32) })
  open('I1', ['C1'])
  ring('C2')
  ring('C3', { lon: 121.2 })
  ring('C9', { numberHash: 'a'.repeat(32) })
  const { world } = folding
  const all = () => true
  const found = findDuplicates(world, world.calls.get('C9')!, all)
  assert.deepEqual(
    found.map(one => one.incidentId ?? one.callId),
    ['I1', 'C2'],
  )
  assert.ok(found[0]!.score > found[1]!.score)
  assert.deepEqual(
    findDuplicates(world, world.calls.get('C9')!, collection => collection === 'calls').map(one => one.callId),
    ['C2'],
  )
  folding.say('incident.closed', { incidentId: 'I1', outcome: 'no-patient' })
  assert.deepEqual(
    findDuplicates(world, world.calls.get('C9')!, all).map(one => one.callId),
    ['C2'],
  )
  for (let n = 0; n < 9; n++) ring(`M${n}`)
  assert.equal(findDuplicates(world, world.calls.get('C9')!, all).length, candidatesShownMax)
})
