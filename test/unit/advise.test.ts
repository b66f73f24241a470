// Unit tests of advice: each exclusion with its code and words, each kind of row, the trades of the score, pairs and mass casualty.
// Stands in test/unit. Travel is the straight line at 60 km/h, so 0.01 degree of latitude takes 66.7 s.
// Promises: small worlds that can be checked by reading.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  buildCoverArea,
  countCover,
  mapPreparedness,
  measureGain,
  proposeMoves,
  rankBases,
} from '../../server/advise/cover.ts'
import {
  type AdviseCall,
  type AdviseUnit,
  type LegFinder,
  measureCrowMetres,
  recommendMany,
  recommendPair,
  recommendUnits,
  type UnitTask,
} from '../../server/advise/recommend.ts'
import { type AdviseSettings, defaultAdviseSettings, type Level } from '../../server/advise/settings.ts'

const settings = defaultAdviseSettings
const at = (hundredths: number) => ({ lon: 113, lat: 34 + hundredths / 100 })
const findLeg: LegFinder = (_unit, from, to) => {
  const metres = measureCrowMetres(from, to)
  return { p50Seconds: metres / (60 / 3.6), p90Seconds: (metres / (60 / 3.6)) * 1.3, metres }
}
// 0.01 degree of latitude: 6371000 × π / 18000 m at 60 km/h.
const step = ((6_371_000 * Math.PI) / 18_000 / 60) * 3.6

function makeCall(level: Level, needs: string[] = [], more: Partial<AdviseCall> = {}): AdviseCall {
  return { callId: 'C1', level, place: at(0), needs, ...more }
}

function makeUnit(unitId: string, hundredths: number, more: Partial<AdviseUnit> = {}): AdviseUnit {
  return {
    unitId,
    rank: 1,
    capabilities: ['transport'],
    phase: 'idle',
    place: at(hundredths),
    fixAgeSeconds: 5,
    turnoutSeconds: 0,
    ...more,
  }
}

function makeTask(level: Level, hundredths: number, arrivesInSeconds: number, more: Partial<UnitTask> = {}): UnitTask {
  return {
    call: { callId: 'OTHER', level, place: at(hundredths), needs: [] },
    arrivesInSeconds,
    patientOnBoard: false,
    acknowledged: false,
    ...more,
  }
}

function recommend(call: AdviseCall, units: AdviseUnit[], more: Partial<AdviseSettings> = {}) {
  return recommendUnits({ call, units, findLeg, settings: { ...settings, ...more }, demandShare: { als: 0.3 } })
}

test('ADV-40 the fastest unit stands first and says so in both languages', () => {
  const advice = recommend(makeCall(1), [makeUnit('far', 5), makeUnit('near', 2)])
  assert.deepEqual(
    advice.rows.map(row => row.unitId),
    ['near', 'far'],
  )
  assert.equal(Math.round(advice.bestEtaSeconds!), Math.round(2 * step))
  assert.equal(advice.rows[0]!.why.zh, '可立即出发；约 2.2 分钟到达；到达最快')
  assert.equal(advice.rows[0]!.why.en, 'can start now; about 2.2 min to arrive; the fastest')
  assert.equal(advice.autoUnitId, 'near')
  assert.equal(advice.settingsVersion, settings.version)
})

test('ADV-41 each nearer unit that cannot come is named with its reason', () => {
  const busy = { phase: 'onScene' as const, active: makeTask(1, 1, 0, { patientOnBoard: true }) }
  const release = { place: at(1), p50Seconds: 600, p90Seconds: 900 }
  const cases: [string, Partial<AdviseUnit>][] = [
    ['OUT_OF_SERVICE', { blocked: 'outOfService' }],
    ['FATIGUE', { blocked: 'fatigue' }],
    ['SHIFT_END', { blocked: 'shiftEnd' }],
    ['DISTRESS', { blocked: 'distress' }],
    ['SILENT', { blocked: 'silent' }],
    ['MISSING_CAPABILITY', { capabilities: ['transport'] }],
    ['BUSY_NO_PREDICTION', { ...busy }],
    ['BUSY_TOO_LONG', { ...busy, release: { ...release, p50Seconds: 9000 } }],
    ['NEXT_TAKEN', { ...busy, release, next: makeTask(1, 1, 900) }],
    ['NEXT_TAKEN', { ...busy, release, next: makeTask(4, 1, 900, { acknowledged: true }) }],
    ['NEAR_SCENE', { phase: 'enRoute', active: makeTask(4, 1, 100) }],
    ['DISPLACEMENT_NOT_WORTH', { phase: 'enRoute', active: makeTask(4, 40, 3000) }],
  ]
  for (const [code, more] of cases) {
    const units = [
      makeUnit('far', 1.5, { capabilities: ['transport', 'als'] }),
      makeUnit('near', 1, { capabilities: ['transport', 'als'], ...more }),
    ]
    const advice = recommend(makeCall(1, ['als']), units)
    assert.equal(advice.rows[0]?.unitId, 'far', code)
    assert.equal(advice.nearer.length, 1, code)
    assert.equal(advice.nearer[0]!.code, code)
    assert.ok(advice.nearer[0]!.why.zh && advice.nearer[0]!.why.en)
  }
  const lacking = recommend(makeCall(1, ['als', 'neonatal']), [makeUnit('near', 1)])
  assert.equal(lacking.nearer[0]!.why.zh, '能力不足：高级生命支持、neonatal')
  assert.equal(lacking.nearer[0]!.why.en, 'lacks a needed capability: als, neonatal')
})

test('ADV-42 a unit without a road, and one nearer only as the crow flies, are named', () => {
  const detour: LegFinder = (unit, from, to) => {
    if (unit.unitId === 'island') return undefined
    const leg = findLeg(unit, from, to)!
    return unit.unitId === 'across' ? { ...leg, p50Seconds: 3000, p90Seconds: 4000 } : leg
  }
  const units = [makeUnit('road', 5), makeUnit('across', 1), makeUnit('island', 0.5)]
  const advice = recommendUnits({ call: makeCall(2), units, findLeg: detour, settings })
  assert.deepEqual(
    advice.nearer.map(near => [near.unitId, near.code]),
    [
      ['island', 'NO_ROAD'],
      ['across', 'SLOWER'],
    ],
  )
  assert.equal(advice.nearer[1]!.why.zh, '直线虽近，到达更晚（预计 50.0 分钟）')
})

test('ADV-43 a soon-free unit that arrives first stands first, but at level I the key sends only who can start now', () => {
  const soon = makeUnit('soon', 9, {
    phase: 'handover',
    active: makeTask(3, 9, 0, { patientOnBoard: true }),
    release: { place: at(1), p50Seconds: 60, p90Seconds: 120 },
  })
  for (const level of [1, 2, 3, 4] as const) {
    const advice = recommend(makeCall(level), [makeUnit('idle', 8), soon])
    assert.deepEqual(
      advice.rows.map(row => [row.unitId, row.kind]),
      [
        ['soon', 'next'],
        ['idle', 'now'],
      ],
    )
    assert.equal(advice.autoUnitId, level <= 2 ? 'idle' : 'soon')
    assert.equal(advice.rows[0]!.why.zh.includes('需人工确认'), level <= 2)
  }
  const [row] = recommend(makeCall(3), [soon]).rows
  assert.equal(row!.terms.start, 60)
  // The spreads are 60 s of the release and 30 % of the drive; they add as squares.
  assert.ok(Math.abs(row!.etaP90Seconds - row!.etaP50Seconds - Math.hypot(60, 0.3 * step)) < 1e-6)
})

test('ADV-44 within the band a scarce unit is spared; at level I it is not', () => {
  const units = [makeUnit('als', 1, { rank: 0, capabilities: ['transport', 'als'] }), makeUnit('plain', 3)]
  const minor = recommend(makeCall(3), units)
  assert.equal(minor.rows[0]!.unitId, 'plain')
  // The only ready unit with it: 2000 s × share 0.3 × 0.7^0.
  assert.equal(minor.rows[1]!.terms.scarcity, 600)
  assert.equal(minor.nearer[0]!.code, 'SPARED')
  assert.match(minor.rows[0]!.why.zh, /比最快的晚 2\.2 分钟，在本级别允许范围内/)
  assert.equal(recommend(makeCall(1), units).rows[0]!.unitId, 'als')
  // Beyond the band of 180 s it goes all the same.
  assert.equal(recommend(makeCall(3), [units[0]!, makeUnit('plain', 4)]).rows[0]!.unitId, 'als')
})

test('ADV-45 a critical call takes a unit from a minor one when that is worth it and someone else can go there', () => {
  const rolling = makeUnit('rolling', 1, { phase: 'enRoute', active: makeTask(4, 20, 1200) })
  const other = makeUnit('other', 25)
  const [row] = recommend(makeCall(1), [rolling, other]).rows
  assert.equal(row!.kind, 'divert')
  assert.equal(row!.displaces!.replacementUnitId, 'other')
  assert.equal(row!.displaces!.callId, 'OTHER')
  // The other is 0.05 from the abandoned call: sooner than the unit that leaves it, so nothing is lost.
  assert.equal(row!.displaces!.delaySeconds, 0)
  assert.equal(row!.auto, false)
  assert.match(row!.why.en, /other takes over its call, 0\.0 min later/)
  // The replacement 0.20 away costs 25 steps more, weighed 1 to 4 against a gain of 4 steps: not worth it.
  const dear = { ...rolling, active: makeTask(4, 2, 200) }
  const remote = [dear, makeUnit('other', -5), makeUnit('plain', -6)]
  assert.equal(recommend(makeCall(1), remote).rows[0]!.kind, 'divert')
  assert.equal(
    recommend(makeCall(1), [dear, makeUnit('other', -3.2)], { levelWeight: { 1: 1, 2: 1, 3: 1, 4: 1 } }).rows[0]!.kind,
    'now',
  )
  // Level II may not take from level III, nor level I from level I, nor anyone when no one else can answer.
  const third = { ...rolling, active: makeTask(3, 20, 1200) }
  assert.equal(recommend(makeCall(2), [third, other]).rows[0]!.kind, 'now')
  assert.equal(recommend(makeCall(1), [rolling]).rows.length, 0)
})

test('ADV-46 an unacknowledged next task yields to a call that gains more than it costs, and a displaced call takes from nobody', () => {
  const busy = makeUnit('busy', 9, {
    phase: 'handover',
    active: makeTask(2, 9, 0, { patientOnBoard: true }),
    release: { place: at(1), p50Seconds: 100, p90Seconds: 100 },
    next: makeTask(3, 20, 100 + 19 * step),
  })
  const other = makeUnit('other', 25)
  const advice = recommend(makeCall(2), [busy, other])
  assert.deepEqual([advice.rows[0]!.unitId, advice.rows[0]!.kind], ['busy', 'withdraw'])
  const again = recommend(makeCall(2, [], { displaced: true }), [busy, other])
  assert.deepEqual([again.rows[0]!.unitId, again.rows[0]!.kind], ['other', 'now'])
})

test('ADV-47 stale positions, missing wishes and foreign areas cost seconds and are flagged', () => {
  const call = makeCall(3, [], { wants: ['monitor'], regionId: '410100' })
  const units = [
    makeUnit('stale', 1, { fixAgeSeconds: 300, regionId: '410200' }),
    makeUnit('fresh', 1.5, { capabilities: ['transport', 'monitor'], regionId: '410100' }),
  ]
  const [first, second] = recommend(call, units).rows
  assert.equal(first!.unitId, 'fresh')
  assert.equal(second!.terms.staleFix, settings.staleFixSeconds)
  assert.equal(second!.terms.crossArea, settings.crossAreaSeconds)
  assert.equal(second!.terms.shortfall, settings.shortfallSeconds[3])
  assert.deepEqual(second!.missingWants, ['monitor'])
  assert.ok(second!.staleFix)
  assert.match(second!.why.zh, /缺少：监护仪；位置已过时/)
})

test('ADV-48 five rows at most, and one that can be sent unasked is always among them', () => {
  const soon = Array.from({ length: 8 }, (_, n) =>
    makeUnit(`soon${n}`, 1, {
      phase: 'handover',
      active: makeTask(1, 1, 0, { patientOnBoard: true }),
      release: { place: at(1), p50Seconds: n, p90Seconds: n },
    }),
  )
  const advice = recommend(makeCall(1), [...soon, makeUnit('idle', 9)])
  assert.equal(advice.rows.length, 5)
  assert.equal(advice.rows[4]!.unitId, 'idle')
  assert.equal(advice.autoUnitId, 'idle')
})

test('ADV-49 an arrest gets the nearest of any class and the nearest capable one', () => {
  const units = [makeUnit('plain', 1), makeUnit('als', 4, { capabilities: ['transport', 'als'] })]
  const pair = recommendPair({ call: makeCall(1, ['als']), units, findLeg, settings })
  assert.equal(pair.any.rows[0]!.unitId, 'plain')
  assert.equal(pair.capable.rows[0]!.unitId, 'als')
  // When the nearest is the capable one, the second must be another capable one, and here there is none.
  const alone = recommendPair({
    call: makeCall(1, ['als']),
    units: [makeUnit('plain', 5), makeUnit('als', 1, { capabilities: ['transport', 'als'] })],
    findLeg,
    settings,
  })
  assert.equal(alone.any.rows[0]!.unitId, 'als')
  assert.equal(alone.capable.rows.length, 0)
})

test('ADV-50 a mass-casualty plan leaves floor(0.3 × idle) units unless the reserve is lifted', () => {
  const units = Array.from({ length: 10 }, (_, n) => makeUnit(`U${n}`, n + 1))
  const slots = Array.from({ length: 12 }, () => ({ needs: [] }))
  const input = { call: makeCall(1), units, findLeg, settings }
  const kept = recommendMany(input, slots, { reserveLifted: false })
  assert.deepEqual(
    kept.picks.map(pick => pick.row.unitId),
    ['U0', 'U1', 'U2', 'U3', 'U4', 'U5', 'U6'],
  )
  assert.equal(kept.short, 5)
  assert.equal(recommendMany(input, slots, { reserveLifted: true }).picks.length, 10)
})

// Three bases in a row 600 s apart; four cells of equal demand: one at base 0, two at base 1, one at base 2.
const coverTimes = [0, 600, 600, 1200, 600, 0, 0, 600, 1200, 600, 600, 0]
const coverArea = buildCoverArea({
  baseCount: 3,
  cells: Array.from({ length: 4 }, () => ({ weight: 1, withinSeconds: 480, group: 0 })),
  travelSeconds: coverTimes,
})
const coverSettings = { ...settings.cover, busyFraction: 0.5, travelLossPerHour: 0 }

test('ADV-51 DMEXCLP computed by hand: gains, ties to the nearest, limits on the drive', () => {
  // One unit at base 1: k = (0, 1, 1, 0). Gains (1-q) q^k × 1/4: base 0 and 2: 0.125; base 1: 2 × 0.0625 = 0.125.
  const counts = countCover(coverArea, [{ base: 1, groups: 1 }])
  assert.deepEqual([...counts], [0, 1, 1, 0])
  assert.deepEqual([...mapPreparedness(Int32Array.from([0, 1, 2]), 0.5)], [0, 0.5, 0.75])
  for (const base of [0, 1, 2]) assert.equal(measureGain(coverArea, counts, { base, groups: 1 }, 0.5), 0.125)
  const rank = (more: Partial<typeof coverSettings>, seconds: number[]) =>
    rankBases({
      area: coverArea,
      counts,
      groups: 1,
      allowedBases: [0, 1, 2],
      travelSecondsTo: base => seconds[base]!,
      settings: { ...coverSettings, ...more },
    }).map(choice => choice.base)
  assert.deepEqual(rank({}, [900, 300, 600]), [1, 2, 0])
  assert.deepEqual(rank({ travelSecondsMax: 700 }, [900, 300, 600]), [1, 2])
  assert.deepEqual(rank({ travelSecondsMax: 10 }, [900, 300, 600]), [1, 2, 0])
  assert.deepEqual(rank({}, [Number.NaN, Number.POSITIVE_INFINITY, 600]), [2])
  // A unit that may serve nothing of the demand gains nothing anywhere and goes to the nearest.
  assert.equal(measureGain(coverArea, counts, { base: 0, groups: 2 }, 0.5), 0)
})

test('ADV-52 a move on demand goes where it gains, says what it brings, and respects its caps', () => {
  // Three units at base 1. Moving one to base 0 gains 0.125 and loses the third cover of two cells, 2 × 0.25 × 0.5^3 = 0.0625.
  const units = [0, 1, 2].map(n => ({
    unitId: `M${n}`,
    base: 1,
    groups: 1,
    allowedBases: [0, 1, 2],
    movesThisShift: 0,
  }))
  const moves = proposeMoves({ area: coverArea, units, travelSecondsTo: () => 600, settings: coverSettings })
  assert.deepEqual([moves[0]!.unitId, moves[0]!.toBase, moves[0]!.gain], ['M0', 0, 0.0625])
  assert.equal(moves[0]!.why.zh, '调防后全区覆盖提高 6.3 个百分点，行驶约 10 分钟')
  // The second leaves one unit: k = 2 → gain 0.125, loss 2 × 0.25 × 0.5^2 = 0.125. Not worth it.
  assert.equal(moves.length, 1)
  const tired = units.map(unit => ({ ...unit, movesThisShift: settings.cover.movesPerShiftMax }))
  assert.deepEqual(
    proposeMoves({ area: coverArea, units: tired, travelSecondsTo: () => 600, settings: coverSettings }),
    [],
  )
  const strict = { ...coverSettings, moveGainMin: 0.07 }
  assert.deepEqual(proposeMoves({ area: coverArea, units, travelSecondsTo: () => 600, settings: strict }), [])
})
