/** The analysts' studies on made-up history: what is planted is found where it stands, what is even says nothing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDay } from '#contract/scalars.ts'
import { type DailyRow, getWeek, getWeekStart, studyPlaces, studyWeeks } from '../../server/analysts/study.ts'

const today = parseDay('2026-11-18')!
const toCounty = (code: string) => (code.startsWith('3304') ? '330402' : undefined)

function createChance(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 4_294_967_296
  }
}
/** Poisson counts by Knuth's product: small means only. */
function drawCount(mean: number, chance: () => number): number {
  let n = 0
  for (let product = chance(); product > Math.exp(-mean); product *= chance()) n++
  return n
}
const row = (facilityId: string, day: number, count: number): DailyRow => ({
  sourceKind: 'hospital-outpatient',
  syndrome: 'respiratory',
  facilityId,
  regionCode: '330402',
  day,
  count,
})

function makeYears(extraInLastWeek: number): DailyRow[] {
  const chance = createChance(7)
  const rows: DailyRow[] = []
  for (let day = today - 2_400; day < today; day++) {
    const season = 1 + 0.4 * Math.cos((2 * Math.PI * day) / 365.25)
    const inLastWeek = getWeek(day) === getWeek(today) - 1
    rows.push(row('H1', day, drawCount(5 * season, chance) + (inLastWeek ? extraInLastWeek : 0)))
  }
  return rows
}

test('STUDY-1 weeks run from Monday to Sunday', () => {
  assert.equal(getWeekStart(getWeek(parseDay('2026-11-16')!)), parseDay('2026-11-16'))
  assert.equal(getWeekStart(getWeek(parseDay('2026-11-22')!)), parseDay('2026-11-16'))
  assert.equal(getWeek(parseDay('2026-11-23')!), getWeek(parseDay('2026-11-22')!) + 1)
  assert.equal(getWeek(parseDay('1969-12-29')!), 0)
})

test('STUDY-2 a planted week stands out of six years of season; the same years without it say nothing', () => {
  assert.deepEqual(studyWeeks(makeYears(0), today, toCounty), [])
  const [found, ...more] = studyWeeks(makeYears(12), today, toCounty)
  assert.deepEqual(more, [])
  assert.equal(found!.method, 'farrington-weekly')
  assert.equal(found!.regionCode, '330402')
  assert.equal(found!.period, '2026-11-15')
  assert.ok(found!.observed > found!.threshold! && found!.threshold! > found!.expected!)
})

test('STUDY-3 the week that runs is not judged, a week half reported has no opinion, a short history neither', () => {
  const years = makeYears(0)
  const running = years.map(r => (getWeek(r.day) === getWeek(today) ? { ...r, count: 500 } : r))
  assert.deepEqual(studyWeeks(running, today, toCounty), [])
  const lastWeek = getWeekStart(getWeek(today) - 1)
  const half = makeYears(50).filter(r => r.day < lastWeek || r.day >= lastWeek + 3)
  assert.deepEqual(studyWeeks(half, today, toCounty), [])
  assert.deepEqual(
    studyWeeks(
      makeYears(50).filter(r => r.day > today - 300),
      today,
      toCounty,
    ),
    [],
  )
  assert.deepEqual(
    studyWeeks(makeYears(50), today, () => undefined),
    [],
  )
})

function makeFacilities(extra: number): { rows: DailyRow[]; sites: Map<string, { lon: number; lat: number }> } {
  const chance = createChance(11)
  const rows: DailyRow[] = []
  const sites = new Map<string, { lon: number; lat: number }>()
  for (let n = 0; n < 25; n++) {
    sites.set(`F${n}`, { lon: 120.5 + (n % 5) * 0.08, lat: 30.5 + Math.floor(n / 5) * 0.08 })
    for (let day = today - 60; day < today; day++) {
      const isPlanted = (n === 6 || n === 7) && day >= today - 5
      const count = drawCount(1.2, chance) + (isPlanted ? extra : 0)
      if (count > 0) rows.push(row(`F${n}`, day, count))
    }
  }
  return { rows, sites }
}

test('STUDY-4 a cluster of neighbours alive yesterday is found by name; without it, and twice, the scan says the same nothing', () => {
  const even = makeFacilities(0)
  assert.deepEqual(studyPlaces(even.rows, today, even.sites, toCounty), [])
  const { rows, sites } = makeFacilities(6)
  const found = studyPlaces(rows, today, sites, toCounty)
  assert.equal(found.length, 1)
  assert.equal(found[0]!.method, 'scan-permutation')
  assert.deepEqual([...found[0]!.subjects!].sort(), ['F6', 'F7'])
  assert.ok(found[0]!.recurrenceIntervalDays! >= 100)
  assert.deepEqual(studyPlaces([...rows].reverse(), today, sites, toCounty), found)
})
