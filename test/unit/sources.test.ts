/** Sources: exact ranges count each number once, whatever the order, and stay bounded. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addToRanges, isCounted, rangesMax } from '../../server/state/sources.ts'

test('IN-20 ranges hold exactly the numbers counted, joined where they touch', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 60 })), numbers => {
      const ranges: number[] = []
      for (const n of numbers) addToRanges(ranges, n)
      const set = new Set(numbers)
      const world = { sources: new Map([['s/e', { key: 's/e', ranges, heardAt: 0 }]]) }
      for (let n = 0; n <= 61; n++) assert.equal(isCounted(world, 's/e', n), set.has(n), `${n} in ${ranges}`)
      assert.equal(ranges.length % 2, 0)
      for (let i = 0; i < ranges.length; i += 2) assert.ok(ranges[i]! <= ranges[i + 1]!)
      for (let i = 2; i < ranges.length; i += 2) assert.ok(ranges[i]! > ranges[i - 1]! + 1, 'neighbours are one range')
    }),
  )
})

test('IN-21 with too many gaps the oldest closes, so that nothing counted is ever taken for new', () => {
  const ranges: number[] = []
  const last = (rangesMax + 100) * 2
  for (let n = 2; n <= last; n += 2) addToRanges(ranges, n)
  assert.equal(ranges.length, rangesMax * 2)
  const world = { sources: new Map([['s/e', { key: 's/e', ranges, heardAt: 0 }]]) }
  for (let n = 2; n <= last; n += 2) assert.ok(isCounted(world, 's/e', n))
  assert.equal(isCounted(world, 's/e', last - 1), false)
  assert.equal(isCounted(world, 's/other', 2), false)
})
