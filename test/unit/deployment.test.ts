/**
 * Deployment: pairs for marked complaints, diversions with their replacement, who is kept out of advice and why, hospitals by drive,
 * service, load and age, moves that are worth it. Expected values are written out by hand.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { diversionMaxMs, hospitalOldMs } from '#contract/fleet.ts'
import { type HospitalAhead, rankHospitals } from '../../server/advise/destination.ts'
import { defaultAdviseSettings, defaultDestinationSettings } from '../../server/advise/settings.ts'
import { findBlock, isPaired, listServices, shiftEndMarginMs } from '../../server/advise/situation.ts'
import { createAdvisor } from '../../server/operations/advice.ts'
import { createDeployment } from '../../server/operations/deployment.ts'
import { createOutlook } from '../../server/operations/outlook.ts'
import { createTravel } from '../../server/roads/travel.ts'
import { createWorld, type Incident, type Unit, type World } from '../../server/state/world.ts'

// 2026-11-21 12:00 in Shanghai, a Saturday.
const now = Date.UTC(2026, 10, 21, 4, 0, 0)
const hourMs = 3_600_000

function makeUnit(unitId: string, more: Partial<Unit> = {}): Unit {
  return {
    unitId,
    name: unitId,
    unitClass: 'B',
    capabilities: [],
    regionCode: '330402',
    status: 'idle',
    statusAt: now - 60_000,
    statusBy: 'unit',
    version: 1,
    lon: 120.75,
    lat: 30.75,
    fixAt: now - 5_000,
    silent: false,
    ...more,
  }
}
function makeIncident(incidentId: string, more: Partial<Incident> = {}): Incident {
  return {
    incidentId,
    version: 1,
    state: 'open',
    level: 1,
    regionCode: '330402',
    lon: 120.75,
    lat: 30.75,
    callIds: [],
    unitIds: [],
    openedAt: now,
    stamps: [],
    sealedFields: [],
    noteCount: 0,
    ...more,
  }
}
function fill(units: readonly Unit[], incidents: readonly Incident[]): World {
  const world = createWorld()
  for (const unit of units) world.units.set(unit.unitId, unit)
  for (const incident of incidents) world.incidents.set(incident.incidentId, incident)
  return world
}
const join = (world: World) => {
  const ports = { world, travel: createTravel(undefined), now: () => now }
  const outlook = createOutlook(ports)
  return { advisor: createAdvisor({ ...ports, outlook }), deployment: createDeployment({ ...ports, outlook }) }
}
/** Degrees of latitude in a kilometre. */
const kmDeg = 1 / 111.195

test('TASK-15 an arrest names two: the nearest of any class and the nearest other that can do everything; a cough names none', async () => {
  const units = [
    makeUnit('NEAR', { unitClass: 'A', lat: 30.75 + kmDeg }),
    makeUnit('PLAIN', { unitClass: 'A', lat: 30.75 + 2 * kmDeg }),
    makeUnit('ABLE', { lat: 30.75 + 3 * kmDeg }),
  ]
  const arrest = makeIncident('I1', { complaintCode: 'arrest' })
  const cough = makeIncident('I2', { complaintCode: 'cough', level: 3 })
  const { advisor } = join(fill(units, [arrest, cough]))
  assert.deepEqual((await advisor.advise(arrest, () => true)).pair, ['NEAR', 'ABLE'])
  assert.equal((await advisor.advise(cough, () => true)).pair, undefined)
  assert.ok(isPaired('arrest') && !isPaired('cough') && !isPaired(undefined) && !isPaired('toString'))
  // One unit alone is named alone; the nearest already able takes the next able one with it.
  const { advisor: alone } = join(fill([units[0]!], [arrest]))
  assert.deepEqual((await alone.advise(arrest, () => true)).pair, ['NEAR'])
  const able = [makeUnit('A1', { lat: 30.76 }), makeUnit('A2', { lat: 30.78 })]
  const { advisor: both } = join(fill(able, [arrest]))
  assert.deepEqual((await both.advise(arrest, () => true)).pair, ['A1', 'A2'])
})

test('TASK-16 a unit on its way to a minor case is proposed for a level I far from every free one, with who takes its case over', async () => {
  const minor = makeIncident('MINOR', { level: 4, lat: 30.75 + 12 * kmDeg, unitIds: ['BUSY'] })
  const worst = makeIncident('WORST', { level: 1 })
  const busy = makeUnit('BUSY', { status: 'rolling', incidentId: 'MINOR', lat: 30.75 + kmDeg })
  const free = makeUnit('FREE', { lat: 30.75 + 14 * kmDeg })
  const { advisor } = join(fill([busy, free], [minor, worst]))
  const view = await advisor.advise(worst, () => true)
  assert.deepEqual(
    view.rows.map(row => row.unitId),
    ['FREE'],
    'rows are orders the line takes at once',
  )
  const [divert] = view.diversions ?? []
  assert.ok(divert, 'a diversion is proposed')
  assert.deepEqual([divert.unitId, divert.fromIncidentId, divert.replacementUnitId], ['BUSY', 'MINOR', 'FREE'])
  assert.ok(divert.gainS >= defaultAdviseSettings.diversionGainSecondsMin, `${divert.gainS} s`)
  // At the scene, or nearly there, or for a case as urgent, nobody is turned round.
  for (const more of [{ status: 'on-scene' }, { lat: minor.lat - kmDeg }] as Partial<Unit>[]) {
    const { advisor: other } = join(fill([makeUnit('BUSY', { ...busy, ...more }), free], [minor, worst]))
    assert.equal((await other.advise(worst, () => true)).diversions, undefined, JSON.stringify(more))
  }
  const equal = { ...minor, level: 2 }
  const { advisor: same } = join(fill([busy, free], [equal, worst]))
  assert.equal((await same.advise(worst, () => true)).diversions, undefined)
})

test('TASK-17 break, end of shift, distress and silence keep a unit out of advice with the reason; who is relieved goes', async () => {
  const shift = (startsAt: number, endsAt: number, breaks: { from: number; to: number }[] = []) => ({
    shiftId: `S${startsAt}`,
    startsAt,
    endsAt,
    crew: [],
    breaks,
  })
  const day = shift(now - 8 * hourMs, now + 4 * hourMs)
  const ending = shift(now - 8 * hourMs, now + shiftEndMarginMs)
  const blocks: [Partial<Unit>, string | undefined][] = [
    [{}, undefined],
    [{ shifts: [day] }, undefined],
    [{ shifts: [ending] }, 'shiftEnd'],
    [{ shifts: [{ ...ending, endsAt: ending.endsAt + 1 }] }, undefined],
    [{ shifts: [ending, shift(ending.endsAt, now + 12 * hourMs)] }, undefined],
    [{ shifts: [{ ...day, breaks: [{ from: now - 1, to: now + 1 }] }] }, 'onBreak'],
    [{ shifts: [{ ...day, breaks: [{ from: now - 2, to: now }] }] }, undefined],
    [{ distress: { at: now } }, 'distress'],
    [{ silent: true }, 'silent'],
    [{ status: 'unavailable' }, 'outOfService'],
  ]
  for (const [more, code] of blocks) assert.equal(findBlock(makeUnit('U1', more), now), code, JSON.stringify(more))
  const rest = makeUnit('REST', { shifts: [{ ...day, breaks: [{ from: now - 1, to: now + hourMs }] }] })
  const far = makeUnit('FAR', { lat: 30.75 + 9 * kmDeg })
  const incident = makeIncident('I1')
  const view = await join(fill([rest, far], [incident])).advisor.advise(incident, () => true)
  assert.deepEqual(
    [view.rows.map(row => row.unitId), view.nearer.map(row => [row.unitId, row.code])],
    [['FAR'], [['REST', 'ON_BREAK']]],
  )
})

test('TASK-18 hospitals: service, diversion, load and age weigh as the settings say; none is hidden for what it says', () => {
  type State = NonNullable<HospitalAhead['state']>
  const state: State = { edState: 'open', beds: {}, services: ['stroke'], diversions: [], reportedAt: now - hourMs }
  const at = (
    placeId: string,
    driveSeconds: number,
    more?: Partial<NonNullable<HospitalAhead['state']>>,
  ): HospitalAhead => ({
    placeId,
    driveSeconds,
    metres: driveSeconds * 10,
    ...(more ? { state: { ...state, ...more } } : {}),
  })
  const settings = defaultDestinationSettings
  const rank = (hospitals: HospitalAhead[]) =>
    rankHospitals({ wants: ['stroke'], hospitals, now, settings }).map(row => [row.placeId, row.scoreSeconds])
  assert.deepEqual(listServices('stroke'), ['stroke'])
  assert.deepEqual(listServices('constructor'), [])
  assert.deepEqual(rank([at('FAR', 600, {}), at('NEAR', 100, { services: [] })]), [
    ['FAR', 600],
    ['NEAR', 1_000],
  ])
  const diversions = [{ service: 'stroke' as const, reason: 'CT 故障', until: now + hourMs }]
  assert.deepEqual(rank([at('A', 100, { diversions }), at('B', 900, {})]), [
    ['B', 900],
    ['A', 3_700],
  ])
  const over = [{ service: 'stroke' as const, reason: 'x', until: now }]
  const other = [{ service: 'burn' as const, reason: 'x', until: now + hourMs }]
  assert.deepEqual(rank([at('A', 100, { diversions: over }), at('B', 200, { diversions: other })]), [
    ['A', 100],
    ['B', 200],
  ])
  assert.deepEqual(rank([at('A', 100, { edPatients: 60, edCapacity: 40, offloadMin: 10, edState: 'busy' })]), [
    // 100 + 300 busy + 0.5 × 600 overload + 10 min × 60 × 0.5
    ['A', 1_000],
  ])
  // Old figures count for nothing; what the hospital is still counts.
  assert.deepEqual(rank([at('A', 100, { edState: 'closed', reportedAt: now - hospitalOldMs - 1 })]), [['A', 160]])
  assert.deepEqual(rank([at('A', Number.NaN, {}), at('B', 50)]), [['B', 1_010]])
  assert.ok(diversionMaxMs === 2 * hourMs)
})

test('TASK-19 cover: a free unit is proposed where nobody stands, a unit at its limit and one without a place to go stay', () => {
  const world = fill(
    [
      makeUnit('U1', { stationId: 'S1', baseIds: ['S2'] }),
      makeUnit('U2', { stationId: 'S1' }),
      makeUnit('U3', { stationId: 'S1', baseIds: ['S2'], moves: 4, movesOf: '2026-11-21' }),
    ],
    [],
  )
  const region = (code: string, lat: number) =>
    world.regions.set(code, {
      code,
      parentCode: '330400',
      name: code,
      nameEn: code,
      level: 'county',
      lon: 120.75,
      lat,
      population: 100_000,
    })
  region('330402', 30.75)
  region('330411', 30.95)
  for (const [placeId, lat] of [
    ['S1', 30.75],
    ['S2', 30.95],
  ] as const)
    world.places.set(placeId, { placeId, placeKind: 'station', name: placeId, regionCode: '330402', lon: 120.75, lat })
  const { deployment } = join(world)
  const view = deployment.measureCoverage(
    () => true,
    () => true,
    world.units.get('U1'),
  )
  assert.deepEqual(
    view.proposals.map(row => [row.unitId, row.fromPlaceId, row.toPlaceId, row.movesLeft]),
    [['U1', 'S1', 'S2', 4]],
  )
  // Three units at one cell of two halves: 1 − 0.4³ of one half, nothing of the other.
  assert.ok(Math.abs(view.covered - (1 - 0.4 ** 3) / 2) < 1e-9, `${view.covered}`)
  assert.deepEqual(
    view.cells.map(cell => cell.prepared),
    [0.936, 0],
  )
  // Without U1 the first half keeps 1 − 0.4²; at S2 it would be worth 0.6 × ½, at home 0.6 × 0.4² × ½.
  assert.deepEqual(
    view.choices?.map(row => [row.placeId, row.gain, row.isHome]),
    [
      ['S2', 0.3, false],
      ['S1', 0.048, true],
    ],
  )
  world.units.get('U1')!.baseId = 'S2'
  const after = deployment.measureCoverage(
    () => true,
    () => true,
    undefined,
  )
  assert.deepEqual(after.proposals, [])
  assert.deepEqual(
    after.cells.map(cell => cell.prepared),
    [0.84, 0.6],
  )
})
