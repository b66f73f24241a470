/**
 * Permissions, walked: every kind × role and every route × role against a matrix written down here by hand, so that a change
 * of the table is a change of two files; then the rules that must hold whatever the rows say.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Kind } from '#contract/entry.ts'
import { kindNames } from '#contract/entry.ts'
import { Rule } from '#contract/rule.ts'
import { personRoles, Role } from '#contract/scalars.ts'
import type { AlertView } from '#contract/view.ts'
import type {
  AccountPrincipal,
  DevicePrincipal,
  DeviceRole,
  Principal,
  Reach,
} from '../../server/identity/permissions.ts'
import {
  classifyAlert,
  collectionsFor,
  deviceRoles,
  findActor,
  findRoleConflict,
  getScopeKey,
  isInScope,
  listReadableKinds,
  may,
  mayAnswer,
  maySpeakFor,
  mayUse,
  reachOfPerson,
  reduceToNotice,
  routeNames,
  shownCollections,
  sightOfAlert,
} from '../../server/identity/permissions.ts'

const account = (roles: Role[], regions: string[] = ['330400'], unitIds: string[] = []): AccountPrincipal => ({
  type: 'account',
  accountId: 'a1',
  sessionId: 's1',
  name: '甲',
  roles,
  regions,
  unitIds,
})
const device = (role: DeviceRole, regions: string[] = ['330400'], unitIds: string[] = []): DevicePrincipal => ({
  type: 'device',
  deviceId: 'd1',
  role,
  regions,
  unitIds,
})
const isDeviceRole = (role: Role): role is DeviceRole => (deviceRoles as readonly Role[]).includes(role)
const principalOf = (role: Role): Principal => (isDeviceRole(role) ? device(role) : account([role]))
const letters: Record<string, Role> = {
  d: 'dispatcher',
  s: 'shift-leader',
  e: 'epidemiologist',
  h: 'hospital',
  c: 'crew',
  a: 'administrator',
  u: 'auditor',
  g: 'gateway',
  t: 'terminal',
  f: 'feed',
  p: 'player',
}
const allLetters = Object.keys(letters)

const says: Record<Kind, string> = {
  'region.published': 'ap',
  'pack.published': 'ap',
  'rule.published': 'eap',
  'calendar.published': 'ap',
  'history.published': 'eap',
  'place.registered': 'ap',
  'unit.registered': 'ap',
  'unit.position': 'gtp',
  'unit.vitals': 'gtp',
  'unit.status': 'dscgtp',
  'call.received': 'dsgfp',
  'call.answered': 'dsgp',
  'call.abandoned': 'dsgp',
  'call.hungUp': 'dsgp',
  'call.located': 'dsgfp',
  'call.described': 'dsp',
  'call.conferenced': 'dsgp',
  'call.transferred': 'dsgp',
  'call.recorded': 'gp',
  'call.joined': 'dsp',
  'call.calledBack': 'dsp',
  'call.callbackGivenUp': 'dsp',
  'call.linked': 'dsgp',
  'call.linkAcknowledged': 'dsgp',
  'call.verified': '',
  'number.marked': 's',
  'call.ended': 'dsgfp',
  'incident.opened': 'dsp',
  'incident.questioned': 'dsp',
  'incident.unitAssigned': 'dsp',
  'incident.unitReleased': 'dsp',
  'incident.levelChanged': 'dsp',
  'incident.noted': 'dsctp',
  'incident.closed': 'dsp',
  'incident.stamped': 'dscgtp',
  'incident.stampEdited': 's',
  'incident.unitQueued': 'dsp',
  'incident.nextWithdrawn': 'dsp',
  'incident.unitDiverted': 'dsp',
  'unit.taskAcknowledged': 'dscgtp',
  'incident.cancelled': 'dsp',
  'incident.merged': 'ds',
  'incident.split': 'ds',
  'incident.reopened': 'ds',
  'incident.overrideReasoned': 'ds',
  'incident.massDeclared': 'dsp',
  'incident.transferOffered': 'ds',
  'incident.transferAccepted': 'ds',
  'incident.transferRefused': 'ds',
  'incident.transferWithdrawn': 'ds',
  'incident.aidAsked': 'ds',
  'incident.aidRefused': 'ds',
  'region.modeChanged': 'sap',
  'crew.assigned': 'sap',
  'unit.distressed': 'dscgtp',
  'unit.distressAcknowledged': 'ds',
  'unit.distressEnded': 'dscgtp',
  'unit.moveOrdered': 'dsp',
  'hospital.stateReported': 'dshgfp',
  'hospital.notified': 'dsctp',
  'hospital.noticeAcknowledged': 'hdsp',
  'shift.handoverOffered': 'ds',
  'shift.handedOver': 'ds',
  'shift.handoverWithdrawn': 'ds',
  'slip.rangeIssued': 'ds',
  'slip.entered': 'ds',
  'review.sheetPublished': 's',
  'review.requested': 'ds',
  'review.scored': 's',
  'review.appealed': 'ds',
  'review.decided': 's',
  'count.reported': 'hegfp',
  'report.received': 'hep',
  'report.drafted': 'hgfp',
  'report.draftDismissed': 'hep',
  'report.corrected': 'hep',
  'report.retracted': 'hep',
  'report.reviewed': 'ep',
  'signal.found': '',
  'alert.acknowledged': 'edsa',
  'alert.noted': 'edsa',
  'alert.closed': 'edsa',
  'alert.verified': 'edsa',
  'alert.shelved': 'edsa',
  'alert.reopened': 'edsa',
  'alert.closureProposed': 'edsa',
  'alert.closureConfirmed': 'edsa',
  'event.opened': 'e',
  'event.alertAdded': 'e',
  'event.graded': 'e',
  'event.reported': 'e',
  'event.closed': 'e',
  'roster.published': 'asep',
  'clock.ticked': '',
  'page.attempted': '',
  'page.receipted': '',
  'record.viewed': '',
  'person.forgotten': '',
  'account.changed': '',
  'device.changed': '',
  'entry.quarantined': '',
}

test('ID-1 every kind × role: what may be said is what stands here, and nothing else', () => {
  let walked = 0
  for (const kind of kindNames)
    for (const letter of allLetters) {
      const role = letters[letter]!
      assert.equal(may(principalOf(role), kind), says[kind].includes(letter), `${kind} × ${role}`)
      walked++
    }
  assert.equal(walked, kindNames.length * Role.options.length)
  assert.equal(allLetters.length, Role.options.length)
})

test('ID-2 only a player ticks, and only in a city that runs on its entries', () => {
  for (const role of Role.options) {
    assert.equal(may(principalOf(role), 'clock.ticked', 'wall'), false, role)
    assert.equal(may(principalOf(role), 'clock.ticked', 'entries'), role === 'player', role)
  }
})

test('ID-3 what is not in the table is denied: unknown kinds, routes, no roles', () => {
  for (const kind of ['toString', '__proto__', 'unit.stolen', ''])
    for (const role of Role.options) assert.equal(may(principalOf(role), kind as Kind), false, `${kind} × ${role}`)
  for (const route of ['GET /v1/secret', 'toString', 'POST /v1/accounts/', 'get /v1/accounts', 'PUT /v1/accounts', ''])
    for (const role of Role.options) assert.equal(mayUse(principalOf(role), route, true), false, `${route} × ${role}`)
  const nobody = account([])
  for (const kind of kindNames) assert.equal(may(nobody, kind), false)
  for (const collection of shownCollections) assert.equal(collectionsFor(nobody)[collection], 'none')
  assert.equal(isInScope(account([], []), '330400', new Map()), false)
})

/** `*` everybody, also strangers; `+` every signed-in person; `%` this machine; then letters. */
const uses: Record<(typeof routeNames)[number], string> = {
  'GET /healthz': '*',
  'GET /readyz': '*',
  'GET /metrics': '%a',
  'GET /docs': 'dsehcau',
  'POST /v1/session': '*',
  'POST /v1/pages/:pageId/receipt': '*',
  'GET /v1/session': '+',
  'DELETE /v1/session': '+',
  'POST /v1/session/password': '+',
  'GET /v1/accounts': 'a',
  'POST /v1/accounts': 'a',
  'PATCH /v1/accounts/:accountId': 'a',
  'GET /v1/devices': 'a',
  'POST /v1/devices': 'a',
  'DELETE /v1/devices/:deviceId': 'a',
  'GET /v1/persons/:recordKind/:recordId': 'dsce',
  'DELETE /v1/persons/:recordKind/:recordId': 'a',
  'POST /v1/entries': 'dsehcagtfp',
  'GET /v1/entries': 'used',
  'POST /v1/rules/dry-run': 'e',
  'GET /v1/rules': 'esau',
  'GET /v1/socket': 'dsehcautp',
  'GET /v1/basemap': 'dsehcautp',
  'GET /v1/settings': '*',
  'GET /v1/series': 'e',
  'GET /v1/alerts': 'edsa',
  'GET /v1/alerts/:alertId': 'edsa',
  'GET /v1/alerts/:alertId/series': 'e',
  'GET /v1/sources/health': 'ea',
  'GET /v1/alerts/:alertId/facilities': 'e',
  'GET /v1/surveillance/week': 'e',
  'GET /v1/surveillance/calendar': 'e',
  'GET /v1/rules/history': 'eau',
  'GET /v1/incidents': 'dsp',
  'GET /v1/incidents/:incidentId': 'dsctp',
  'GET /v1/incidents/:incidentId/advice': 'ds',
  'GET /v1/addresses': 'ds',
  'GET /v1/packs': 'dsau',
  'GET /v1/incidents/:incidentId/destinations': 'ds',
  'GET /v1/incidents/:incidentId/mass': 'ds',
  'GET /v1/cover': 'ds',
  'GET /v1/calls': 'dsp',
  'GET /v1/calls/:callId/history': 'ds',
  'GET /v1/calls/:callId/duplicates': 'ds',
  'POST /v1/public/calls': '*',
  'POST /v1/public/calls/:callId/position': '*',
  'POST /v1/public/calls/:callId/verification': '*',
  'POST /v1/public/positions': '*',
  'POST /v1/calls/:callId/position-link': 'ds',
  'GET /v1/units/:id/track': 'dsp',
  'GET /v1/cards': 'eh',
  'GET /v1/cards.csv': 'e',
  'GET /v1/cards/:cardId': 'eh',
  'GET /v1/card-series': 'e',
  'GET /v1/events': 'esd',
  'GET /v1/events/:eventId': 'esd',
  'GET /v1/rosters': 'esa',
  'GET /v1/reports/dispatch': 'sau',
  'GET /v1/reports/dispatch.csv': 'sau',
  'GET /v1/handovers': 'dsu',
  'GET /v1/slips': 'ds',
  'GET /v1/reviews/samples': 's',
  'GET /v1/reviews': 'ds',
  'GET /v1/reviews.csv': 's',
  'GET /v1/tracks': 'ds',
  'GET /v1/replay': 'ds',
}

test('ID-4 every route × role, and strangers, near and far', () => {
  for (const route of routeNames) {
    const expected = uses[route]
    assert.equal(mayUse(undefined, route), expected.includes('*'), `${route} × stranger`)
    assert.equal(mayUse(undefined, route, true), expected.includes('*') || expected.includes('%'), `${route} × here`)
    for (const letter of allLetters) {
      const role = letters[letter]!
      const isExpected =
        expected.includes('*') || (expected.includes('+') && !isDeviceRole(role)) || expected.includes(letter)
      assert.equal(mayUse(principalOf(role), route), isExpected, `${route} × ${role}`)
    }
  }
  assert.equal(routeNames.length, Object.keys(uses).length)
})

test('ID-5 routes and rows agree: whoever says a kind reaches the door; whoever reads reaches its route', () => {
  for (const role of Role.options) {
    const principal = principalOf(role)
    const isSaying = kindNames.some(kind => may(principal, kind, 'entries'))
    assert.equal(mayUse(principal, 'POST /v1/entries'), isSaying, role)
    assert.equal(mayUse(principal, 'GET /v1/entries'), listReadableKinds(principal).size > 0, role)
    const opens = (['call', 'incident', 'card'] as const).some(kind => reachOfPerson(principal, kind) !== 'none')
    assert.equal(mayUse(principal, 'GET /v1/persons/:recordKind/:recordId'), opens, role)
    assert.equal(mayUse(principal, 'GET /v1/alerts'), collectionsFor(principal).alerts !== 'none', role)
    const isShown = shownCollections.some(name => collectionsFor(principal)[name] !== 'none')
    assert.equal(mayUse(principal, 'GET /v1/socket'), isShown, role)
  }
})

/** regions, places, units, calls, incidents, alerts, events, cards, drafts: `-` none, `o` own, `r` region, `*` all. */
const shown: Record<Role, string> = {
  dispatcher: '*rrrrrr--',
  'shift-leader': '*rrrrrr--',
  epidemiologist: '*r---rrrr',
  hospital: '*rr----or',
  crew: '*ro-o----',
  administrator: '*rr--r---',
  auditor: '*r-------',
  gateway: '---------',
  terminal: '*ro-o----',
  feed: '---------',
  player: '*rrrr----',
}

test('ID-6 every role × collection', () => {
  const reach: Record<string, Reach> = { '-': 'none', o: 'own', r: 'region', '*': 'all' }
  for (const role of Role.options)
    shownCollections.forEach((name, index) => {
      assert.equal(collectionsFor(principalOf(role))[name], reach[shown[role][index]!], `${role} × ${name}`)
    })
  assert.equal(collectionsFor(account(['crew', 'dispatcher'])).units, 'region', 'the widest of two roles counts')
})

test('ID-16 every role × kind of entry read back: a desk its trail, epidemiologists alerts, the auditor all', () => {
  for (const kind of kindNames) {
    const readers = personRoles.filter(role => listReadableKinds(principalOf(role)).has(kind))
    assert.ok(readers.includes('auditor'), kind)
    if (/^(call|incident)\./.test(kind) || kind === 'unit.status')
      assert.deepEqual(readers, ['dispatcher', 'shift-leader', 'auditor'], kind)
    if (kind.startsWith('alert.')) assert.deepEqual(readers, ['shift-leader', 'epidemiologist', 'auditor'], kind)
    if (/^(account|device|record|person|report|count)\./.test(kind)) assert.deepEqual(readers, ['auditor'], kind)
  }
  for (const role of deviceRoles) assert.equal(listReadableKinds(principalOf(role)).size, 0, role)
})

test('ID-7 personal fields: calls and incidents for the desk, cards for epidemiologists, own incidents for a crew', () => {
  const expected: Partial<Record<Role, string>> = {
    dispatcher: 'region region none',
    'shift-leader': 'region region none',
    epidemiologist: 'none none region',
    crew: 'own own none',
  }
  for (const role of Role.options) {
    const got = (['call', 'incident', 'card'] as const).map(kind => reachOfPerson(principalOf(role), kind)).join(' ')
    assert.equal(got, expected[role] ?? 'none none none', role)
  }
})

test('ID-8 三员分立: no account is administrator and auditor, an auditor is nothing else, device roles are not for people', () => {
  for (const one of Role.options)
    for (const other of Role.options) {
      const roles = one === other ? [one] : [one, other]
      const isRefused =
        roles.some(role => !personRoles.includes(role)) || (roles.includes('auditor') && roles.length > 1)
      assert.equal(findRoleConflict(roles) !== undefined, isRefused, roles.join(' + '))
    }
  const auditor = account(['auditor'], [])
  for (const kind of kindNames) {
    assert.equal(may(auditor, kind, 'entries'), false, kind)
    assert.equal(listReadableKinds(auditor).has(kind), true, kind)
  }
})

const tree = new Map<string, { parentCode?: string }>([
  ['330000', {}],
  ['330400', { parentCode: '330000' }],
  ['330402', { parentCode: '330400' }],
  ['330402001', { parentCode: '330402' }],
  ['330500', { parentCode: '330000' }],
  ['330502', { parentCode: '330500' }],
  // A broken tree that bites its own tail must not hang.
  ['loop-a', { parentCode: 'loop-b' }],
  ['loop-b', { parentCode: 'loop-a' }],
])

test('ID-9 every role × region: a scope holds itself and what lies below, nothing beside and nothing above', () => {
  const below: Record<string, readonly string[]> = {
    '330000': ['330000', '330400', '330402', '330402001', '330500', '330502'],
    '330400': ['330400', '330402', '330402001'],
    '330402': ['330402', '330402001'],
    '330402001': ['330402001'],
    '330502': ['330502'],
    'loop-a': ['loop-a', 'loop-b'],
    unpublished: ['unpublished'],
  }
  for (const role of Role.options)
    for (const [scope, held] of Object.entries(below))
      for (const code of [...tree.keys(), 'unpublished', 'toString', '']) {
        const principal = isDeviceRole(role) ? device(role, [scope]) : account([role], [scope])
        assert.equal(isInScope(principal, code, tree), held.includes(code), `${role} of ${scope} × ${code}`)
      }
})

test('ID-10 without regions only a keeper of system or audit holds the installation; a mixed account does not', () => {
  for (const role of Role.options) {
    const principal = isDeviceRole(role) ? device(role, []) : account([role], [])
    const isKeeper = role === 'administrator' || role === 'auditor'
    for (const code of ['330400', 'unpublished']) assert.equal(isInScope(principal, code, tree), isKeeper, role)
  }
  assert.equal(isInScope(account(['administrator', 'dispatcher'], []), '330400', tree), false)
})

test('ID-11 who speaks for a unit: a terminal for its own, a gateway for those listed or any, a crew for its own', () => {
  assert.equal(maySpeakFor(device('terminal', [], ['u1']), 'u1'), true)
  assert.equal(maySpeakFor(device('terminal', [], ['u1']), 'u2'), false)
  assert.equal(maySpeakFor(device('terminal'), 'u1'), false)
  assert.equal(maySpeakFor(device('gateway'), 'u1'), true)
  assert.equal(maySpeakFor(device('gateway', [], ['u1']), 'u2'), false)
  assert.equal(maySpeakFor(device('player'), 'u1'), true)
  assert.equal(maySpeakFor(device('feed'), 'u1'), false)
  assert.equal(maySpeakFor(account(['crew'], [], ['u1']), 'u1'), true)
  assert.equal(maySpeakFor(account(['crew'], [], ['u1']), 'u2'), false)
  assert.equal(maySpeakFor(account(['dispatcher']), 'u2'), true)
  assert.equal(maySpeakFor(account(['epidemiologist']), 'u2'), false)
})

const ruleOf = (leaves: unknown[], escalation: Role[] = ['epidemiologist']) =>
  Rule.parse({
    ruleId: 'r1',
    version: 1,
    name: '规则',
    nameEn: 'rule',
    level: 1,
    regionLevel: 'county',
    windowH: 24,
    when: { type: 'anyOf', of: leaves },
    escalation: escalation.map((role, step) => ({ afterS: step * 60, role })),
    basis: 'a test',
  })
const alert: AlertView = {
  alertId: 'AL1',
  version: 3,
  ruleId: 'r1',
  ruleVersion: 1,
  ruleName: '规则',
  ruleNameEn: 'rule',
  basis: 'a test',
  level: 1,
  regionCode: '330402',
  state: 'acknowledged',
  raisedAt: Date.UTC(2026, 10, 21),
  updatedAt: Date.UTC(2026, 10, 21),
  evidence: [
    {
      method: 'card',
      regionCode: '330402',
      period: '2026-11-21',
      observed: 1,
      late: false,
      at: Date.UTC(2026, 10, 21),
      subjects: ['K1'],
    },
  ],
  independentSources: 1,
  neededSources: 1,
  cases: 1,
  escalationStep: 0,
  acknowledgedAt: Date.UTC(2026, 10, 21),
  acknowledgedBy: '乙',
  verdict: 'confirmed',
  reason: 'reason text',
  notes: [{ at: Date.UTC(2026, 10, 21), by: '乙', text: 'note text' }],
}
const leafOf = {
  operation: { type: 'tick-gap' },
  dispatch: { type: 'unit-silence' },
  statutory: { type: 'card', diseaseIds: ['plague'] },
  health: { type: 'count', sourceKind: 'call-120', syndrome: 'respiratory', period: 'day', min: 3 },
}

test('ID-12 every role × class of alert; a notice carries no evidence; only who sees in full may answer', () => {
  /** operation, dispatch, statutory, health: `-` none, `n` notice, `f` full. */
  const sights: Partial<Record<Role, string>> = {
    dispatcher: 'nfn-',
    'shift-leader': 'ffnn',
    epidemiologist: '--ff',
    administrator: 'fn--',
  }
  const names = { none: '-', notice: 'n', full: 'f' }
  for (const role of Role.options) {
    // Escalated to hospitals, which see no alerts at all: the rows alone decide.
    const got = Object.entries(leafOf).map(([about, leaf]) => {
      const rule = ruleOf([leaf], ['hospital'])
      assert.equal(classifyAlert(alert, rule), about)
      const sight = sightOfAlert(principalOf(role), alert, rule)
      assert.equal(mayAnswer(principalOf(role), alert, rule), sight === 'full', `${role} answers ${about}`)
      return names[sight]
    })
    assert.equal(got.join(''), sights[role] ?? '----', role)
  }
  const notice = reduceToNotice(alert)
  assert.deepEqual([notice.evidence, notice.notes, notice.cases], [[], [], 0])
  const text = JSON.stringify(notice)
  for (const hidden of ['K1', '乙', 'note text', 'reason text', 'confirmed']) assert.ok(!text.includes(hidden), hidden)
  assert.equal(notice.alertId, 'AL1')
})

test('ID-13 whom a rule escalates to sees its alerts in full and may answer them', () => {
  const rule = ruleOf([leafOf.health], ['epidemiologist', 'shift-leader'])
  assert.equal(sightOfAlert(account(['shift-leader']), alert, rule), 'full')
  assert.equal(mayAnswer(account(['shift-leader']), alert, rule), true)
  assert.equal(sightOfAlert(account(['dispatcher']), alert, rule), 'none')
  assert.equal(sightOfAlert(account(['auditor']), alert, ruleOf([leafOf.health], ['auditor'])), 'none')
  assert.equal(classifyAlert(alert, undefined), 'statutory', 'a rule no longer published is judged by its evidence')
  assert.equal(classifyAlert({ ...alert, evidence: [] }, undefined), 'health')
  assert.equal(classifyAlert(alert, ruleOf([leafOf.dispatch, leafOf.health])), 'health')
})

test('ID-14 one scope key for those who see the same, another for every difference', () => {
  const key = getScopeKey(account(['dispatcher'], ['330400', '330500']))
  assert.equal(getScopeKey({ ...account(['dispatcher'], ['330500', '330400']), accountId: 'a2', sessionId: 's2' }), key)
  assert.equal(getScopeKey(account(['dispatcher'], ['330500', '330400'], ['u1'])), key, 'units matter only to a crew')
  for (const other of [
    account(['dispatcher'], ['330400']),
    account(['shift-leader'], ['330400', '330500']),
    account(['dispatcher', 'crew'], ['330400', '330500']),
    device('player', ['330400', '330500']),
  ])
    assert.notEqual(getScopeKey(other), key)
  assert.notEqual(getScopeKey(account(['crew'], [], ['u1'])), getScopeKey(account(['crew'], [], ['u2'])))
  assert.notEqual(getScopeKey(account(['administrator'], [])), getScopeKey(account(['administrator'], ['330400'])))
})

test('ID-15 an actor carries roles and regions and no session', () => {
  assert.deepEqual(findActor(account(['dispatcher'])), {
    accountId: 'a1',
    name: '甲',
    roles: ['dispatcher'],
    regions: ['330400'],
  })
  assert.equal(findActor(device('gateway')), undefined)
})
