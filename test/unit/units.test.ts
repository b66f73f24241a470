/**
 * Units and incidents as the line folds them: the clock t0 to t14 with its sources, next tasks and diversion, links between
 * records, centres, crews, distress, moves, hospitals, and the steps that fixes suggest.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BodyInputOf, Entry, Kind } from '#contract/entry.ts'
import { chainStamps, chooseStamp, measureStep, nameStamp, otherStamps, stampChain } from '#contract/stamps.ts'
import type { StampView } from '#contract/view.ts'
import { createSight } from '../../server/identity/sight.ts'
import { admit } from '../../server/intake/admit.ts'
import { advance } from '../../server/pipeline.ts'
import { createTouched, createWorld } from '../../server/state/world.ts'
import { makeCity, makeEntry, startAt } from '../help/line.ts'

const here = { lon: 120.7, lat: 30.7 }
/** Degrees of latitude in a metre: 1 / 111,195. */
const metreDeg = 1 / 111_195

/** A city of units U1 to U4 (odd in 330411, even in 330402) with a hand that says things and a clock. */
function makeHouse() {
  const world = createWorld()
  const touched = createTouched()
  let now = startAt
  let seq = 0
  const put = (entry: Entry) => {
    entry.seq = world.seq + 1
    entry.loggedAt = now
    return advance(world, entry, touched)
  }
  for (const entry of makeCity(4)) put(entry)
  const say = <K extends Kind>(kind: K, body: BodyInputOf<K>, more: Partial<Entry> & { at?: number } = {}) => {
    const { at = now, ...rest } = more
    const outcome = put(
      makeEntry(kind, 'desk:甲', { epoch: 'x', sourceSeq: ++seq }, body, at, {
        actor: { accountId: 'a', name: '甲', roles: ['dispatcher'], regions: ['330400'] },
        ...rest,
      } as Partial<Entry>),
    )
    return outcome.result === 'done' ? 'done' : outcome.code
  }
  const open = (incidentId: string, regionCode = '330402', more: Partial<Entry> = {}) =>
    say('incident.opened', { incidentId, level: 2, regionCode, ...here }, more)
  return {
    world,
    say,
    open,
    turn: (ms: number) => {
      now += ms
    },
    now: () => now,
    unit: (unitId: string) => world.units.get(unitId)!,
    incident: (incidentId: string) => world.incidents.get(incidentId)!,
  }
}

const stamp = (name: string, source: StampView['source'], at: number, more: Partial<StampView> = {}): StampView => ({
  stamp: name,
  source,
  at,
  unitId: 'U1',
  ...more,
})

test('TASK-2 which stamp counts: the newest edit, else the first key, else auto, else GPS; missing is missing', () => {
  const gps = stamp('on-scene', 'gps', 1)
  const auto = stamp('on-scene', 'auto', 2)
  const key = stamp('on-scene', 'key', 3)
  const again = stamp('on-scene', 'key', 9)
  const older = stamp('on-scene', 'edit', 5, { enteredAt: 10 })
  const newer = stamp('on-scene', 'edit', 4, { enteredAt: 11 })
  assert.equal(chooseStamp([gps], 'on-scene', 'U1'), gps)
  assert.equal(chooseStamp([gps, auto], 'on-scene', 'U1'), auto)
  assert.equal(chooseStamp([again, gps, auto, key], 'on-scene', 'U1'), key)
  assert.equal(chooseStamp([gps, auto, key, older, newer], 'on-scene', 'U1'), newer)
  assert.equal(chooseStamp([gps, auto, key], 'loaded', 'U1'), undefined)
  assert.equal(chooseStamp([gps, auto, key], 'on-scene', 'U2'), undefined)
  // Of several units the case counts the first by the stamps that count for each.
  const second = stamp('on-scene', 'key', 2, { unitId: 'U2' })
  assert.equal(chooseStamp([gps, key, second], 'on-scene'), second)
  const ring = stamp('ring', 'auto', -7, { unitId: undefined })
  assert.equal(measureStep([ring, key], 'ring', 'on-scene', 'U1'), 10)
  assert.equal(measureStep([key], 'ring', 'on-scene', 'U1'), undefined)
  assert.deepEqual(
    stampChain.map(row => row.t),
    Array.from({ length: 15 }, (_, t) => t),
  )
  for (const name of [...chainStamps, ...Object.keys(otherStamps)])
    for (const language of ['zh', 'en'] as const) assert.notEqual(nameStamp(name, language), '')
  assert.equal(nameStamp('nobody-knows', 'zh'), 'nobody-knows')
})

test('TASK-3 a whole run stamps t2 to t14 for the unit, each once, with its source; an edit is added beside', () => {
  const house = makeHouse()
  house.open('I1')
  house.say('incident.unitAssigned', { incidentId: 'I1', unitId: 'U1' })
  const steps: [Kind, Record<string, unknown>][] = [
    ['unit.taskAcknowledged', { incidentId: 'I1', by: 'key' }],
    ['unit.status', { status: 'rolling', by: 'key' }],
    ['unit.status', { status: 'on-scene', by: 'key' }],
    ['incident.stamped', { incidentId: 'I1', stamp: 'patient-contact', by: 'key' }],
    ['unit.status', { status: 'loaded', by: 'key' }],
    ['incident.stamped', { incidentId: 'I1', stamp: 'departed', by: 'gps' }],
    ['unit.status', { status: 'at-hospital', by: 'key' }],
    ['unit.status', { status: 'handover', by: 'key' }],
    ['incident.stamped', { incidentId: 'I1', stamp: 'handed-over', by: 'key' }],
    ['unit.status', { status: 'returning', by: 'key', incidentId: 'I1' }],
    ['unit.status', { status: 'idle', by: 'key', incidentId: 'I1' }],
  ]
  for (const [kind, body] of steps) {
    house.turn(60_000)
    assert.equal(house.say(kind, { unitId: 'U1', ...body } as never), 'done', `${kind} ${JSON.stringify(body)}`)
  }
  const { stamps } = house.incident('I1')
  const unitSteps = stampChain.filter(row => row.per === 'unit').map(row => row.stamp)
  for (const [at, name] of unitSteps.entries()) {
    assert.equal(chooseStamp(stamps, name, 'U1')?.at, startAt + at * 60_000, name)
    assert.equal(stamps.filter(row => row.stamp === name).length, 1, name)
  }
  assert.equal(house.unit('U1').incidentId, undefined)
  // The shift leader adds a time; the key's stays.
  const before = stamps.length
  const edit = { incidentId: 'I1', unitId: 'U1', stamp: 'rolling' as const, reason: '录音核对' }
  assert.equal(house.say('incident.stampEdited', { ...edit, at: startAt + 90_000 }), 'done')
  assert.equal(house.say('incident.stampEdited', { ...edit, at: house.now() + 1 }), 'STAMP_IN_FUTURE')
  const after = house.incident('I1').stamps
  assert.equal(after.length, before + 1)
  assert.equal(chooseStamp(after, 'rolling', 'U1')?.at, startAt + 90_000)
  assert.equal(chooseStamp(after, 'rolling', 'U1')?.reason, '录音核对')
  assert.ok(after.some(row => row.stamp === 'rolling' && row.source === 'key'))
})

test('TASK-4 rolling implies confirmed and free implies handed over, marked auto; a key from a dead spot is marked offline', () => {
  const house = makeHouse()
  house.open('I1')
  house.say('incident.unitAssigned', { incidentId: 'I1', unitId: 'U1' })
  house.turn(600_000)
  house.say('unit.status', { unitId: 'U1', status: 'rolling', by: 'key' }, { at: startAt + 30_000 })
  house.say('unit.status', { unitId: 'U1', status: 'handover', by: 'key' })
  house.turn(1_000)
  house.say('unit.status', { unitId: 'U1', status: 'idle', by: 'key' })
  const find = (name: string) => house.incident('I1').stamps.find(row => row.stamp === name)
  assert.equal(find('acknowledged')?.source, 'auto')
  assert.equal(find('acknowledged')?.at, startAt + 30_000)
  assert.equal(find('rolling')?.offline, true)
  assert.equal(find('handover')?.offline, undefined)
  assert.equal(find('handed-over')?.source, 'auto')
  assert.equal(find('returning')?.source, 'auto')
  assert.equal(find('idle')?.source, 'key')
})

test('TASK-5 the next task begins by itself when the active one ends, carries its confirmation, and may not be withdrawn after it', () => {
  const house = makeHouse()
  for (const id of ['I1', 'I2', 'I3']) house.open(id)
  house.say('incident.unitAssigned', { incidentId: 'I1', unitId: 'U1' })
  assert.equal(house.say('incident.unitQueued', { incidentId: 'I2', unitId: 'U1' }), 'done')
  assert.equal(house.say('incident.unitQueued', { incidentId: 'I3', unitId: 'U1' }), 'NEXT_TAKEN')
  assert.equal(house.say('incident.closed', { incidentId: 'I2', outcome: 'cancelled' }), 'INCIDENT_BUSY')
  assert.equal(house.say('incident.nextWithdrawn', { incidentId: 'I2', unitId: 'U1', reason: 'x' }), 'done')
  assert.equal(house.say('incident.unitQueued', { incidentId: 'I3', unitId: 'U1' }), 'done')
  house.say('unit.taskAcknowledged', { unitId: 'U1', incidentId: 'I3', by: 'key' })
  assert.equal(
    house.say('incident.nextWithdrawn', { incidentId: 'I3', unitId: 'U1', reason: 'x' }),
    'NEXT_ACKNOWLEDGED',
  )
  house.turn(60_000)
  house.say('unit.status', { unitId: 'U1', status: 'returning', by: 'key', incidentId: 'I1' })
  const unit = house.unit('U1')
  assert.deepEqual([unit.incidentId, unit.nextIncidentId, unit.status], ['I3', undefined, 'ordered'])
  assert.deepEqual(house.incident('I3').unitIds, ['U1'])
  assert.deepEqual(house.incident('I3').nextUnitIds, [])
  assert.equal(chooseStamp(house.incident('I3').stamps, 'ordered', 'U1')?.source, 'auto')
  assert.equal(unit.acknowledgedAt, house.now())
  // A unit that breaks down gives its next task back, at the head of its level.
  assert.equal(house.say('incident.unitQueued', { incidentId: 'I2', unitId: 'U1' }), 'done')
  house.turn(1_000)
  house.say('unit.status', { unitId: 'U1', status: 'unavailable', by: 'key' })
  assert.equal(house.unit('U1').nextIncidentId, undefined)
  assert.equal(house.incident('I2').requeuedAt, house.now())
  // Queued behind nothing it simply starts.
  assert.equal(house.say('incident.unitQueued', { incidentId: 'I2', unitId: 'U3' }), 'done')
  assert.deepEqual([house.unit('U3').incidentId, house.incident('I2').requeuedAt], ['I2', undefined])
})

test('TASK-6 a unit on its way is diverted; the case it leaves stands at the head of its level; at the scene it is too late', () => {
  const house = makeHouse()
  for (const id of ['I1', 'I2']) house.open(id)
  house.say('incident.unitAssigned', { incidentId: 'I1', unitId: 'U1' })
  house.turn(1_000)
  house.say('unit.status', { unitId: 'U1', status: 'rolling', by: 'key' })
  const divert = { incidentId: 'I2', fromIncidentId: 'I1', unitId: 'U1', reason: '心搏骤停' }
  assert.equal(house.say('incident.unitDiverted', divert, { expects: { unit: 1 } }), 'VERSION_STALE')
  assert.equal(house.say('incident.unitDiverted', divert), 'done')
  assert.equal(house.say('incident.unitDiverted', divert), 'UNIT_TAKEN')
  assert.deepEqual([house.unit('U1').incidentId, house.unit('U1').status], ['I2', 'ordered'])
  assert.equal(house.unit('U1').acknowledgedAt, undefined, 'the crew confirms anew')
  assert.equal(house.incident('I1').requeuedAt, house.now())
  assert.equal(house.incident('I1').stamps.find(row => row.stamp === 'diverted')?.reason, '心搏骤停')
  house.turn(20_000)
  house.say('unit.status', { unitId: 'U1', status: 'on-scene', by: 'key' })
  const back = { incidentId: 'I1', fromIncidentId: 'I2', unitId: 'U1', reason: 'x' }
  assert.equal(house.say('incident.unitDiverted', back), 'UNIT_BEYOND_DIVERSION')
})

test('TASK-7 merge keeps both records and moves calls and runs; split takes them apart; a closed case is reopened as a new one', () => {
  const house = makeHouse()
  for (const callId of ['C1', 'C2']) house.say('call.received', { callId, regionCode: '330402' })
  house.say('incident.opened', { incidentId: 'I1', callIds: ['C1'], level: 3, regionCode: '330402', ...here })
  house.say('incident.opened', { incidentId: 'I2', callIds: ['C2'], level: 2, regionCode: '330402', ...here })
  house.say('incident.unitAssigned', { incidentId: 'I2', unitId: 'U1' })
  assert.equal(house.say('incident.merged', { incidentId: 'I1', mergedId: 'I1' }), 'INCIDENT_SAME')
  assert.equal(house.say('incident.merged', { incidentId: 'I1', mergedId: 'I2', reason: '同一事故' }), 'done')
  const kept = house.incident('I1')
  const merged = house.incident('I2')
  assert.deepEqual([kept.callIds, kept.unitIds, kept.level], [['C1', 'C2'], ['U1'], 2])
  assert.deepEqual([merged.state, merged.outcome, merged.mergedInto, merged.unitIds], ['closed', 'merged', 'I1', []])
  assert.deepEqual(kept.mergedFrom, ['I2'])
  assert.equal(house.unit('U1').incidentId, 'I1')
  assert.ok(chooseStamp(kept.stamps, 'ordered', 'U1'), 'the run is whole in the record that is served')
  assert.ok(chooseStamp(merged.stamps, 'ordered', 'U1'), 'and stays where it was said')
  assert.equal(house.world.calls.get('C2')!.incidentId, 'I1')

  const part = { incidentId: 'I1', newIncidentId: 'I3', level: 1, regionCode: '330411', ...here }
  assert.equal(house.say('incident.split', { ...part, callIds: ['C9'] }), 'CALL_UNKNOWN')
  assert.equal(house.say('incident.split', { ...part, unitIds: ['U2'] }), 'UNIT_NOT_ASSIGNED')
  assert.equal(house.say('incident.split', { ...part, callIds: ['C2'], unitIds: ['U1'] }), 'done')
  const split = house.incident('I3')
  assert.deepEqual([split.callIds, split.unitIds, split.splitFrom], [['C2'], ['U1'], 'I1'])
  assert.deepEqual([house.incident('I1').splitInto, house.incident('I1').unitIds], [['I3'], []])
  assert.equal(house.unit('U1').incidentId, 'I3')

  assert.equal(
    house.say('incident.reopened', { incidentId: 'I1', newIncidentId: 'I4', level: 2, reason: 'x' }),
    'INCIDENT_OPEN',
  )
  assert.equal(house.say('incident.cancelled', { incidentId: 'I1', cause: 'caller-withdrew' }), 'done')
  assert.equal(house.incident('I1').closeReason, 'caller-withdrew')
  assert.equal(
    house.say('incident.reopened', { incidentId: 'I1', newIncidentId: 'I4', level: 2, reason: '再次来电' }),
    'done',
  )
  assert.deepEqual([house.incident('I4').reopenedFrom, house.incident('I1').reopenedAs], ['I1', 'I4'])
  assert.equal(house.incident('I1').state, 'closed')
  // A case with the patient on board is not cancelled; with units on the way it frees them.
  house.turn(1_000)
  house.say('unit.status', { unitId: 'U1', status: 'loaded', by: 'key' })
  assert.equal(house.say('incident.cancelled', { incidentId: 'I3', cause: 'false-call' }), 'INCIDENT_BUSY')
  house.say('incident.unitAssigned', { incidentId: 'I4', unitId: 'U2' })
  assert.equal(house.say('incident.cancelled', { incidentId: 'I4', cause: 'false-call' }), 'done')
  assert.deepEqual([house.unit('U2').incidentId, house.unit('U2').status], [undefined, 'returning'])
})

test('CENTRE-1 an offer shows the case to the other centre; taken it owns it; refused or withdrawn nothing changes hands', () => {
  const house = makeHouse()
  const actor = (name: string, region: string): Partial<Entry> => ({
    actor: { accountId: name, name, roles: ['dispatcher'], regions: [region] },
  })
  const south = actor('南', '330402')
  const north = actor('北', '330411')
  house.open('I1', '330402', south)
  assert.equal(house.incident('I1').ownerCode, '330402')
  const seesOf = (region: string) => {
    const principal = {
      type: 'account',
      accountId: 'x',
      sessionId: 's',
      name: 'x',
      roles: ['dispatcher'],
      unitIds: [],
    } as const
    const sight = createSight({ ...principal, regions: [region] }, house.world)
    return sight.sees('incidents', house.incident('I1'))
  }
  /** What the door says to a county's desk about this case. */
  const atDoor = (region: string, kind: Kind, body: Record<string, unknown>) => {
    const covers = (code: string) => {
      for (let at: string | undefined = code; at; at = house.world.regions.get(at)?.parentCode)
        if (at === region) return true
      return false
    }
    const answer = admit(
      { kind, uuid: crypto.randomUUID(), occurredAt: house.now(), body },
      {
        now: house.now(),
        receivedAt: house.now(),
        world: house.world,
        speaker: { source: 'desk:x', isRelay: false, judge: () => undefined, covers },
      },
    )
    return 'code' in answer ? answer.code : 'admitted'
  }
  assert.equal(seesOf('330411'), false)
  assert.equal(atDoor('330411', 'incident.noted', { incidentId: 'I1', note: 'x' }), 'REGION_FOREIGN')
  const offer = { incidentId: 'I1', toCode: '330411', reason: '更近' }
  assert.equal(house.say('incident.transferOffered', { ...offer, toCode: '330402' }, south), 'TRANSFER_SAME')
  assert.equal(house.say('incident.transferOffered', { ...offer, toCode: '999999' }, south), 'REGION_UNKNOWN')
  assert.equal(house.say('incident.transferAccepted', { incidentId: 'I1' }, north), 'TRANSFER_UNKNOWN')
  assert.equal(house.say('incident.transferOffered', offer, south), 'done')
  assert.equal(house.say('incident.transferOffered', offer, south), 'TRANSFER_PENDING')
  assert.equal(seesOf('330411'), true)
  assert.equal(atDoor('330411', 'incident.noted', { incidentId: 'I1', note: 'x' }), 'admitted')
  assert.equal(atDoor('330411', 'incident.levelChanged', { incidentId: 'I1', level: 1 }), 'INCIDENT_FOREIGN')
  assert.equal(house.say('incident.transferRefused', { incidentId: 'I1', reason: '无车' }, north), 'done')
  assert.equal(seesOf('330411'), false)
  assert.equal(house.incident('I1').ownerCode, '330402')
  house.say('incident.transferOffered', offer, south)
  assert.equal(house.say('incident.transferWithdrawn', { incidentId: 'I1' }, south), 'done')
  house.say('incident.transferOffered', offer, south)
  house.turn(5_000)
  assert.equal(house.say('incident.transferAccepted', { incidentId: 'I1' }, south), 'TRANSFER_OWN')
  assert.equal(house.say('incident.transferRefused', { incidentId: 'I1', reason: 'x' }, south), 'TRANSFER_OWN')
  assert.equal(house.say('incident.transferAccepted', { incidentId: 'I1' }, north), 'done')
  const taken = house.incident('I1')
  assert.deepEqual([taken.ownerCode, taken.transfer, taken.visibleTo], ['330411', undefined, ['330411', '330402']])
  assert.equal(atDoor('330411', 'incident.levelChanged', { incidentId: 'I1', level: 1 }), 'admitted')
  assert.equal(atDoor('330402', 'incident.levelChanged', { incidentId: 'I1', level: 1 }), 'INCIDENT_FOREIGN')
  assert.equal(atDoor('330402', 'incident.noted', { incidentId: 'I1', note: 'x' }), 'admitted')
  assert.equal(atDoor('330400', 'incident.levelChanged', { incidentId: 'I1', level: 1 }), 'admitted')
  const offered = taken.stamps.findLast(row => row.stamp === 'transfer-offered')!
  const accepted = taken.stamps.find(row => row.stamp === 'transfer-accepted')!
  assert.equal(accepted.at - offered.at, 5_000)
})

test('CENTRE-2 a neighbour that is asked sends one of its own units or says no; the asker then guides that unit', () => {
  const house = makeHouse()
  house.open('I1', '330402')
  assert.equal(house.say('incident.aidRefused', { incidentId: 'I1', ofCode: '330411', reason: 'x' }), 'AID_UNKNOWN')
  const ask = { incidentId: 'I1', ofCode: '330411', reason: '无空闲车' }
  assert.equal(house.say('incident.aidAsked', ask), 'done')
  assert.equal(house.say('incident.aidAsked', ask), 'TRANSFER_PENDING')
  assert.equal(house.say('incident.aidRefused', { incidentId: 'I1', ofCode: '330411', reason: '均在任务' }), 'done')
  assert.deepEqual(house.incident('I1').visibleTo, [])
  house.say('incident.aidAsked', ask)
  assert.equal(house.say('incident.unitAssigned', { incidentId: 'I1', unitId: 'U1' }), 'done')
  assert.equal(house.incident('I1').aid!.at(-1)!.unitId, 'U1')
  assert.equal(house.incident('I1').aid![0]!.refused, '均在任务')
  const principal = {
    type: 'account',
    accountId: 'x',
    sessionId: 's',
    name: 'x',
    roles: ['dispatcher'],
    unitIds: [],
  } as const
  const sight = createSight({ ...principal, regions: ['330402'] }, house.world)
  assert.equal(sight.sees('units', house.unit('U1')), true, 'seen while it serves')
  assert.equal(sight.sees('units', house.unit('U3')), false)
  house.turn(1_000)
  house.say('incident.unitReleased', { incidentId: 'I1', unitId: 'U1', reason: 'x' })
  assert.equal(sight.sees('units', house.unit('U1')), false)
})

test('TASK-8 shifts, distress and moves: what does not hold is refused, a cap of moves a shift is kept, home is always allowed', () => {
  const house = makeHouse()
  const shift = { unitId: 'U1', shiftId: 'D1', startsAt: startAt - 3_600_000, endsAt: startAt + 3_600_000, crew: [] }
  assert.equal(house.say('crew.assigned', { ...shift, endsAt: shift.startsAt }), 'SHIFT_INVALID')
  assert.equal(
    house.say('crew.assigned', { ...shift, breaks: [{ from: startAt, to: startAt + 9_000_000 }] }),
    'SHIFT_INVALID',
  )
  assert.equal(house.say('crew.assigned', { ...shift, crew: [{ role: 'driver', name: '王' }] }), 'done')
  assert.equal(house.say('crew.assigned', { ...shift, crew: [{ role: 'driver', name: '李' }] }), 'done')
  assert.deepEqual(
    house.unit('U1').shifts!.map(each => each.crew[0]!.name),
    ['李'],
  )
  assert.equal(house.say('unit.distressAcknowledged', { unitId: 'U1' }), 'DISTRESS_UNKNOWN')
  house.say('unit.distressed', { unitId: 'U1' })
  house.turn(4_000)
  house.say('unit.distressed', { unitId: 'U1' })
  assert.equal(house.say('unit.distressAcknowledged', { unitId: 'U1' }), 'done')
  assert.deepEqual(house.unit('U1').distress, { at: startAt, acknowledgedAt: startAt + 4_000, acknowledgedBy: '甲' })
  house.say('unit.distressEnded', { unitId: 'U1' })
  assert.equal(house.unit('U1').distress, undefined)

  const base = (placeId: string, placeKind: 'station' | 'standby' | 'hospital') =>
    house.say('place.registered', { placeId, placeKind, name: placeId, regionCode: '330402', ...here })
  base('S1', 'station')
  base('P1', 'standby')
  base('P2', 'standby')
  house.say('unit.registered', {
    unitId: 'U2',
    name: 'U2',
    unitClass: 'B',
    regionCode: '330402',
    stationId: 'S1',
    baseIds: ['P1'],
  })
  assert.equal(house.say('unit.moveOrdered', { unitId: 'U2', placeId: 'P2' }), 'BASE_NOT_ALLOWED')
  assert.equal(house.say('unit.moveOrdered', { unitId: 'U2', placeId: 'P9' }), 'PLACE_UNKNOWN')
  assert.equal(house.say('region.modeChanged', { regionCode: '330402', mode: 'command', movesPerShiftMax: 1 }), 'done')
  assert.equal(house.say('unit.moveOrdered', { unitId: 'U2', placeId: 'P1' }), 'done')
  assert.deepEqual([house.unit('U2').baseId, house.unit('U2').status, house.unit('U2').moves], ['P1', 'returning', 1])
  assert.equal(house.say('unit.moveOrdered', { unitId: 'U2', placeId: 'S1' }), 'done')
  assert.equal(house.unit('U2').baseId, undefined)
  assert.equal(house.say('unit.moveOrdered', { unitId: 'U2', placeId: 'P1' }), 'MOVES_EXHAUSTED')
  house.turn(24 * 3_600_000)
  assert.equal(house.say('unit.moveOrdered', { unitId: 'U2', placeId: 'P1' }), 'done', 'another day, another count')
  assert.equal(house.world.regions.get('330402')!.mode, 'command')
})

test('TASK-9 hospitals: an older report moves nothing, a diversion ends within two hours, notices are confirmed by name', () => {
  const house = makeHouse()
  house.say('place.registered', { placeId: 'H1', placeKind: 'hospital', name: 'H1', regionCode: '330402', ...here })
  house.say('place.registered', { placeId: 'S1', placeKind: 'station', name: 'S1', regionCode: '330402', ...here })
  assert.equal(house.say('hospital.stateReported', { placeId: 'S1', edState: 'open' }), 'NOT_A_HOSPITAL')
  const diversion = (until: number) => [{ service: 'emergency' as const, reason: '急诊满员', until }]
  const report = { placeId: 'H1', edState: 'busy' as const, diversions: diversion(startAt + 3_600_000) }
  assert.equal(
    house.say('hospital.stateReported', { ...report, diversions: diversion(startAt + 3 * 3_600_000) }),
    'DIVERSION_INVALID',
  )
  assert.equal(house.say('hospital.stateReported', report), 'done')
  assert.equal(house.say('hospital.stateReported', { placeId: 'H1', edState: 'open' }, { at: startAt - 1 }), 'done')
  assert.equal(house.world.places.get('H1')!.hospital!.edState, 'busy')
  house.say('place.registered', { placeId: 'H1', placeKind: 'hospital', name: '一院', regionCode: '330402', ...here })
  assert.equal(
    house.world.places.get('H1')!.hospital!.edState,
    'busy',
    'a renewed register keeps what the hospital said',
  )

  house.open('I1')
  const notice = { placeId: 'H1', incidentId: 'I1', unitId: 'U1' }
  assert.equal(house.say('hospital.notified', notice), 'UNIT_NOT_ASSIGNED')
  house.say('incident.unitAssigned', { incidentId: 'I1', unitId: 'U1' })
  assert.equal(house.say('hospital.noticeAcknowledged', notice), 'NOTICE_UNKNOWN')
  assert.equal(house.say('hospital.notified', notice), 'done')
  assert.equal(house.unit('U1').destinationId, 'H1')
  house.turn(9_000)
  assert.equal(house.say('hospital.noticeAcknowledged', notice), 'done')
  assert.equal(house.incident('I1').notices![0]!.acknowledgedBy, '甲')
})

test('TASK-10 fixes suggest a step and stamp it as GPS; the status waits for a key', () => {
  const house = makeHouse()
  const fix = (metres: number, speedKmh = 0) =>
    house.say('unit.position', { unitId: 'U1', lon: here.lon, lat: here.lat + metres * metreDeg, speedKmh })
  house.open('I1')
  fix(2_000)
  house.say('incident.unitAssigned', { incidentId: 'I1', unitId: 'U1' })
  house.turn(30_000)
  fix(1_950)
  assert.equal(house.unit('U1').suggestion, undefined, 'a yard is not left by 50 m')
  house.turn(5_000)
  fix(1_800, 40)
  assert.equal(house.unit('U1').suggestion?.status, 'rolling')
  assert.equal(house.unit('U1').status, 'ordered', 'shown, not applied')
  house.say('unit.status', { unitId: 'U1', status: 'rolling', by: 'gps' })
  assert.equal(house.unit('U1').suggestion, undefined)
  house.turn(120_000)
  fix(60)
  const stoppedAt = house.now()
  house.turn(15_000)
  fix(62)
  assert.equal(house.unit('U1').suggestion, undefined, 'a red light is no arrival')
  house.turn(10_000)
  fix(58)
  assert.deepEqual(house.unit('U1').suggestion, { status: 'on-scene', at: stoppedAt })
  const arrival = chooseStamp(house.incident('I1').stamps, 'on-scene', 'U1')
  assert.deepEqual([arrival?.source, arrival?.at], ['gps', stoppedAt])
  house.turn(40_000)
  house.say('unit.status', { unitId: 'U1', status: 'on-scene', by: 'key' })
  assert.equal(chooseStamp(house.incident('I1').stamps, 'on-scene', 'U1')?.source, 'key')
})
