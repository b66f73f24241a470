/** Ticker: what is owed after a stop: every missed hour and day in order, the gap once, bounded. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { getDayIndex, getDayStartAt, hourMs } from '#contract/scalars.ts'
import { boundariesMax, listOwedTicks } from '../../server/operations/ticker.ts'
import { startAt } from '../help/line.ts'

test('OPS-30 the first tick of a city owes nothing', () => {
  assert.deepEqual(listOwedTicks(0, startAt), [{ at: startAt, gapMs: 0, boundary: 'none' }])
})

test('OPS-31 within an hour there is one tick with its gap; at a full hour its boundary comes first', () => {
  assert.deepEqual(listOwedTicks(startAt + 1, startAt + 1_001), [
    { at: startAt + 1_001, gapMs: 1_000, boundary: 'none' },
  ])
  assert.deepEqual(listOwedTicks(startAt - 500, startAt + 500), [
    { at: startAt, gapMs: 1_000, boundary: 'hour' },
    { at: startAt + 500, gapMs: 0, boundary: 'none' },
  ])
  const midnight = getDayStartAt(getDayIndex(startAt) + 1)
  assert.deepEqual(
    listOwedTicks(midnight - 500, midnight).map(t => t.boundary),
    ['day', 'none'],
  )
})

test('OPS-32 after days every hour and day is ticked in order, the whole gap stands on the first, and there is a limit', () => {
  const owed = listOwedTicks(startAt + 10, startAt + 10 + 50 * hourMs)
  assert.equal(owed.filter(t => t.boundary !== 'none').length, 50)
  assert.equal(owed.filter(t => t.boundary === 'day').length, 2)
  assert.deepEqual(
    owed.map(t => t.at),
    owed.map(t => t.at).sort((a, b) => a - b),
  )
  assert.deepEqual(
    owed.map(t => t.gapMs).filter(gap => gap > 0),
    [50 * hourMs],
  )
  assert.equal(owed[0]!.gapMs, 50 * hourMs)
  const years = listOwedTicks(startAt, startAt + 3 * 365 * 24 * hourMs)
  assert.equal(years.length, boundariesMax + 1)
})

test('OPS-33 a clock that went back owes no negative gap', () => {
  assert.deepEqual(listOwedTicks(startAt + 60_000, startAt + 1_000), [
    { at: startAt + 1_000, gapMs: 0, boundary: 'none' },
  ])
})
