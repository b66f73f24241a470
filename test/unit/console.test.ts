/**
 * The console's judgements without a browser: order of the queue, clocks, nearest units, keys, command words, the fold of
 * packets, the words of both languages, why an alert fired. Expected values are written out by hand.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Role, SourceKind, Syndrome, UnitStatus } from '#contract/scalars.ts'
import type { AlertView, IncidentView, UnitView } from '#contract/view.ts'
import type { Snapshot } from '#contract/wire.ts'
import { listFacts } from '../../console/admin/facts.ts'
import { describeRule } from '../../console/admin/rule-words.ts'
import { findRate } from '../../console/alerts/rate.ts'
import { explainAlert, findRatio } from '../../console/alerts/why.ts'
import { listAlarms } from '../../console/calls/alarm-list.ts'
import { toneNames, tones } from '../../console/calls/tones.ts'
import { getDistanceKm, listCandidates } from '../../console/incidents/distance.ts'
import { countLoad } from '../../console/incidents/load.ts'
import { isHidden, listQueue, openFilter } from '../../console/incidents/order.ts'
import { getIncidentWait, judgeWait } from '../../console/incidents/timers.ts'
import { en } from '../../console/language/en.ts'
import { zh } from '../../console/language/zh.ts'
import { createUuid } from '../../console/live/commands.ts'
import { applyFixes, findFix, resetFixes, watchFixes } from '../../console/live/positions.ts'
import { judgeLink, oldAfterMs } from '../../console/live/store.ts'
import { applyPacket, applySnapshot } from '../../console/live/world.ts'
import { countEdits, readCommand, verbTable } from '../../console/shell/command-words.ts'
import { formatAge, formatClock, formatDayTime, formatKm, formatTime, shortenId } from '../../console/shell/format.ts'
import { findKeyRow, keyTable } from '../../console/shell/keys.ts'
import { findRegionOf, isInside } from '../../console/shell/region-words.ts'
import { listPages } from '../../console/sign-in/pages.ts'
import { judgeFreshness } from '../../console/units/freshness.ts'
import { findStatus, getStatusLook, getUnitLook } from '../../console/units/status.ts'

const start = Date.UTC(2026, 10, 21, 12, 0, 0)

function makeUnit(unitId: string, more: Partial<UnitView> = {}): UnitView {
  return {
    unitId,
    name: unitId,
    unitClass: 'A',
    capabilities: [],
    regionCode: '330402',
    status: 'idle',
    statusAt: start,
    version: 1,
    silent: false,
    lon: 120.7,
    lat: 30.7,
    fixAt: start,
    ...more,
  }
}

function makeIncident(incidentId: string, more: Partial<IncidentView> = {}): IncidentView {
  return {
    incidentId,
    version: 1,
    state: 'open',
    level: 3,
    regionCode: '330402',
    lon: 120.7,
    lat: 30.7,
    callIds: [],
    unitIds: [],
    openedAt: start,
    stamps: [],
    sealedFields: [],
    noteCount: 0,
    ...more,
  }
}

test('CON-1 the queue orders by level, then wait beyond its limit, then time', () => {
  const now = start + 20 * 60_000
  const incidents = [
    makeIncident('new-3', { openedAt: now - 60_000 }),
    makeIncident('late-3', { openedAt: now - 16 * 60_000 }),
    makeIncident('later-3', { openedAt: now - 18 * 60_000 }),
    makeIncident('new-1', { level: 1, openedAt: now - 1_000 }),
    makeIncident('closed-1', { level: 1, state: 'closed' }),
    makeIncident('older-3', { openedAt: now - 120_000 }),
  ]
  const { rows, hiddenCount } = listQueue(incidents, () => undefined, openFilter, now)
  assert.deepEqual(
    rows.map(row => row.incident.incidentId),
    ['new-1', 'later-3', 'late-3', 'older-3', 'new-3'],
  )
  assert.equal(hiddenCount, 0)
})

test('CON-2 no filter hides level I, and what is hidden is counted', () => {
  const filter = { hiddenLevels: [1, 2, 3, 4], onlyUnassigned: true, regionCode: '330499' }
  const incidents = [1, 2, 3, 4].map(level => makeIncident(`i${level}`, { level, unitIds: ['u'] }))
  assert.deepEqual(
    incidents.map(incident => isHidden(incident, filter)),
    [false, true, true, true],
  )
  const { rows, hiddenCount } = listQueue(incidents, () => undefined, filter, start)
  assert.equal(rows.length, 1)
  assert.equal(hiddenCount, 3)
})

test('CON-3 a wait turns amber and red at its published limits, judged on what is waited for', () => {
  const unassigned = makeIncident('i', { level: 1 })
  const waitAt = (ms: number) =>
    judgeWait(
      getIncidentWait(unassigned, () => undefined, start + ms),
      start + ms,
    )
  assert.deepEqual([30_000, 30_001, 60_000, 60_001].map(waitAt), ['ok', 'warn', 'warn', 'over'])
  const units = new Map([
    ['ordered', makeUnit('ordered', { status: 'ordered' })],
    ['rolling', makeUnit('rolling', { status: 'rolling' })],
  ])
  const both = makeIncident('j', { unitIds: ['rolling', 'ordered'] })
  const wait = getIncidentWait(both, id => units.get(id), start + 31_000)
  assert.equal(wait.kind, 'acknowledge')
  assert.equal(wait.unitId, 'ordered')
  assert.equal(judgeWait(wait, start + 31_000), 'over')
  assert.equal(getIncidentWait(makeIncident('k', { unitIds: ['gone'] }), () => undefined, start).kind, 'none')
})

test('CON-4 candidates are the nearest idle units; nearer ones nobody can find are listed with the reason', () => {
  const place = { lon: 120.7, lat: 30.7 }
  const units = [
    makeUnit('far', { lon: 120.9 }),
    makeUnit('near', { lon: 120.71 }),
    makeUnit('busy', { lon: 120.7, status: 'rolling' }),
    makeUnit('mute', { lon: 120.701, silent: true }),
    makeUnit('stale', { lon: 120.702, fixAt: start - 181_000 }),
    makeUnit('nowhere', { lon: undefined, lat: undefined, fixAt: undefined }),
  ]
  resetFixes(units)
  const { candidates, passedOver } = listCandidates(place, units, findFix, start)
  assert.deepEqual(
    candidates.map(each => each.unit.unitId),
    ['near', 'far'],
  )
  assert.deepEqual(
    passedOver.map(each => [each.unit.unitId, each.reason]),
    [
      ['mute', 'silent'],
      ['stale', 'old'],
    ],
  )
  const many = Array.from({ length: 9 }, (_, at) => makeUnit(`u${at}`, { lon: 120.7 + at / 100 }))
  resetFixes(many)
  assert.equal(listCandidates(place, many, findFix, start).candidates.length, 5)
})

test('CON-5 distance is the great circle: one degree of the meridian is 111.195 km', () => {
  // π/180 × 6,371.0088 km
  assert.ok(Math.abs(getDistanceKm({ lon: 120, lat: 30 }, { lon: 120, lat: 31 }) - 111.195) < 0.001)
  assert.equal(getDistanceKm({ lon: 120, lat: 30 }, { lon: 120, lat: 30 }), 0)
})

test('CON-6 ages: fresh to 60 s, old to 180 s, then lost; no fix is lost, not fresh', () => {
  assert.deepEqual([0, 60_000, 60_001, 180_000, 180_001, undefined].map(judgeFreshness), [
    'fresh',
    'fresh',
    'old',
    'old',
    'lost',
    'lost',
  ])
})

const snapshot: Snapshot = {
  incarnation: 'i1',
  seq: 10,
  at: start,
  world: {
    city: {
      now: start,
      clock: 'wall',
      pager: 'dry',
      quarantined: 0,
      lastTickGapMs: 1_000,
      rulesVersion: 1,
      regionsVersion: 1,
    },
    regions: [],
    places: [],
    units: [makeUnit('a'), makeUnit('b')],
    calls: [],
    incidents: [makeIncident('i1')],
    alerts: [],
  },
}

test('CON-7 packets replace whole records and take what is gone; one that does not continue is refused', () => {
  const world = applySnapshot(snapshot)
  const after = applyPacket(world, {
    afterSeq: 10,
    seq: 12,
    at: start,
    changes: { units: [makeUnit('b', { status: 'rolling' })], gone: { units: ['a'] } },
  })
  assert.ok(after)
  assert.deepEqual([...after.units.keys()], ['b'])
  assert.equal(after.units.get('b')?.status, 'rolling')
  assert.equal(after.incidents, world.incidents)
  assert.equal(world.units.size, 2)
  assert.equal(applyPacket(after, { afterSeq: 11, seq: 13, at: start, changes: {} }), undefined)
  assert.equal(applyPacket(after, { afterSeq: 12, seq: 12, at: start, changes: {} })?.seq, 12)
})

test('CON-8 an older fix never moves a unit back, and readers hear of changes and departures', () => {
  resetFixes([makeUnit('a')])
  const heard: [readonly string[], readonly string[]][] = []
  const stop = watchFixes((changed, gone) => heard.push([changed, gone]))
  applyFixes(undefined, [['a', 121, 31, start + 1_000, 90, 40]], undefined)
  applyFixes(undefined, [['a', 119, 29, start + 500, -1, -1]], undefined)
  assert.deepEqual(findFix('a'), { lon: 121, lat: 31, fixAt: start + 1_000, courseDeg: 90, speedKmh: 40 })
  applyFixes(undefined, undefined, ['a'])
  stop()
  assert.deepEqual(heard, [
    [['a'], []],
    [[], ['a']],
  ])
  assert.equal(findFix('a'), undefined)
})

test('CON-9 a link is judged on packets: open and silent is old, torn is offline, both only after 3 s', () => {
  assert.equal(oldAfterMs, 3_000)
  assert.equal(judgeLink(true, false, 0), 'waiting')
  assert.equal(judgeLink(true, true, 3_000), 'live')
  assert.equal(judgeLink(true, true, 3_001), 'old')
  assert.equal(judgeLink(false, true, 2_000), 'live')
  assert.equal(judgeLink(false, true, 3_001), 'offline')
  assert.equal(judgeLink(false, false, 0), 'offline')
})

function listKeys(value: object, path = ''): string[] {
  return Object.entries(value).flatMap(([name, each]) =>
    typeof each === 'string' ? [`${path}${name}`] : listKeys(each as object, `${path}${name}.`),
  )
}

function findText(texts: object, key: string): unknown {
  return key.split('.').reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], texts)
}

test('CON-10 both languages have the same keys and the same placeholders, and no text is empty', () => {
  assert.deepEqual(listKeys(en).sort(), listKeys(zh).sort())
  const holes = (text: unknown) => [...String(text).matchAll(/\{\{(\w+)\}\}/g)].map(match => match[1]).sort()
  for (const key of listKeys(zh)) {
    // The badge of a class is a letter in one language and may be a word in another; its hole is the same.
    assert.deepEqual(holes(findText(en, key)), holes(findText(zh, key)), key)
    assert.notEqual(findText(zh, key), '', key)
    assert.notEqual(findText(en, key), '', key)
  }
})

const consoleDir = join(import.meta.dirname, '../../console')
const sources = readdirSync(consoleDir, { recursive: true, encoding: 'utf8' })
  .filter(name => /\.tsx?$/.test(name) && !/^(dist|map|look|language)[\\/]/.test(name))
  .map(name => ({ name, text: readFileSync(join(consoleDir, name), 'utf8') }))

test('CON-11 every text a screen names exists in both languages, and every word of the contract has one', () => {
  let found = 0
  for (const { name, text } of sources) {
    for (const [, key] of text.matchAll(/\bt\(\s*'([\w.-]+)'/g)) {
      found++
      assert.equal(typeof findText(zh, key!), 'string', `${name}: ${key}`)
    }
    for (const [, first, second] of text.matchAll(/\bt\([^()'`]*\? '([\w.-]+)' : '([\w.-]+)'/g)) {
      found += 2
      assert.equal(typeof findText(zh, first!), 'string', `${name}: ${first}`)
      assert.equal(typeof findText(zh, second!), 'string', `${name}: ${second}`)
    }
    for (const [, group] of text.matchAll(/\bt\(`([\w.]+)\.\$\{/g)) {
      found++
      assert.equal(typeof findText(zh, group!), 'object', `${name}: ${group}.…`)
    }
  }
  assert.ok(found > 250, `only ${found} texts were found: the search is broken`)
  for (const syndrome of Syndrome.options) assert.equal(typeof zh.syndrome[syndrome], 'string')
  for (const source of SourceKind.options) assert.equal(typeof zh.source[source], 'string')
  for (const role of Role.options) assert.equal(typeof zh.role[role], 'string')
  for (const status of UnitStatus.options) assert.equal(typeof findText(zh, `stamp.${status}`), 'string')
  for (const row of keyTable) assert.equal(typeof findText(zh, `keys.${row.id}`), 'string')
  for (const verb of verbTable) assert.equal(typeof findText(zh, `command.preview.${verb.id}`), 'string')
})

test('CON-12 no Chinese, nor its punctuation, stands in a screen outside the language files', () => {
  for (const { name, text } of sources) {
    // The public page is a bundle of its own and carries its words in both languages in one file.
    if (/command-words\.ts$|public-call[\\/]words\.ts$/.test(name)) continue
    const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '')
    const found = /[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]+/.exec(code)?.[0]
    // Refusals of the console itself carry both languages, as the contract's do.
    if (/live[\\/]http\.ts$/.test(name)) continue
    assert.equal(found, undefined, `${name}: ${found}`)
  }
})

test('CON-13 a key means one thing; typing is never taken for a key, Alt digits are read from their place', () => {
  // A case and a review are never on one screen: a letter may stand in both, nowhere else twice.
  for (const absent of ['review', 'case'])
    for (const screen of [
      keyTable.filter(row => row.where !== absent && (absent === 'review' || row.where !== 'desk')),
    ]) {
      const all = screen.flatMap(row => row.keys as readonly string[])
      assert.equal(new Set(all).size, all.length, `without ${absent}`)
    }
  const press = (key: string, more: object = {}) => ({ key, altKey: false, ctrlKey: false, metaKey: false, ...more })
  assert.equal(findKeyRow(press('J'), false)?.id, 'down')
  assert.equal(findKeyRow(press('j'), true), undefined)
  assert.equal(findKeyRow(press('F1'), true)?.id, 'answer')
  assert.equal(findKeyRow(press('Escape'), true)?.id, 'leave')
  assert.equal(findKeyRow(press('¡', { altKey: true, code: 'Digit1' }), true)?.id, 'assign1')
  assert.equal(findKeyRow(press('a', { ctrlKey: true }), false), undefined)
  assert.equal(findKeyRow(press('a', { metaKey: true }), false), undefined)
  assert.equal(findKeyRow(press('Enter', { ctrlKey: true }), true)?.id, 'send')
})

const lists = {
  incidents: [
    makeIncident('261121-2005-K3FW'),
    makeIncident('261121-2006-B7XT'),
    makeIncident('closed-K9', { state: 'closed' }),
  ],
  units: [
    makeUnit('u012', { name: '南湖01' }),
    makeUnit('u112', { name: '海宁12' }),
    makeUnit('u300', { name: '平湖03' }),
  ],
  alerts: [] as AlertView[],
  findStatus,
  statusWords: UnitStatus.options.map(status => getStatusLook(status).words.zh),
}

test('CON-14 the command line reads letters and words, ids by their ending, statuses in three ways', () => {
  const assign = readCommand('D k3fw 南湖01 u300', lists)
  assert.ok(assign.ok && assign.command.verb === 'assign')
  assert.equal(assign.command.incident.incidentId, '261121-2005-K3FW')
  assert.deepEqual(
    assign.command.units.map(unit => unit.unitId),
    ['u012', 'u300'],
  )
  for (const word of ['X', '现场', 'on scene', 'on-scene']) {
    const status = readCommand(`S u300 ${word}`, lists)
    assert.ok(status.ok && status.command.verb === 'status', word)
    assert.equal(status.command.status, 'on-scene')
  }
  const level = readCommand('级别 b7xt II', lists)
  assert.ok(level.ok && level.command.verb === 'level' && level.command.level === 2)
  const note = readCommand('n k3fw 家属在小区北门 等候', lists)
  assert.ok(note.ok && note.command.verb === 'note')
  assert.equal(note.command.text, '家属在小区北门 等候')
  const cancel = readCommand('X b7xt', lists)
  assert.ok(cancel.ok && cancel.command.verb === 'cancel' && cancel.command.reason === '')
})

test('CON-15 an unknown or doubtful word is refused with suggestions and is no command', () => {
  const unknown = readCommand('dispach k3fw u300', lists)
  assert.ok(!unknown.ok && unknown.why === 'verb')
  assert.deepEqual(unknown.suggestions[0], 'assign')
  const several = readCommand('D k3fw 12', lists)
  assert.ok(!several.ok && several.why === 'ambiguous')
  assert.deepEqual(several.suggestions, ['u012', 'u112'])
  const closed = readCommand('X closed-K9', lists)
  assert.ok(!closed.ok && closed.why === 'incident')
  for (const line of ['D k3fw', 'D', 'S u300', 'S u300 somewhere', 'L k3fw 5', 'L k3fw', 'N k3fw', 'A a-1', 'F zzz']) {
    assert.equal(readCommand(line, lists).ok, false, line)
  }
  assert.equal(readCommand('  ', lists).ok, false)
  assert.equal(countEdits('kitten', 'sitting'), 3)
})

test('CON-16 clocks and ages are written with fixed width in Shanghai time', () => {
  assert.equal(formatTime(start), '20:00:00')
  assert.equal(formatDayTime(Date.UTC(2026, 10, 21, 16, 5)), '11-22 00:05')
  assert.deepEqual([0, 59_999, 60_000, 3_600_000, 90_000_000, -5].map(formatClock), [
    '0:00',
    '0:59',
    '1:00',
    '1:00:00',
    '1d 1h',
    '0:00',
  ])
  assert.deepEqual([4_000, 180_000, 7_300_000, 200_000_000].map(formatAge), ['4 s', '3 min', '2 h', '2 d'])
  assert.deepEqual([undefined, 0.04, 12.34, 130.2].map(formatKm), ['—', '0.0', '12.3', '130'])
  assert.equal(shortenId('261121-2005-K3FW'), 'K3FW')
})

test('CON-17 every status has a look; silence stands before the status', () => {
  for (const status of UnitStatus.options) assert.ok(getStatusLook(status).letter.length === 1)
  assert.equal(getUnitLook(makeUnit('a', { status: 'rolling', silent: true })).letter, 'S')
  assert.equal(findStatus('z'), 'idle')
  assert.equal(findStatus('nowhere'), undefined)
})

const alert: AlertView = {
  alertId: 'a-1',
  version: 1,
  ruleId: 'r',
  ruleVersion: 3,
  ruleName: '腹泻病多源聚集',
  ruleNameEn: 'Diarrhoeal illness',
  basis: 'b',
  level: 1,
  regionCode: '330482',
  state: 'open',
  raisedAt: start,
  updatedAt: start,
  evidence: [
    {
      sourceKind: 'call-120',
      syndrome: 'diarrhoeal',
      method: 'earsC2',
      regionCode: '330482',
      period: '2026-11-21',
      observed: 26,
      expected: 6.14,
      threshold: 13.57,
      late: false,
      at: start,
      subjects: [],
    },
    {
      method: 'card',
      regionCode: '330482',
      period: '2026-11-21',
      observed: 1,
      threshold: 1,
      late: true,
      at: start,
      subjects: ['card-7'],
    },
  ],
  independentSources: 2,
  neededSources: 2,
  cases: 27,
  escalationStep: 0,
  notes: [],
}

/** Shows the key and its values, so that a test sees what would be said. */
const spell = (key: string, values?: Readonly<Record<string, string | number>>) =>
  `${key}(${Object.values(values ?? {}).join('|')})`

test('CON-18 an alert says why it fired: rule, sources needed and got, every figure, and how late', () => {
  const why = explainAlert(alert, spell, code => `<${code}>`, 'zh')
  assert.equal(why.rule, 'alerts.whyRule(腹泻病多源聚集|3|<330482>)')
  assert.equal(why.sources, 'alerts.whySources(2|2|source.call-120())')
  assert.match(
    why.lines[0]!.text,
    /^alerts\.line\(source\.call-120\(\)\|syndrome\.diarrhoeal\(\)\|2026-11-21\|26\|6\.14\|13\.57/,
  )
  assert.equal(why.lines[0]!.ratio, '4.2')
  assert.match(why.lines[1]!.text, /^alerts\.lineCard/)
  assert.equal(why.lines[1]!.late, true)
  assert.equal(findRatio({ observed: 5, expected: 0 }), undefined)
  assert.equal(explainAlert({ ...alert, neededSources: 1 }, spell, code => code, 'zh').sources, 'alerts.whySingle()')
})

test('CON-19 a county without reports has no rate; a reported zero has the rate 0', () => {
  assert.equal(findRate({ period: 'day', values: [5, null, null] }, 0), undefined)
  assert.equal(findRate({ period: 'day', values: [null, null] }, 100_000), undefined)
  assert.equal(findRate({ period: 'day', values: [0, null] }, 100_000), 0)
  // Only the last seven days count: 1+1+1+1+1+1+1 of 200,000 people is 3.5 per 100,000.
  assert.equal(findRate({ period: 'day', values: [90, 1, 1, 1, 1, 1, 1, 1] }, 200_000), 3.5)
})

test('CON-20 sounds are five; what rings is what this seat must answer, oldest first, an escalation rings anew', () => {
  assert.equal(toneNames.length, 5)
  for (const name of toneNames) assert.ok(tones[name].length > 0)
  const world = {
    calls: [
      { callId: 'c2', regionCode: '330402', receivedAt: start + 5 },
      { callId: 'c1', regionCode: '330402', receivedAt: start },
      { callId: 'done', regionCode: '330402', receivedAt: start, incidentId: 'i' },
    ],
    units: [
      makeUnit('u', { status: 'ordered', statusAt: start }),
      makeUnit('v', { status: 'ordered', statusAt: start + 20_000 }),
    ],
    alerts: [{ ...alert, escalationStep: 2 }],
  }
  const ids = (roles: readonly Role[], link: 'live' | 'offline' = 'live') =>
    listAlarms(roles, link, world, start + 31_000).map(alarm => alarm.id)
  assert.deepEqual(ids(['dispatcher']), ['call:c1', 'call:c2', `order:u:${start}`])
  assert.deepEqual(ids(['epidemiologist']), ['alert:a-1:2'])
  assert.deepEqual(ids(['auditor'], 'offline'), ['link'])
})

test('CON-21 pages follow roles', () => {
  assert.deepEqual(listPages(['dispatcher']), ['dispatch', 'alerts', 'shift', 'replay', 'quality'])
  assert.deepEqual(listPages(['epidemiologist']), ['alerts', 'series', 'cases', 'sources', 'rules', 'weekly'])
  assert.deepEqual(listPages(['auditor']), ['audit', 'reports'])
  assert.deepEqual(listPages(['administrator']), ['admin', 'alerts', 'sources', 'reports'])
  assert.deepEqual(listPages(['hospital']), [])
})

test('CON-22 a place belongs to the polygon that holds it, else to the nearest seat, else to none', () => {
  const square = [
    [
      [0, 0],
      [2, 0],
      [2, 2],
      [0, 2],
      [0, 0],
    ],
    [
      [0.5, 0.5],
      [1, 0.5],
      [1, 1],
      [0.5, 1],
      [0.5, 0.5],
    ],
  ] as const
  assert.equal(isInside({ lon: 1.5, lat: 1.5 }, square), true)
  assert.equal(isInside({ lon: 0.75, lat: 0.75 }, square), false)
  assert.equal(isInside({ lon: 3, lat: 1 }, square), false)
  const regions = new Map([
    [
      '330402',
      {
        code: '330402',
        name: '南湖区',
        nameEn: 'Nanhu',
        level: 'county' as const,
        lon: 120.84,
        lat: 30.69,
        population: 1,
      },
    ],
  ])
  assert.equal(findRegionOf({ lon: 120.8, lat: 30.7 }, regions, null), '330402')
  assert.equal(findRegionOf({ lon: 100, lat: 20 }, regions, null), undefined)
})

test('CON-23 a UUID made without randomUUID is of version 4', () => {
  const given = Object.getOwnPropertyDescriptor(crypto, 'randomUUID')
  Object.defineProperty(crypto, 'randomUUID', { value: undefined, configurable: true })
  try {
    for (let at = 0; at < 50; at++) {
      assert.match(createUuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    }
  } finally {
    if (given) Object.defineProperty(crypto, 'randomUUID', given)
    else Reflect.deleteProperty(crypto, 'randomUUID')
  }
})

test('CON-24 a rule is told with every parameter; readiness is shown as its own facts', () => {
  const words = describeRule(
    {
      ruleId: 'r',
      version: 1,
      name: 'n',
      nameEn: 'n',
      level: 1,
      regionLevel: 'county',
      windowH: 72,
      when: {
        type: 'kOf',
        k: 2,
        of: [
          {
            type: 'detector',
            method: 'earsC3',
            sourceKind: 'triage',
            syndrome: 'respiratory',
            period: 'hour',
            baseline: 9,
            minSigma: 0.7,
            proportion: true,
            minCount: 4,
            adjust: 'none',
          },
          { type: 'unit-silence', onTaskS: 61, idleS: 301 },
        ],
      },
      minCases: 11,
      escalation: [
        { afterS: 0, role: 'epidemiologist' },
        { afterS: 1_800, role: 'shift-leader' },
      ],
      basis: 'b',
      enabled: true,
    },
    spell,
  )
  assert.equal(words.joint, 'admin.kOf(2)')
  assert.match(
    words.leaves[0]!,
    /source\.triage.*syndrome\.respiratory.*periodHour.*earsC3.*\|9\|0\.7\|4\|admin\.leafProportion/,
  )
  assert.equal(words.leaves[1], 'admin.leafSilence(61|301)')
  assert.match(words.window, /72/)
  assert.equal(words.minCases, 'admin.ruleMinCases(11)')
  assert.equal(words.tells[1], 'admin.ruleStep(role.shift-leader()|admin.after(30:00))')
  assert.deepEqual(listFacts({ ready: true, log: { seq: 4 } }), [
    ['ready', 'true'],
    ['log.seq', '4'],
  ])
})

test('CON-25 the load of a county counts open cases by level, cases without a unit, idle units that answer', () => {
  const county = { name: 'n', nameEn: 'n', level: 'county' as const, lon: 120, lat: 30, population: 1 }
  const regions = new Map([
    ['330402', { ...county, code: '330402' }],
    ['330482', { ...county, code: '330482' }],
    ['330402001', { ...county, code: '330402001', parentCode: '330402', level: 'street' as const }],
  ])
  const incidents = [
    makeIncident('a', { level: 1, regionCode: '330402001' }),
    makeIncident('b', { level: 3, unitIds: ['u'] }),
    makeIncident('c', { level: 3, state: 'closed' }),
  ]
  const units = [makeUnit('u', { status: 'rolling' }), makeUnit('v'), makeUnit('w', { silent: true })]
  assert.deepEqual(countLoad(incidents, units, regions), [
    { regionCode: '330402', byLevel: [1, 0, 1, 0], unassigned: 1, idle: 1, units: 3 },
    { regionCode: '330482', byLevel: [0, 0, 0, 0], unassigned: 0, idle: 0, units: 0 },
  ])
})
