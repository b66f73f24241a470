/**
 * Series, as a property: whatever the order in which reports and calls arrive, the series end as they would in order.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatDay, getDayIndex } from '#contract/scalars.ts'
import { slotsMax } from '../../server/state/series.ts'
import { createFolding } from '../help/folding.ts'

const runs = { numRuns: 200, seed: Number(process.env.SEED ?? Date.now() % 2_147_483_647) }
console.log(`series seed ${runs.seed}`)

type Report = { facility: number; day: number; count: number; denominator: number | undefined }
type Call = { at: number; syndrome: 'respiratory' | 'trauma'; north: boolean }
const Report = fc.record({
  facility: fc.integer({ min: 0, max: 3 }),
  day: fc.integer({ min: 0, max: 90 }),
  count: fc.integer({ min: 0, max: 50 }),
  denominator: fc.option(fc.integer({ min: 50, max: 500 }), { nil: undefined }),
})
const Call = fc.record({
  at: fc.integer({ min: 0, max: 10 * 86_400_000 }),
  syndrome: fc.constantFrom('respiratory', 'trauma'),
  north: fc.boolean(),
})

type Ended = Record<string, Record<number, [value: number, denominator: number | null, reporters: number]>>

/** Series as they end, without the order in which they came to be. */
function fold(reports: readonly Report[], calls: readonly Call[]): Ended {
  const f = createFolding(0)
  const day0 = getDayIndex(f.now()) - 90
  const call0 = f.now() - 11 * 86_400_000
  for (const { facility, day, count, denominator } of reports)
    f.say('count.reported', {
      sourceKind: 'pharmacy',
      facilityId: `F${facility}`,
      syndrome: 'other',
      regionCode: facility % 2 === 0 ? '330402' : '330411',
      period: formatDay(day0 + day),
      count,
      ...(denominator === undefined ? {} : { denominator }),
    })
  for (const [n, { at, syndrome, north }] of calls.entries())
    f.say(
      'call.received',
      { callId: `C${n}`, regionCode: north ? '330411' : '330402', complaint: { code: 'x', syndrome, dictionary: 'd' } },
      { occurredAt: call0 + at },
    )
  f.turn(86_400_000 - ((f.now() + 8 * 3_600_000) % 86_400_000))
  f.tick(1_000, 'day')
  // By period: how many empty slots stand before the first is no part of what a series says.
  const ended: Ended = {}
  for (const key of [...f.world.series.keys()].sort()) {
    const { firstIndex, values, denominators, reporters } = f.world.series.get(key)!
    ended[key] = {}
    for (const [slot, value] of values.entries())
      if (value !== null)
        ended[key][firstIndex + slot - (key.startsWith('day') ? day0 : 0)] = [
          value,
          denominators[slot]!,
          reporters[slot]!,
        ]
  }
  return ended
}

/** One report a facility and day: between two of the same the later said stands, which is no question of order. */
const Reports = fc.uniqueArray(Report, { maxLength: 60, selector: r => `${r.facility}/${r.day}` })

test('PAGE-34 reports converge whatever the order of their arrival', () => {
  fc.assert(
    fc.property(
      Reports.chain(list => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
      ([list, shuffled]) => {
        assert.deepEqual(
          fold(shuffled, []),
          fold(
            [...list].sort((a, b) => a.day - b.day),
            [],
          ),
        )
      },
    ),
    runs,
  )
})

test('PAGE-35 calls converge at the next day boundary whatever the order of their arrival', () => {
  fc.assert(
    fc.property(
      fc
        .array(Call, { maxLength: 30 })
        .chain(list => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
      ([list, shuffled]) => {
        assert.deepEqual(
          fold([], shuffled),
          fold(
            [],
            [...list].sort((a, b) => a.at - b.at),
          ),
        )
      },
    ),
    runs,
  )
})

test('PAGE-36 a region is the sum of its facilities in every slot that its window holds', () => {
  fc.assert(
    fc.property(Reports, list => {
      const whole = fold(list, [])['day|pharmacy|other|330400'] ?? {}
      const newest = Math.max(0, ...list.map(r => r.day))
      for (let day = 0; day <= newest; day++) {
        const own = list.filter(r => r.day === day)
        if (own.length === 0 || day <= newest - slotsMax.day) assert.equal(whole[day], undefined)
        else assert.deepEqual([whole[day]![0], whole[day]![2]], [own.reduce((sum, r) => sum + r.count, 0), own.length])
      }
    }),
    runs,
  )
})
