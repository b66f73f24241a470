/**
 * Series: absence is null and a reported zero is 0, sums of regions are exact, and the live window is bounded.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDay, getDayIndex } from '#contract/scalars.ts'
import { parsePeriod, slotsMax } from '../../server/state/series.ts'
import { createFolding, type Folding } from '../help/folding.ts'

const key = (regionCode: string, facility = '') => `day|pharmacy|other|${regionCode}${facility}`
const report = (
  f: Folding,
  facilityId: string,
  regionCode: string,
  daysAgo: number,
  count: number,
  denominator?: number,
) =>
  f.say('count.reported', {
    sourceKind: 'pharmacy',
    facilityId,
    syndrome: 'other',
    regionCode,
    period: formatDay(getDayIndex(f.now()) - daysAgo),
    count,
    ...(denominator === undefined ? {} : { denominator }),
  })

test('PAGE-30 absence is null, zero is 0; a corrected report replaces; the city is the sum of its counties', () => {
  const f = createFolding()
  report(f, 'F1', '330402', 4, 5)
  report(f, 'F1', '330402', 1, 0)
  report(f, 'F2', '330411', 1, 7, 70)
  report(f, 'F1', '330402', 4, 3, 30)
  const county = f.world.series.get(key('330402'))!
  assert.deepEqual(county.values, [3, null, null, 0])
  assert.deepEqual(county.denominators, [30, null, null, null])
  const whole = f.world.series.get(key('330400'))!
  assert.deepEqual(whole.values, [3, null, null, 7])
  assert.deepEqual(whole.reporters, [1, 0, 0, 2])
  report(f, 'F2', '330411', 1, 2)
  assert.equal(whole.values[3], 2)
})

test('PAGE-31 a live series is bounded; what is older goes to the tables alone and disturbs nothing', () => {
  const f = createFolding()
  report(f, 'F1', '330402', 0, 9)
  report(f, 'F1', '330402', slotsMax.day, 4)
  report(f, 'F1', '330402', slotsMax.day - 1, 2)
  const series = f.world.series.get(key('330402'))!
  assert.equal(series.values.length, slotsMax.day)
  assert.deepEqual([series.values[0], series.values.at(-1)], [2, 9])
  f.turn(400 * 86_400_000)
  report(f, 'F1', '330402', 0, 1)
  assert.deepEqual(f.world.series.get(key('330402'))!.values, [1], 'a leap begins anew')
})

test('PAGE-32 calls are a source: an hour and a day without one are true zeros once there has been one', () => {
  const f = createFolding()
  f.say('call.received', {
    callId: 'C1',
    regionCode: '330402',
    complaint: { code: 'cough', syndrome: 'respiratory', dictionary: 'd' },
  })
  f.turn(3 * 86_400_000)
  f.tick(1_000, 'day')
  const series = f.world.series.get('day|call-120|respiratory|330400')!
  assert.deepEqual(series.values, [1, 0, 0])
  f.say('call.received', { callId: 'C2', regionCode: '330411' })
  assert.deepEqual(
    f.world.series.get('day|call-120|unknown|330400')!.values,
    [0, 0, 0, 1],
    'unknown is counted, never guessed',
  )
  const twice = f.say('call.received', { callId: 'C2', regionCode: '330411' })
  assert.equal(twice.result, 'refused')
  assert.equal(f.world.series.get('day|call-120|unknown|330400')!.values.at(-1), 1)
})

test('PAGE-33 periods: days and hours of Shanghai; a day that does not exist is none', () => {
  assert.deepEqual(parsePeriod('1970-01-02'), { period: 'day', index: 1 })
  assert.deepEqual(parsePeriod('1970-01-02T03'), { period: 'hour', index: 27 })
  for (const bad of ['2026-02-29', '2026-04-31', '2026-13-01']) assert.equal(parsePeriod(bad), undefined, bad)
  const f = createFolding()
  const told = f.say('count.reported', {
    sourceKind: 'pharmacy',
    facilityId: 'F1',
    syndrome: 'other',
    regionCode: '330402',
    period: '2026-02-30',
    count: 1,
  })
  assert.equal(told.result === 'refused' && told.code, 'DAY_INVALID')
})
