/**
 * One suite for every log: memory, native PostgreSQL, embedded TimescaleDB. What goes in comes back the same, twice is once,
 * the chain verifies and finds each kind of tampering, and a rebuilt world equals the live one.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Entry } from '#contract/entry.ts'
import { type BodyInputOf, type Kind, kindNames, kinds } from '#contract/entry.ts'
import { migrate } from '../../server/database/migrate.ts'
import { type Database, isDataFault, openDatabase } from '../../server/database/pool.ts'
import { rebuildWorld } from '../../server/log/boot.ts'
import { canonicaliseEntry } from '../../server/log/chain.ts'
import { hashSlices, hashWorld, parseWorld, sliceWorld } from '../../server/log/checkpoint.ts'
import { LeaseLost, type Log } from '../../server/log/log.ts'
import { createMemoryLog } from '../../server/log/memory.ts'
import { openPostgresLog, takeLease } from '../../server/log/postgres.ts'
import { verifyLog } from '../../server/operations/audit.ts'
import { defaultPacks } from '../../server/operations/default-packs.ts'
import { advance } from '../../server/pipeline.ts'
import { makeDirectory } from '../help/embedded.ts'
import { bootLine, createHandClock, makeCity, makeEntry, makeUuid, startAt } from '../help/line.ts'
import { startPostgres } from '../help/postgres.ts'

type Place = { name: string; open(): Promise<{ log: Log; database?: Database; close(): Promise<void> }> }

const places: Place[] = [
  { name: 'memory', open: async () => ({ log: createMemoryLog(), close: async () => undefined }) },
  {
    name: 'native',
    async open() {
      const server = await startPostgres()
      const database = await openDatabase({ databaseUrl: server.url, directory: '' })
      await migrate(database)
      return {
        log: await openPostgresLog(database.pool),
        database,
        close: async () => {
          await database.close()
          await server.stop()
        },
      }
    },
  },
  {
    name: 'embedded',
    async open() {
      const database = await openDatabase({ directory: makeDirectory('log') })
      await migrate(database)
      return { log: await openPostgresLog(database.pool), database, close: () => database.close() }
    },
  },
]

/** One entry of every kind, with awkward values: every optional field present somewhere. */
function makeEveryKind(): Entry[] {
  const at = startAt + 1_000
  let seq = 0
  const key = () => ({ epoch: 'every', sourceSeq: ++seq })
  const actor = { accountId: 'a1', name: '张三', roles: ['dispatcher' as const], regions: ['330400'] }
  const place = { lon: 120.123456789012, lat: 30.1 }
  const made: Entry[] = [
    makeEntry(
      'place.registered',
      's',
      key(),
      { placeId: 'F1', placeKind: 'clinic', name: '一院', nameEn: 'First', regionCode: '330402', ...place },
      at,
    ),
    makeEntry(
      'unit.position',
      's',
      key(),
      { unitId: 'U1', ...place, speedKmh: 0.1 + 0.2, courseDeg: 359.9, altitudeM: -3.5, accuracyM: 5 },
      at,
    ),
    makeEntry('unit.position', 's', key(), { unitId: 'U2', lon: 0, lat: -89.999999999 }, at),
    makeEntry('unit.position', 's', { uuid: makeUuid() }, { unitId: 'U2', ...place }, at, { actor }),
    makeEntry(
      'unit.vitals',
      's',
      key(),
      {
        unitId: 'U1',
        incidentId: 'I1',
        hrPerMin: 61.5,
        spo2Pct: 97,
        rrPerMin: 12,
        sbpMmHg: 120,
        dbpMmHg: 80,
        mapMmHg: 93.3,
        tempC: 36.6,
      },
      at,
    ),
    makeEntry('unit.vitals', 's', key(), { unitId: 'U1' }, at),
    makeEntry('clock.ticked', 's', key(), { gapMs: 1_000, boundary: 'none' }, at),
    makeEntry('unit.status', 's', key(), { unitId: 'U1', status: 'rolling', by: 'gps' }, at),
    makeEntry(
      'call.received',
      's',
      key(),
      {
        callId: 'C1',
        regionCode: '330402',
        ...place,
        level: 2,
        complaint: { code: 'cough', syndrome: 'respiratory', dictionary: 'd' },
        ageBand: '60+',
        sex: 'female',
        callerNumber: 'sealed:v1:x',
        callKind: 'internet',
        channel: 'internet',
        radiusM: 35.5,
        positionSource: 'browser',
        numberHash: '0123456789abcdef0123456789abcdef',
        isVerified: false,
        isOverLimit: true,
      },
      at,
    ),
    makeEntry('call.answered', 's', key(), { callId: 'C1', seat: '8001 / 二号台' }, at),
    makeEntry('call.located', 's', key(), { callId: 'C1', positionSource: 'map', ...place, radiusM: 0 }, at, { actor }),
    makeEntry(
      'call.described',
      's',
      key(),
      { callId: 'C1', callKind: 'rescue', level: 1, callerName: 'sealed:v1:y', complaintText: 'sealed:v1:z' },
      at,
      { actor },
    ),
    makeEntry('call.conferenced', 's', key(), { callId: 'C1', partyKind: 'service', party: '110' }, at),
    makeEntry('call.transferred', 's', key(), { callId: 'C1', toKind: 'centre', to: '海盐分中心' }, at),
    makeEntry('call.recorded', 's', key(), { callId: 'C1', recordingRef: 'rec/2026/11/21/C1.wav' }, at),
    makeEntry(
      'call.linked',
      's',
      key(),
      { linkId: 'L1', callId: 'C1', direction: 'out', service: '122', reference: 'X-1', caseText: 'sealed:v1:c' },
      at,
      { actor },
    ),
    makeEntry('call.linkAcknowledged', 's', key(), { linkId: 'L1', callId: 'C1', reference: 'JT-7', by: '交警' }, at),
    makeEntry('call.verified', 's', key(), { callId: 'C1' }, at),
    makeEntry('call.hungUp', 's', key(), { callId: 'C1', by: 'caller' }, at),
    makeEntry('call.abandoned', 's', key(), { callId: 'C0' }, at),
    makeEntry('call.calledBack', 's', { uuid: makeUuid() }, { callId: 'C0', result: 'no-answer' }, at, { actor }),
    makeEntry('call.callbackGivenUp', 's', { uuid: makeUuid() }, { callId: 'C0', reason: '无人' }, at, { actor }),
    makeEntry('call.joined', 's', { uuid: makeUuid() }, { callId: 'C0', incidentId: 'I0', reason: '同一起' }, at, {
      actor,
    }),
    makeEntry(
      'number.marked',
      's',
      { uuid: makeUuid() },
      { callId: 'C1', isNuisance: true, reason: '骚扰', expiresAt: at + 1 },
      at,
      { actor },
    ),
    makeEntry('call.ended', 's', key(), { callId: 'C1', outcome: 'consultation' }, at),
    makeEntry(
      'incident.opened',
      's',
      { uuid: makeUuid() },
      { incidentId: 'I1', level: 1, regionCode: '330402', ...place, note: 'sealed:v1:"\\{},\n换行' },
      at,
      { actor },
    ),
    makeEntry('incident.unitAssigned', 's', { uuid: makeUuid() }, { incidentId: 'I1', unitId: 'U2' }, at, {
      actor,
      expects: { unit: 1 },
      expiresAt: at + 60_000,
    }),
    makeEntry(
      'incident.unitReleased',
      's',
      { uuid: makeUuid() },
      { incidentId: 'I1', unitId: 'U2', reason: '撤销' },
      at,
      { actor },
    ),
    makeEntry('incident.levelChanged', 's', { uuid: makeUuid() }, { incidentId: 'I1', level: 3 }, at),
    makeEntry('incident.noted', 's', { uuid: makeUuid() }, { incidentId: 'I1', note: 'sealed:v1:y' }, at),
    makeEntry('incident.closed', 's', { uuid: makeUuid() }, { incidentId: 'I1', outcome: 'cancelled' }, at),
    makeEntry(
      'count.reported',
      's',
      key(),
      {
        sourceKind: 'pharmacy',
        facilityId: 'F1',
        syndrome: 'respiratory',
        regionCode: '330402',
        period: '2026-11-20',
        count: 0,
        denominator: 10,
      },
      at,
    ),
    makeEntry(
      'report.received',
      's',
      key(),
      {
        cardId: 'K1',
        diseaseId: 'plague',
        caseClass: 'suspected',
        regionCode: '330402',
        facilityId: 'F1',
        diagnosedAt: at,
      },
      at,
    ),
    makeEntry(
      'signal.found',
      's',
      key(),
      {
        method: 'farrington',
        sourceKind: 'laboratory',
        syndrome: 'diarrhoeal',
        regionCode: '330402',
        period: '2026-11-20',
        observed: 9,
        expected: 2.5,
        pValue: 1e-9,
      },
      at,
    ),
    makeEntry('alert.acknowledged', 's', { uuid: makeUuid() }, { alertId: 'A-9' }, at),
    makeEntry('alert.noted', 's', { uuid: makeUuid() }, { alertId: 'A-9', note: '电话核实' }, at),
    makeEntry('alert.closed', 's', { uuid: makeUuid() }, { alertId: 'A-9', verdict: 'noise', reason: 'x' }, at),
    makeEntry('rule.published', 's', key(), { version: 2, rules: [] }, at),
    makeEntry(
      'calendar.published',
      's',
      key(),
      {
        version: 2,
        spans: [
          {
            fromDay: '2026-10-01',
            untilDay: '2026-10-08',
            mark: 'public-holiday',
            name: '国庆节',
            basis: '国办发明电',
          },
        ],
      },
      at,
    ),
    makeEntry(
      'history.published',
      's',
      key(),
      { diseaseId: 'hfmd', regionCode: '330402', year: 2025, weeks: Array.from({ length: 52 }, (_, n) => n % 7) },
      at,
    ),
    makeEntry('pack.published', 's', key(), defaultPacks[0]!, at),
    makeEntry(
      'incident.questioned',
      's',
      key(),
      { incidentId: 'I1', packId: 'arrest', packVersion: 1, answers: [{ questionId: 'who', answerId: 'adult' }] },
      at,
    ),
    // report cards, verification of alerts, public-health events, rosters
    makeEntry(
      'report.drafted',
      's',
      key(),
      {
        cardId: 'K2',
        diseaseId: 'hfmd',
        icd10: 'B08.4',
        regionCode: '330402',
        facilityId: 'F1',
        occupation: 'preschool-kindergarten',
        personKeys: ['i0', 'n0'],
        patientName: 'sealed:v1:z',
      },
      at,
    ),
    makeEntry('report.draftDismissed', 's', { uuid: makeUuid() }, { cardId: 'K2', reason: '非病例' }, at, { actor }),
    makeEntry('report.corrected', 's', key(), { cardId: 'K1', reason: '更正', onsetDay: '2026-11-20' }, at, { actor }),
    makeEntry('report.reviewed', 's', { uuid: makeUuid() }, { cardId: 'K1', decision: 'accepted' }, at, {
      actor,
      expects: { card: 2 },
    }),
    makeEntry('report.retracted', 's', key(), { cardId: 'K1', reason: '误报' }, at, { actor }),
    makeEntry('report.limitsPublished', 's', key(), { version: 1, urgent: { fileS: 3_600, reviewS: 7_200 } }, at),
    makeEntry(
      'alert.verified',
      's',
      { uuid: makeUuid() },
      { alertId: 'A-9', verdict: 'confirmed', reason: 'x', grade: 4 },
      at,
    ),
    makeEntry('alert.shelved', 's', { uuid: makeUuid() }, { alertId: 'A-9', until: at + 1, reason: 'x' }, at),
    makeEntry('alert.reopened', 's', { uuid: makeUuid() }, { alertId: 'A-9', reason: 'x' }, at),
    makeEntry(
      'alert.closureProposed',
      's',
      { uuid: makeUuid() },
      { alertId: 'A-9', verdict: 'false', reason: 'x' },
      at,
    ),
    makeEntry('alert.closureConfirmed', 's', { uuid: makeUuid() }, { alertId: 'A-9' }, at, { actor }),
    makeEntry(
      'event.opened',
      's',
      { uuid: makeUuid() },
      { eventId: 'E-1', regionCode: '330402', diseaseId: 'plague', reason: '聚集' },
      at,
      { actor },
    ),
    makeEntry('event.alertAdded', 's', { uuid: makeUuid() }, { eventId: 'E-1', alertId: 'A-9' }, at),
    makeEntry('event.graded', 's', { uuid: makeUuid() }, { eventId: 'E-1', grade: 1, reason: 'x' }, at, { actor }),
    makeEntry('event.reported', 's', { uuid: makeUuid() }, { eventId: 'E-1', report: 'initial' }, at, {
      actor,
      expects: { event: 2 },
    }),
    makeEntry('event.closed', 's', { uuid: makeUuid() }, { eventId: 'E-1', reason: '终止' }, at),
    makeEntry(
      'roster.published',
      's',
      key(),
      {
        regionCode: '330402',
        version: 1,
        shifts: [{ role: 'epidemiologist', accountId: 'a1', contactRef: 'b1', fromAt: at, untilAt: at + 1 }],
        quietHours: [{ from: '22:00', until: '06:00', fromLevel: 3 }],
      },
      at,
    ),
    ...(
      [
        ['shift.handoverOffered', { handoverId: 'H-1', regionCode: '330402', note: '说明' }],
        ['shift.handedOver', { handoverId: 'H-1', regionCode: '330402', note: '已核对' }],
        ['shift.handoverWithdrawn', { handoverId: 'H-1', regionCode: '330402', reason: '重做' }],
        ['slip.rangeIssued', { rangeId: 'R-1', regionCode: '330402', seat: '1 席', count: 20 }],
        [
          'slip.entered',
          {
            slipNo: 3,
            incidentId: 'I-P3',
            callId: 'C-P3',
            level: 2,
            regionCode: '330402',
            ...place,
            stamps: [
              { stamp: 'ring', at },
              { stamp: 'ordered', at, unitId: 'U1' },
            ],
            outcome: 'transported',
            complaint: { code: 'desk.trauma', syndrome: 'trauma', dictionary: 'desk' },
            complaintText: 'sealed:v1:a',
            addressText: 'sealed:v1:b',
            note: 'sealed:v1:c',
          },
        ],
        [
          'review.sheetPublished',
          {
            version: 2,
            passShare: 0.8,
            items: [{ itemId: 'a', group: 'answer', zh: '接听', en: 'answer', points: 10, isVital: true }],
          },
        ],
        ['review.requested', { incidentId: 'I1', regionCode: '330402', trigger: 'complaint', reason: '等候过久' }],
        [
          'review.scored',
          {
            reviewId: 'Q-1',
            incidentId: 'I1',
            regionCode: '330402',
            sample: 'triggered',
            triggers: ['late'],
            sheetVersion: 2,
            scores: [{ itemId: 'a', points: 7.5 }],
            subject: '李四',
            comment: '评语',
          },
        ],
        ['review.appealed', { reviewId: 'Q-1', regionCode: '330402', reason: '录音可证' }],
        [
          'review.decided',
          {
            reviewId: 'Q-1',
            regionCode: '330402',
            verdict: 'changed',
            reason: '复听',
            scores: [{ itemId: 'a', points: 10 }],
          },
        ],
      ] as const
    ).map(([kind, body]) => makeEntry(kind, 's', { uuid: makeUuid() }, body as never, at, { actor })),
    makeEntry('page.attempted', 's', key(), { pageId: 'P-1', channel: 'sms', attempt: 1, result: 'dry' }, at),
    makeEntry('page.receipted', 's', key(), { pageId: 'P-1', channel: 'sms' }, at),
    makeEntry('record.viewed', 's', key(), { recordKind: 'call', recordId: 'C1', fields: ['callerNumber'] }, at, {
      actor,
    }),
    makeEntry('person.forgotten', 's', key(), { recordKind: 'call', recordId: 'C1', reason: '本人要求' }, at, {
      actor,
    }),
    makeEntry(
      'account.changed',
      's',
      key(),
      { accountId: 'a1', change: 'created', roles: ['crew'], regions: ['330402'] },
      at,
    ),
    makeEntry('device.changed', 's', key(), { deviceId: 'd1', change: 'revoked' }, at),
    makeEntry('entry.quarantined', 's', key(), { entrySeq: 1, kind: 'x', fault: 'y' }, at),
    ...makeDispatchKinds(key, place, at),
  ]
  return [...makeCity(4), ...made]
}

/** One entry of every kind of tasks, centres, crews, cover and hospitals. */
function makeDispatchKinds(
  key: () => { epoch: string; sourceSeq: number },
  place: { lon: number; lat: number },
  at: number,
): Entry[] {
  const [incidentId, unitId, reason] = ['I1', 'U1', '原因 "引号"\n换行']
  const bodies: { [K in Kind]?: BodyInputOf<K> } = {
    'incident.stamped': { incidentId, unitId, stamp: 'patient-contact', by: 'gps' },
    'incident.stampEdited': { incidentId, unitId, stamp: 'rolling', at: at - 1, reason },
    'incident.unitQueued': { incidentId, unitId },
    'incident.nextWithdrawn': { incidentId, unitId, reason },
    'incident.unitDiverted': { incidentId, fromIncidentId: 'I2', unitId, reason },
    'unit.taskAcknowledged': { unitId, incidentId, by: 'key' },
    'incident.cancelled': { incidentId, cause: 'drill', reason },
    'incident.merged': { incidentId, mergedId: 'I2', reason },
    'incident.split': { incidentId, newIncidentId: 'I3', level: 2, regionCode: '330402', ...place, reason },
    'incident.reopened': { incidentId, newIncidentId: 'I4', level: 2, reason },
    'incident.overrideReasoned': { incidentId, unitId, rank: 2, advisedUnitId: 'U2', cause: 'other', note: reason },
    'incident.massDeclared': { incidentId, expected: 10_000, reserveLifted: true },
    'incident.transferOffered': { incidentId, toCode: '330411', reason },
    'incident.transferAccepted': { incidentId },
    'incident.transferRefused': { incidentId, reason },
    'incident.transferWithdrawn': { incidentId },
    'incident.aidAsked': { incidentId, ofCode: '330411', unitClass: 'C', reason },
    'incident.aidRefused': { incidentId, ofCode: '330411', reason },
    'region.modeChanged': { regionCode: '330402', mode: 'attached', movesPerShiftMax: 0 },
    'crew.assigned': {
      unitId,
      shiftId: 'D1',
      startsAt: at,
      endsAt: at + 1,
      crew: [{ role: 'driver', name: '王五' }],
      breaks: [{ from: at, to: at + 1 }],
    },
    'unit.distressed': { unitId, ...place },
    'unit.distressAcknowledged': { unitId },
    'unit.distressEnded': { unitId, reason },
    'unit.moveOrdered': { unitId, placeId: 'F1', gain: 0.1 + 0.2 },
    'hospital.stateReported': {
      placeId: 'F1',
      edState: 'busy',
      edPatients: 0,
      beds: { icu: 0 },
      services: ['stroke'],
      diversions: [{ service: 'emergency', reason, until: at + 1 }],
    },
    'hospital.notified': { placeId: 'F1', incidentId, unitId, etaAt: at + 1 },
    'hospital.noticeAcknowledged': { placeId: 'F1', incidentId, unitId },
  }
  return Object.entries(bodies).map(([kind, body]) => makeEntry(kind as Kind, 's', key(), body as never, at))
}

for (const place of places)
  describe(`log on ${place.name}`, () => {
    let opened: Awaited<ReturnType<Place['open']>>
    let log: Log
    const clock = createHandClock()
    before(async () => {
      opened = await place.open()
      log = opened.log
    })
    after(() => opened.close())

    test(`LOG-1 every kind comes back as it went in (${place.name})`, async () => {
      const entries = makeEveryKind()
      const said = new Set(entries.map(e => e.kind))
      assert.deepEqual(
        kindNames.filter(kind => !said.has(kind)),
        [],
        'the sample holds every kind',
      )
      const line = await bootLine(log, clock, isDataFault)
      const told = await line.writer.submit(entries, () => 'live')
      assert.deepEqual(
        told.map(t => t.seq),
        entries.map((_, i) => i + 1),
      )
      const back = await log.list(0)
      assert.deepEqual(
        back.map(b => canonicaliseEntry(b.entry)),
        entries.map(canonicaliseEntry),
      )
      assert.deepEqual(
        back.map(b => JSON.parse(JSON.stringify(b.entry))),
        entries.map(e => JSON.parse(JSON.stringify(e))),
      )
      await line.writer.stop()
      for (const [i, { outcome }] of (await log.list(0)).entries()) {
        const isCommand = kinds[entries[i]!.kind].family === 'command'
        assert.equal(
          outcome?.result ?? 'none',
          told[i]!.result === 'refused' ? 'refused' : isCommand ? 'done' : 'none',
          entries[i]!.kind,
        )
      }
    })

    test(`LOG-2 twice is once; a reused key is refused; the outcome never changes (${place.name})`, async () => {
      const line = await bootLine(log, clock, isDataFault)
      const at = clock.now() + 5_000
      clock.turn(5_000)
      const fix = (n: number, lon: number) =>
        makeEntry('unit.position', 'gw', { epoch: 'e1', sourceSeq: n }, { unitId: 'U1', lon, lat: 30 }, at)
      const open = () =>
        makeEntry(
          'incident.opened',
          'desk:a',
          { uuid: makeUuid(900) },
          { incidentId: 'I900', level: 2, regionCode: '330402', lon: 120, lat: 30 },
          at,
        )
      const first = await line.writer.submit([fix(1, 120), fix(2, 121), fix(2, 121), open()])
      assert.deepEqual(
        first.map(t => t.result),
        ['done', 'done', 'done', 'done'],
      )
      assert.equal(first[2]!.repeated, true)
      assert.equal(first[2]!.seq, first[1]!.seq)
      const again = await line.writer.submit([fix(1, 120), fix(2, 99), open()])
      assert.deepEqual(
        again.map(t => [t.result, t.repeated ?? false, t.reject?.code]),
        [
          ['done', true, undefined],
          ['refused', false, 'SEQ_REUSED'],
          ['done', true, undefined],
        ],
      )
      assert.equal(again[2]!.seq, first[3]!.seq)
      // A refused command stays refused when it is sent again, even when it would now be possible.
      const assign = () =>
        makeEntry(
          'incident.unitAssigned',
          'desk:a',
          { uuid: makeUuid(901) },
          { incidentId: 'I900', unitId: 'U3' },
          at,
          { expects: { unit: 77 } },
        )
      const refused = await line.writer.submit([assign()])
      assert.equal(refused[0]!.reject?.code, 'VERSION_STALE')
      await line.writer.stop()
      const rebooted = await bootLine(log, clock, isDataFault)
      const afterBoot = await rebooted.writer.submit([assign(), fix(2, 121), fix(1, 5)])
      assert.deepEqual(
        afterBoot.map(t => t.reject?.code ?? t.repeated),
        ['VERSION_STALE', true, 'SEQ_REUSED'],
      )
      assert.equal(hashWorld(rebooted.world), hashWorld(line.world))
      await rebooted.writer.stop()
    })

    test(`LOG-3 rebuilt equals live, from a checkpoint and from the first entry (${place.name})`, async () => {
      const line = await bootLine(log, clock, isDataFault)
      for (let n = 3; n < 60; n++) {
        clock.turn(1_000)
        await line.writer.submit([
          makeEntry(
            'unit.position',
            'gw',
            { epoch: 'e1', sourceSeq: n },
            { unitId: `U${(n % 4) + 1}`, lon: 120 + n / 100, lat: 30 },
            clock.now(),
          ),
          makeEntry(
            'clock.ticked',
            'server',
            { epoch: 'e1', sourceSeq: n },
            { gapMs: 1_000, boundary: 'none' },
            clock.now(),
          ),
        ])
        if (n === 30) {
          const slices = [...sliceWorld(line.world)]
          assert.equal(hashWorld(parseWorld(slices, hashSlices(slices))), hashWorld(line.world))
          await log.saveCheckpoint({ seq: line.world.seq, eraNo: 1, coreVersion: 1, hash: hashSlices(slices), slices })
        }
      }
      await line.writer.stop()
      const fromCheckpoint = await rebuildWorld(log, advance)
      const fromFirst = await rebuildWorld(log, advance, true)
      assert.ok(fromCheckpoint.fromCheckpointSeq > 0 && fromCheckpoint.replayed < fromFirst.replayed)
      assert.equal(hashWorld(fromCheckpoint.world), hashWorld(line.world))
      assert.equal(hashWorld(fromFirst.world), hashWorld(line.world))
    })

    test(`LOG-4 the chain verifies (${place.name})`, async () => {
      const result = await verifyLog(log)
      assert.deepEqual(result.findings, [])
      assert.equal(result.entries, (await log.getHead()).seq)
    })

    if (place.name !== 'memory') {
      test(`LOG-5 audit finds edit, deletion, reordering and truncation (${place.name})`, async () => {
        const { pool } = opened.database!
        const head = await log.getHead()
        const anchor = { commitNo: head.commitNo, hash: head.hash }
        const tampered = async (what: string, change: string, undo: string, expected: string) => {
          await pool.query(change)
          const problems = (await verifyLog(log, [anchor])).findings.map(f => f.problem)
          assert.ok(problems.includes(expected as never), `${what}: ${problems.join(', ') || 'nothing found'}`)
          await pool.query(undo)
          assert.deepEqual((await verifyLog(log, [anchor])).findings, [], `${what} undone`)
        }
        await tampered(
          'edited position',
          "UPDATE position SET lon = lon + 0.00001 WHERE source_seq = 7 AND source = 'gw'",
          "UPDATE position SET lon = 120.07 WHERE source_seq = 7 AND source = 'gw'",
          'edited',
        )
        await tampered(
          'edited body',
          "UPDATE entry SET body = jsonb_set(body, '{level}', '4') WHERE kind = 'incident.opened' AND body ->> 'incidentId' = 'I900'",
          "UPDATE entry SET body = jsonb_set(body, '{level}', '2') WHERE kind = 'incident.opened' AND body ->> 'incidentId' = 'I900'",
          'edited',
        )
        await tampered(
          'changed outcome',
          "UPDATE outcome SET result = 'done' WHERE code = 'VERSION_STALE'",
          "UPDATE outcome SET result = 'refused' WHERE code = 'VERSION_STALE'",
          'edited',
        )
        await tampered(
          'reordered',
          'UPDATE entry SET seq = -seq WHERE seq IN (2, 3); UPDATE entry SET seq = 5 + seq WHERE seq < 0',
          'UPDATE entry SET seq = -seq WHERE seq IN (2, 3); UPDATE entry SET seq = 5 + seq WHERE seq < 0',
          'edited',
        )
        await pool.query('CREATE TABLE kept AS SELECT * FROM entry WHERE seq = 4')
        await tampered('deleted', 'DELETE FROM entry WHERE seq = 4', 'INSERT INTO entry SELECT * FROM kept', 'missing')
        await pool.query(
          'CREATE TABLE kept_commit AS SELECT * FROM log_commit WHERE commit_no = (SELECT max(commit_no) FROM log_commit)',
        )
        await tampered(
          'truncated',
          'DELETE FROM log_commit WHERE commit_no = (SELECT max(commit_no) FROM log_commit)',
          'INSERT INTO log_commit SELECT * FROM kept_commit',
          'truncated',
        )
      })

      test(`LOG-6 an append under a lost lease changes nothing (${place.name})`, async () => {
        const { pool } = opened.database!
        const old = await takeLease(pool, 'test', 'first', 1_000)
        const fenced = await openPostgresLog(pool, old)
        await pool.query("UPDATE lease SET until = now() - interval '1 second' WHERE name = 'test'")
        await takeLease(pool, 'test', 'second', 1_000)
        const head = await log.getHead()
        await assert.rejects(
          fenced.append({
            commitNo: head.commitNo + 1,
            firstSeq: head.seq + 1,
            entries: [],
            outcomes: [],
            previousHash: head.hash,
            hash: 'x',
          }),
          LeaseLost,
        )
        assert.deepEqual(await log.getHead(), head)
      })
    }
  })
