// Properties of advice over generated fleets and calls: what must hold whatever the city looks like.
// Stands in test/property; the worlds hold broken numbers, blocked units, tasks and stale positions on purpose.
// Promises: failures print their seed (fast-check); no timing.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  buildCoverArea,
  type CoverCell,
  type CoverUnit,
  changeCover,
  countCover,
  measureCover,
  measureGain,
  measureLoss,
  proposeMoves,
  rankBases,
} from '../../server/advise/cover.ts'
import {
  type AdviseCall,
  type AdviseInput,
  type AdviseUnit,
  measureCrowMetres,
  recommendMany,
  recommendPair,
  recommendUnits,
  type UnitPhase,
} from '../../server/advise/recommend.ts'
import { defaultAdviseSettings, type Level } from '../../server/advise/settings.ts'
import { generateCity, generateEvening, planEvening } from '../../simulations/evaluate/dispatch.ts'
import { type Advisor, replayAdvised, type Stage, threeTypeRule } from '../../simulations/evaluate/dispatch-replay.ts'
import { buildVigilAdvisor, replayVigil, threeTypeReading } from '../help/vigil-advisor.ts'

const settings = defaultAdviseSettings
const place = fc.record({
  lon: fc.double({ min: 113, max: 113.4, noNaN: true }),
  lat: fc.double({ min: 34.5, max: 34.9, noNaN: true }),
})
const level = fc.constantFrom<Level>(1, 2, 3, 4)
const capabilities = fc.subarray(['transport', 'als', 'neonatal'])
const seconds = fc.oneof(
  { weight: 12, arbitrary: fc.double({ min: 0, max: 5000, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(Number.NaN, -1, Number.POSITIVE_INFINITY) },
)
const call: fc.Arbitrary<AdviseCall> = fc.record(
  {
    callId: fc.constant('C'),
    level,
    place,
    needs: fc.subarray(['transport', 'als']),
    wants: fc.subarray(['neonatal']),
    regionId: fc.constantFrom('a', 'b'),
  },
  { requiredKeys: ['callId', 'level', 'place', 'needs'] },
)
const task = fc.record({
  call: fc.record({ callId: fc.constantFrom('D', 'E'), level, place, needs: fc.subarray(['transport']) }),
  arrivesInSeconds: seconds,
  patientOnBoard: fc.boolean(),
  acknowledged: fc.boolean(),
})
const unit = (idle: boolean): fc.Arbitrary<AdviseUnit> =>
  fc
    .record(
      {
        rank: fc.nat(3),
        capabilities,
        phase: idle
          ? fc.constantFrom<UnitPhase>('idle', 'standby', 'returning')
          : fc.constantFrom<UnitPhase>('idle', 'returning', 'enRoute', 'onScene', 'transporting', 'handover'),
        place,
        fixAgeSeconds: seconds,
        turnoutSeconds: seconds,
        release: fc.record({ place, p50Seconds: seconds, p90Seconds: seconds }),
        active: task,
        next: task,
        blocked: fc.constantFrom('outOfService' as const, 'shiftEnd' as const),
        regionId: fc.constantFrom('a', 'b'),
        cover: fc.record({ base: fc.integer({ min: -1, max: 3 }), groups: fc.nat(3) }),
      },
      { requiredKeys: ['rank', 'capabilities', 'phase', 'place', 'fixAgeSeconds', 'turnoutSeconds'] },
    )
    .map(made => {
      const { active, next, release, ...rest } = made
      const free = made.phase === 'idle' || made.phase === 'standby' || made.phase === 'returning'
      if (free) return { ...rest, unitId: '' }
      return {
        ...rest,
        unitId: '',
        ...(active ? { active } : {}),
        ...(next ? { next } : {}),
        ...(release ? { release } : {}),
      }
    })
const fleet = (idle = false, maxLength = 60) =>
  fc
    .array(unit(idle), { maxLength, size: 'max' })
    .map(units => units.map((each, at) => ({ ...each, unitId: `U${String(at).padStart(3, '0')}` })))

// Drives of 30 to 60 km/h by place, some roads missing.
const findLeg: AdviseInput['findLeg'] = (_unit, from, to) => {
  const metres = measureCrowMetres(from, to) * 1.3
  if (Math.floor(from.lon * 1e5) % 17 === 0) return undefined
  const p50Seconds = (metres * 3.6) / (30 + (Math.floor(from.lat * 1e4) % 30))
  return { p50Seconds, p90Seconds: p50Seconds * 1.4, metres }
}

const cells: fc.Arbitrary<CoverCell[]> = fc.array(
  fc.record({
    weight: fc.oneof(
      { weight: 10, arbitrary: fc.double({ min: 0, max: 50, noNaN: true }) },
      { weight: 1, arbitrary: fc.constantFrom(Number.NaN, -3, Number.POSITIVE_INFINITY) },
    ),
    withinSeconds: fc.constantFrom(240, 480, 720),
    group: fc.integer({ min: 0, max: 3 }),
  }),
  { maxLength: 40, size: 'max' },
)
const baseCount = 6
const area = fc
  .tuple(cells, fc.array(seconds, { minLength: baseCount * 40, maxLength: baseCount * 40 }))
  .map(([listed, travelSeconds]) =>
    buildCoverArea({ baseCount, cells: listed, travelSeconds: travelSeconds.slice(0, baseCount * listed.length) }),
  )
const coverUnits = fc.array(fc.record({ base: fc.integer({ min: -1, max: baseCount }), groups: fc.nat(15) }), {
  maxLength: 20,
  size: 'max',
})

function isFree(each: AdviseUnit): boolean {
  return each.phase === 'idle' || each.phase === 'standby' || each.phase === 'returning'
}

/** Every number anywhere inside a value. */
function listNumbers(value: unknown): number[] {
  if (typeof value === 'number') return [value]
  if (value === null || typeof value !== 'object') return []
  return Object.values(value).flatMap(listNumbers)
}

test('ADV-20 rows are finite, bounded, one a unit, add up to their score, and say why in two languages', () => {
  fc.assert(
    fc.property(call, fleet(), area, coverUnits, (asked, units, coverArea, free) => {
      const cover = { area: coverArea, counts: countCover(coverArea, free), busyFraction: 0.4 }
      const advice = recommendUnits({ call: asked, units, findLeg, settings, cover, demandShare: { als: 0.4 } })
      assert.ok(advice.rows.length <= settings.rowsMax)
      assert.ok(advice.nearer.length <= settings.nearerMax)
      assert.equal(new Set(advice.rows.map(row => row.unitId)).size, advice.rows.length)
      for (const value of listNumbers(advice)) assert.ok(Number.isFinite(value))
      for (const row of advice.rows) {
        const { start, turnout, drive } = row.terms
        assert.ok(Math.abs(start + turnout + drive - row.etaP50Seconds) < 1e-6)
        assert.ok(Math.abs(Object.values(row.terms).reduce((sum, term) => sum + term, 0) - row.scoreSeconds) < 1e-6)
        for (const term of Object.values(row.terms)) assert.ok(term >= 0)
        assert.ok(row.etaP90Seconds >= row.etaP50Seconds)
        assert.ok(row.why.zh.length > 0 && row.why.en.length > 0)
        assert.doesNotMatch(row.why.zh + row.why.en, /NaN|Infinity|undefined/)
      }
      for (const near of advice.nearer) {
        assert.ok(near.why.zh.length > 0 && near.why.en.length > 0)
        assert.notEqual(near.unitId, advice.rows[0]?.unitId)
      }
    }),
  )
})

test('ADV-21 the first row lies within the band of its level, and at level I nobody is faster', () => {
  fc.assert(
    fc.property(call, fleet(), (asked, units) => {
      const advice = recommendUnits({ call: asked, units, findLeg, settings, demandShare: { als: 0.4, neonatal: 0.1 } })
      const [first] = advice.rows
      assert.equal(advice.bestEtaSeconds === undefined, first === undefined)
      if (!first) return
      assert.ok(first.withinBand)
      assert.ok(first.etaP50Seconds <= advice.bestEtaSeconds! + settings.bandSeconds[asked.level])
      if (asked.level === 1) for (const row of advice.rows) assert.ok(first.etaP50Seconds <= row.etaP50Seconds)
    }),
  )
})

test('ADV-22 a unit is offered only for what it can take: one active and one next task, needs met, not blocked', () => {
  fc.assert(
    fc.property(call, fleet(), (asked, units) => {
      const advice = recommendUnits({ call: asked, units, findLeg, settings })
      for (const row of advice.rows) {
        const own = units.find(each => each.unitId === row.unitId)!
        assert.equal(own.blocked, undefined)
        assert.ok(asked.needs.every(need => own.capabilities.includes(need)))
        if (row.kind === 'now') assert.ok(isFree(own) && !own.active)
        if (row.kind === 'next') assert.ok(!isFree(own) && own.release && !own.next)
        if (row.kind === 'withdraw') {
          assert.ok(own.next && !own.next.acknowledged && own.next.call.level >= asked.level)
        }
        if (row.kind === 'divert') {
          assert.ok(own.phase === 'enRoute' && own.active && !own.active.patientOnBoard)
          assert.ok(own.active.call.level - asked.level >= settings.diversionLevelGapMin)
          assert.ok(own.active.arrivesInSeconds >= settings.diversionNearSceneSeconds)
        }
        if (row.kind === 'divert' || row.kind === 'withdraw') {
          assert.ok(row.displaces && row.displaces.replacementUnitId !== row.unitId)
          assert.equal(row.auto, false)
          assert.ok(advice.bestUndisplacedSeconds === undefined || row.etaP50Seconds < advice.bestUndisplacedSeconds)
        }
      }
      if (advice.autoUnitId !== undefined) {
        assert.ok(advice.rows.some(row => row.unitId === advice.autoUnitId && row.auto))
      }
    }),
  )
})

test('ADV-23 more units never make the best arrival later', () => {
  fc.assert(
    fc.property(call, fleet(false, 120), fc.nat(120), (asked, units, kept) => {
      const some = recommendUnits({ call: asked, units: units.slice(0, kept), findLeg, settings })
      const all = recommendUnits({ call: asked, units, findLeg, settings })
      if (some.bestUndisplacedSeconds === undefined) return
      assert.ok(all.bestUndisplacedSeconds !== undefined)
      assert.ok(all.bestUndisplacedSeconds <= some.bestUndisplacedSeconds)
    }),
  )
})

test('ADV-24 bounding the road searches never loses the fastest unit', () => {
  // Roads so uneven that the nearest is often not the fastest.
  const uneven: AdviseInput['findLeg'] = (_unit, from, to) => {
    const metres = measureCrowMetres(from, to)
    const p50Seconds = (metres * 3.6) / (10 + (Math.floor(from.lat * 1e5) % 100))
    return { p50Seconds, p90Seconds: p50Seconds, metres }
  }
  fc.assert(
    fc.property(call, fleet(true, 120), (asked, drawn) => {
      const units = drawn.map(each => ({ ...each, turnoutSeconds: 0 }))
      const input = { call: { ...asked, needs: [] }, units, findLeg: uneven }
      const few = recommendUnits({ ...input, settings: { ...settings, candidatesMax: 3 } })
      const all = recommendUnits({ ...input, settings: { ...settings, candidatesMax: 1000 } })
      assert.equal(few.bestUndisplacedSeconds, all.bestUndisplacedSeconds)
      assert.ok(few.rows.length > 0 === units.some(each => !each.blocked))
    }),
  )
})

test('ADV-25 advice depends on what it is given alone: same twice, whatever the order of units, nothing changed', () => {
  fc.assert(
    fc.property(call, fleet(), area, coverUnits, (asked, units, coverArea, free) => {
      const counts = countCover(coverArea, free)
      const input: AdviseInput = {
        call: asked,
        units,
        findLeg,
        settings,
        cover: { area: coverArea, counts, busyFraction: 0.4 },
        demandShare: { als: 0.4 },
      }
      const before = structuredClone({ asked, units, counts })
      const once = recommendUnits(input)
      assert.deepEqual(recommendUnits(input), once)
      assert.deepEqual(recommendUnits({ ...input, units: [...units].reverse() }), once)
      assert.deepEqual(structuredClone({ asked, units, counts }), before)
    }),
  )
})

test('ADV-26 nothing to choose from, or no place to go to, gives no rows and no crash', () => {
  const asked: AdviseCall = { callId: 'C', level: 1, place: { lon: 113, lat: 34 }, needs: [] }
  assert.deepEqual(recommendUnits({ call: asked, units: [], findLeg, settings }).rows, [])
  fc.assert(
    fc.property(fleet(), fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY), (units, bad) => {
      const nowhere = recommendUnits({ call: { ...asked, place: { lon: bad, lat: 34 } }, units, findLeg, settings })
      assert.deepEqual(nowhere.rows, [])
      const roadless = recommendUnits({ call: asked, units, findLeg: () => undefined, settings })
      assert.deepEqual(roadless.rows, [])
      const broken = recommendUnits({
        call: asked,
        units,
        findLeg: () => ({ p50Seconds: bad, p90Seconds: bad, metres: bad }),
        settings,
      })
      assert.deepEqual(broken.rows, [])
    }),
  )
})

test('ADV-27 a pair names two units, a mass-casualty plan no unit twice and leaves its reserve', () => {
  fc.assert(
    fc.property(call, fleet(true), fc.nat(12), fc.boolean(), (asked, units, slotCount, reserveLifted) => {
      const pair = recommendPair({ call: asked, units, findLeg, settings })
      const taken = pair.any.rows[0]?.unitId
      assert.ok(pair.capable.rows.every(row => row.unitId !== taken))
      const slots = Array.from({ length: slotCount }, (_, at) => ({ needs: at % 2 === 0 ? [] : ['als'] }))
      const plan = recommendMany({ call: asked, units, findLeg, settings }, slots, { reserveLifted })
      const idle = units.filter(each => !each.blocked).length
      assert.equal(new Set(plan.picks.map(pick => pick.row.unitId)).size, plan.picks.length)
      assert.equal(plan.picks.length + plan.short, slotCount)
      const reserve = reserveLifted ? 0 : Math.floor(idle * settings.massReserveShare)
      assert.ok(idle - plan.picks.length >= Math.min(idle, reserve))
    }),
  )
})

test('ADV-28 a gain of cover is finite and never negative, and equals the difference of cover with and without', () => {
  fc.assert(
    fc.property(
      area,
      coverUnits,
      fc.record({ base: fc.nat(baseCount - 1), groups: fc.nat(15) }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (coverArea, free, added, q) => {
        const counts = countCover(coverArea, free)
        const gain = measureGain(coverArea, counts, added, q)
        assert.ok(Number.isFinite(gain) && gain >= 0)
        const after = Int32Array.from(counts)
        changeCover(coverArea, after, added, 1)
        const difference = measureCover(coverArea, after, q) - measureCover(coverArea, counts, q)
        assert.ok(Math.abs(gain - difference) < 1e-9)
        assert.ok(Math.abs(measureLoss(coverArea, after, added, q) - gain) < 1e-9)
        changeCover(coverArea, after, added, -1)
        assert.deepEqual(after, counts)
      },
    ),
  )
})

test('ADV-29 the chosen base gains most among the allowed ones; moves on demand raise cover and keep their caps', () => {
  const allowed = fc.subarray([0, 1, 2, 3, 4, 5])
  fc.assert(
    fc.property(
      area,
      coverUnits,
      allowed,
      fc.array(seconds, { minLength: 6, maxLength: 6 }),
      (made, free, bases, travel) => {
        const counts = countCover(made, free)
        const ranked = rankBases({
          area: made,
          counts,
          groups: 3,
          allowedBases: bases,
          travelSecondsTo: base => travel[base]!,
          settings: { ...settings.cover, travelLossPerHour: 0, travelSecondsMax: 1e9 },
        })
        const reachable = bases.filter(base => Number.isFinite(travel[base]!))
        assert.equal(ranked.length, reachable.length)
        for (const choice of ranked) assert.ok(choice.gain <= ranked[0]!.gain && choice.gain >= 0)

        const units = free.map((each: CoverUnit, at) => ({
          ...each,
          unitId: `M${at}`,
          allowedBases: bases,
          movesThisShift: at % 6,
        }))
        const moves = proposeMoves({
          area: made,
          units,
          travelSecondsTo: () => 60,
          settings: { ...settings.cover, travelLossPerHour: 0 },
        })
        assert.ok(moves.length <= settings.cover.movesMax)
        assert.equal(new Set(moves.map(move => move.unitId)).size, moves.length)
        const after = countCover(
          made,
          units.map(each => ({ ...each, base: moves.find(move => move.unitId === each.unitId)?.toBase ?? each.base })),
        )
        const gained =
          measureCover(made, after, settings.cover.busyFraction) -
          measureCover(made, counts, settings.cover.busyFraction)
        const promised = moves.reduce((sum, move) => sum + move.gain, 0)
        assert.ok(Math.abs(gained - promised) < 1e-9)
        for (const move of moves) {
          assert.ok(move.gain >= settings.cover.moveGainMin)
          assert.ok(bases.includes(move.toBase))
          assert.ok(units.find(each => each.unitId === move.unitId)!.movesThisShift < settings.cover.movesPerShiftMax)
        }
      },
    ),
  )
})

test('ADV-30 over whole evenings every unit keeps one active and one next task, and every call is answered once', () => {
  const shape = { baseCount: 12, hospitalCount: 4, coreSigmaM: 6000, townCount: 2, townDistanceM: 15_000 }
  fc.assert(
    fc.property(fc.nat(1000), fc.integer({ min: 3, max: 12 }), (seed, unitCount) => {
      const city = generateCity(seed, shape)
      const plan = { ...planEvening(city.bases, city.hospitals), callsPerHour: 25 }
      const calls = generateEvening(plan, seed)
      const stage: Stage = { ...city, unitCount, speedMps: 12, rule: threeTypeRule }
      const inner = buildVigilAdvisor(stage, calls, threeTypeReading, generateEvening(plan, seed + 5000))
      const advisor: Advisor = {
        ...inner,
        adviseCall: (nowS, index, units, displaced) => {
          const tasks = units.flatMap(each => [each.active?.call, each.next].filter(task => task !== undefined))
          assert.equal(new Set(tasks).size, tasks.length)
          assert.ok(!tasks.includes(index))
          for (const each of units) if (each.next !== undefined) assert.ok(each.active)
          return inner.adviseCall(nowS, index, units, displaced)
        },
      }
      const outcomes = replayAdvised(stage, calls, advisor)
      assert.equal(outcomes.filter(Boolean).length, calls.length)
      for (const outcome of outcomes) assert.ok(Number.isFinite(outcome.responseS) && outcome.responseS >= 0)
      assert.deepEqual(replayVigil(stage, calls, threeTypeReading, generateEvening(plan, seed + 5000)), outcomes)
    }),
    { numRuns: 12 },
  )
})
