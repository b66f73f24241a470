/**
 * Permissions: the ONE table of who may say which kinds, read which routes and collections, and see which regions. Pure.
 * Intake, query, fan-out and the routes of identity all ask here; what the table does not name is denied. A generated test
 * walks every kind × role and every route × role, so a new kind or route is denied to everybody until a row says otherwise.
 *
 * Why the rows are as they are:
 * - A desk sees what its work needs. Dispatchers work on units, calls, incidents; an outbreak is told to them as a notice
 *   (that it is, where, which level), because a statutory case changes how a crew dresses, not how a case list reads.
 * - Epidemiologists see alerts, series and report cards, never the call list: the 120 calls reach them as counts.
 * - Crew and tablet see their own unit and its incident. A hospital sees places and units of its region.
 * - 三员分立: the administrator keeps the system (city state, register, alerts about operation) and reads no person; the
 *   auditor reads what was done and says nothing. No account holds both (GB/T 22239-2019 8.1.4).
 * - Whom a rule escalates to may read that alert in full: somebody woken at night must be able to answer.
 * - Kinds that only the house itself says (record.viewed, page.attempted, signal.found …) stand with nobody.
 */
import { type Actor, type Kind, kindNames, type RecordKind } from '#contract/entry.ts'
import { listLeaves, type Rule } from '#contract/rule.ts'
import type { Role } from '#contract/scalars.ts'
import type { AlertView } from '#contract/view.ts'
import type { ShownCollection } from '../state/world.ts'

export type PersonRole = Extract<
  Role,
  'dispatcher' | 'shift-leader' | 'epidemiologist' | 'hospital' | 'crew' | 'administrator' | 'auditor'
>
export type DeviceRole = Exclude<Role, PersonRole>
export const deviceRoles: readonly DeviceRole[] = ['gateway', 'terminal', 'feed', 'player']

/** A signed-in person. `unitIds` are the units a crew account rides on; empty for everybody else. */
export type AccountPrincipal = {
  type: 'account'
  accountId: string
  sessionId: string
  name: string
  roles: readonly Role[]
  regions: readonly string[]
  unitIds: readonly string[]
}
/** A device with a token. `unitIds` empty: any unit of its regions (gateway, player), none (terminal, feed). */
export type DevicePrincipal = {
  type: 'device'
  deviceId: string
  role: DeviceRole
  regions: readonly string[]
  unitIds: readonly string[]
}
/** Who is at the door. */
export type Principal = AccountPrincipal | DevicePrincipal

/** Roles of a principal, person or device. */
export function listRoles(principal: Principal): readonly Role[] {
  return principal.type === 'account' ? principal.roles : [principal.role]
}

/** Who spoke, as an entry carries it: roles and regions as they are now. Undefined for a device. */
export function findActor(principal: Principal): Actor | undefined {
  if (principal.type === 'device') return undefined
  const { accountId, name, roles, regions } = principal
  return { accountId, name, roles: [...roles], regions: [...regions] }
}

// --- who may say what

const desk: readonly Role[] = ['dispatcher', 'shift-leader']
const register: readonly Role[] = ['administrator', 'player']
const onBoard: readonly Role[] = ['gateway', 'terminal', 'player']
/** Whose duty an alert may be; which alerts they see decides which they can answer (sightOfAlert). */
const answering: readonly Role[] = ['epidemiologist', 'dispatcher', 'shift-leader', 'administrator']
const houseOnly: readonly Role[] = []

/** Roles that may say a kind. Written out for every kind: a kind without a row does not compile. */
export const sayTable: Readonly<Record<Kind, readonly Role[]>> = {
  'region.published': register,
  'pack.published': register,
  'calendar.published': register,
  // Rules are the epidemiologist's instrument; which of them, sight.ts judges by what a publication changes.
  'rule.published': ['epidemiologist', ...register],
  'history.published': ['epidemiologist', ...register],
  'place.registered': register,
  'unit.registered': register,
  'unit.position': onBoard,
  'unit.vitals': onBoard,
  'unit.status': [...desk, 'crew', ...onBoard],
  'call.received': [...desk, 'gateway', 'feed', 'player'],
  // The telephone system tells what the line did, the desk what it decided.
  'call.answered': [...desk, 'gateway', 'player'],
  'call.abandoned': [...desk, 'gateway', 'player'],
  'call.hungUp': [...desk, 'gateway', 'player'],
  'call.located': [...desk, 'gateway', 'feed', 'player'],
  'call.described': [...desk, 'player'],
  'call.conferenced': [...desk, 'gateway', 'player'],
  'call.transferred': [...desk, 'gateway', 'player'],
  'call.recorded': ['gateway', 'player'],
  'call.joined': [...desk, 'player'],
  'call.calledBack': [...desk, 'player'],
  'call.callbackGivenUp': [...desk, 'player'],
  'call.linked': [...desk, 'gateway', 'player'],
  'call.linkAcknowledged': [...desk, 'gateway', 'player'],
  'call.verified': houseOnly,
  // Lowers a person's rank: a decision of the shift, not of a seat.
  'number.marked': ['shift-leader'],
  'call.ended': [...desk, 'gateway', 'feed', 'player'],
  'incident.opened': [...desk, 'player'],
  'incident.questioned': [...desk, 'player'],
  'incident.unitAssigned': [...desk, 'player'],
  'incident.unitReleased': [...desk, 'player'],
  'incident.levelChanged': [...desk, 'player'],
  'incident.noted': [...desk, 'crew', 'terminal', 'player'],
  'incident.closed': [...desk, 'player'],
  'incident.stamped': [...desk, 'crew', ...onBoard],
  'incident.stampEdited': ['shift-leader'],
  'incident.unitQueued': [...desk, 'player'],
  'incident.nextWithdrawn': [...desk, 'player'],
  'incident.unitDiverted': [...desk, 'player'],
  'unit.taskAcknowledged': [...desk, 'crew', ...onBoard],
  'incident.cancelled': [...desk, 'player'],
  'incident.merged': desk,
  'incident.split': desk,
  'incident.reopened': desk,
  'incident.overrideReasoned': desk,
  'incident.massDeclared': [...desk, 'player'],
  'incident.transferOffered': desk,
  'incident.transferAccepted': desk,
  'incident.transferRefused': desk,
  'incident.transferWithdrawn': desk,
  'incident.aidAsked': desk,
  'incident.aidRefused': desk,
  'region.modeChanged': ['shift-leader', ...register],
  'crew.assigned': ['shift-leader', ...register],
  'unit.distressed': [...desk, 'crew', ...onBoard],
  'unit.distressAcknowledged': desk,
  'unit.distressEnded': [...desk, 'crew', ...onBoard],
  'unit.moveOrdered': [...desk, 'player'],
  'hospital.stateReported': [...desk, 'hospital', 'gateway', 'feed', 'player'],
  'hospital.notified': [...desk, 'crew', 'terminal', 'player'],
  'hospital.noticeAcknowledged': ['hospital', ...desk, 'player'],
  'shift.handoverOffered': desk,
  'shift.handedOver': desk,
  'shift.handoverWithdrawn': desk,
  'slip.rangeIssued': desk,
  'slip.entered': desk,
  'review.sheetPublished': ['shift-leader'],
  'review.requested': desk,
  'review.scored': ['shift-leader'],
  // Whose work was judged may say so; who that is, the world knows.
  'review.appealed': desk,
  'review.decided': ['shift-leader'],
  'count.reported': ['hospital', 'epidemiologist', 'gateway', 'feed', 'player'],
  // A statutory card is filed by a person; a feed prepares a draft (a player replays what persons once filed).
  'report.received': ['hospital', 'epidemiologist', 'player'],
  'report.drafted': ['hospital', 'gateway', 'feed', 'player'],
  'report.draftDismissed': ['hospital', 'epidemiologist', 'player'],
  'report.corrected': ['hospital', 'epidemiologist', 'player'],
  'report.retracted': ['hospital', 'epidemiologist', 'player'],
  'report.reviewed': ['epidemiologist', 'player'],
  'signal.found': houseOnly,
  'alert.acknowledged': answering,
  'alert.noted': answering,
  'alert.closed': answering,
  'alert.verified': answering,
  'alert.shelved': answering,
  'alert.reopened': answering,
  'alert.closureProposed': answering,
  'alert.closureConfirmed': answering,
  // Opening an event is the decision of whom the law charges with it.
  'event.opened': ['epidemiologist'],
  'event.alertAdded': ['epidemiologist'],
  'event.graded': ['epidemiologist'],
  'event.reported': ['epidemiologist'],
  'event.closed': ['epidemiologist'],
  'roster.published': ['administrator', 'shift-leader', 'epidemiologist', 'player'],
  // Only in a city that runs on its entries (`mayTick`): else the server alone ticks.
  'clock.ticked': ['player'],
  'page.attempted': houseOnly,
  'page.receipted': houseOnly,
  'record.viewed': houseOnly,
  'person.forgotten': houseOnly,
  'account.changed': houseOnly,
  'device.changed': houseOnly,
  'entry.quarantined': houseOnly,
}

/**
 * True when this principal may say this kind at all; region, unit and source are judged beside it.
 * @param clock `entries` in a city whose time is played; there alone a player ticks.
 */
export function may(principal: Principal, kind: Kind, clock: 'wall' | 'entries' = 'wall'): boolean {
  if (kind === 'clock.ticked' && clock !== 'entries') return false
  // A kind comes from a stranger: 'toString' is not a row.
  if (!Object.hasOwn(sayTable, kind)) return false
  const allowed = sayTable[kind]
  return listRoles(principal).some(role => allowed.includes(role))
}

/** True when this principal may speak for this unit (positions, vitals, statuses); the unit's region is judged beside it. */
export function maySpeakFor(principal: Principal, unitId: string): boolean {
  if (principal.unitIds.includes(unitId)) return true
  if (principal.type === 'account') return principal.roles.some(role => desk.includes(role) || role === 'administrator')
  return (principal.role === 'gateway' || principal.role === 'player') && principal.unitIds.length === 0
}

// --- which regions

/** Deepest region tree walked: province, city, county, street and as many levels again. */
const regionDepthMax = 8
type RegionTree = ReadonlyMap<string, { parentCode?: string | undefined }>

/** Roles that keep the installation and not a district. */
const keepers: readonly Role[] = ['administrator', 'auditor']

/**
 * True when the principal holds the whole installation: a keeper of the system or of its audit and nothing else, with no
 * region listed. Everybody else without regions sees nothing.
 */
export function isInstallationWide(principal: Principal): boolean {
  return (
    principal.type === 'account' &&
    principal.regions.length === 0 &&
    principal.roles.length > 0 &&
    principal.roles.every(role => keepers.includes(role))
  )
}

/** True when `regionCode` is one of the principal's regions or lies below one; an unpublished code belongs only to itself. */
export function isInScope(principal: Principal, regionCode: string, regions: RegionTree): boolean {
  if (isInstallationWide(principal)) return true
  let at: string | undefined = regionCode
  for (let depth = 0; at !== undefined && depth < regionDepthMax; depth++) {
    if (principal.regions.includes(at)) return true
    at = regions.get(at)?.parentCode
  }
  return false
}

// --- what may be read

/** How much of a collection: nothing, only what is of the principal's own units, what lies in its regions, or all. */
export type Reach = 'none' | 'own' | 'region' | 'all'
/** What an alert is about, by the conditions of its rule. */
export type AlertClass = 'operation' | 'dispatch' | 'statutory' | 'health'
/** An alert in full, as a notice (no evidence, no case figures, no notes), or not at all. */
export type Sight = 'none' | 'notice' | 'full'

export const shownCollections: readonly ShownCollection[] = [
  'regions',
  'places',
  'units',
  'calls',
  'incidents',
  'alerts',
  'events',
  'cards',
  'drafts',
]
export const alertClasses: readonly AlertClass[] = ['operation', 'dispatch', 'statutory', 'health']

export type ReadRow = {
  collections: Partial<Record<ShownCollection, Reach>>
  alerts: Partial<Record<AlertClass, Sight>>
  /** Kinds of entries readable at GET /v1/entries. */
  entries: readonly Kind[]
  /** Records whose personal fields may be opened, and whether only those of the own unit. */
  persons: Partial<Record<RecordKind, 'region' | 'own'>>
}

const eventTrail: readonly Kind[] = [
  'event.opened',
  'event.alertAdded',
  'event.graded',
  'event.reported',
  'event.closed',
]
const alertTrail: readonly Kind[] = [
  'alert.acknowledged',
  'alert.noted',
  'alert.closed',
  'alert.verified',
  'alert.shelved',
  'alert.reopened',
  'alert.closureProposed',
  'alert.closureConfirmed',
  ...eventTrail,
  'signal.found',
  'rule.published',
  'page.attempted',
  'page.receipted',
]
const dispatchTrail: readonly Kind[] = [
  'shift.handoverOffered',
  'shift.handedOver',
  'shift.handoverWithdrawn',
  'slip.rangeIssued',
  'slip.entered',
  'unit.registered',
  'unit.status',
  'call.received',
  'call.answered',
  'call.abandoned',
  'call.hungUp',
  'call.located',
  'call.described',
  'call.conferenced',
  'call.transferred',
  'call.recorded',
  'call.joined',
  'call.calledBack',
  'call.callbackGivenUp',
  'call.linked',
  'call.linkAcknowledged',
  'call.verified',
  'number.marked',
  'call.ended',
  'incident.opened',
  'incident.questioned',
  'incident.unitAssigned',
  'incident.unitReleased',
  'incident.levelChanged',
  'incident.noted',
  'incident.closed',
  'incident.stamped',
  'incident.stampEdited',
  'incident.unitQueued',
  'incident.nextWithdrawn',
  'incident.unitDiverted',
  'unit.taskAcknowledged',
  'incident.cancelled',
  'incident.merged',
  'incident.split',
  'incident.reopened',
  'incident.overrideReasoned',
  'incident.massDeclared',
  'incident.transferOffered',
  'incident.transferAccepted',
  'incident.transferRefused',
  'incident.transferWithdrawn',
  'incident.aidAsked',
  'incident.aidRefused',
  'region.modeChanged',
  'crew.assigned',
  'unit.distressed',
  'unit.distressAcknowledged',
  'unit.distressEnded',
  'unit.moveOrdered',
  'hospital.stateReported',
  'hospital.notified',
  'hospital.noticeAcknowledged',
]
const dispatchWorld = {
  regions: 'all',
  places: 'region',
  units: 'region',
  calls: 'region',
  incidents: 'region',
} as const

/** What each role reads. Everybody sees the region tree: names of places on a map are nobody's secret. */
export const readTable: Readonly<Record<Role, ReadRow>> = {
  dispatcher: {
    collections: { ...dispatchWorld, alerts: 'region', events: 'region' },
    alerts: { dispatch: 'full', statutory: 'notice', operation: 'notice' },
    // The timeline of the incident in hand: who sent which unit when, and what was refused.
    entries: dispatchTrail,
    persons: { call: 'region', incident: 'region' },
  },
  'shift-leader': {
    collections: { ...dispatchWorld, alerts: 'region', events: 'region' },
    alerts: { dispatch: 'full', operation: 'full', statutory: 'notice', health: 'notice' },
    entries: [
      ...dispatchTrail,
      'review.sheetPublished',
      'review.requested',
      'review.scored',
      'review.appealed',
      'review.decided',
      'alert.acknowledged',
      'alert.noted',
      'alert.closed',
      'alert.verified',
      'alert.shelved',
      'alert.reopened',
      'alert.closureProposed',
      'alert.closureConfirmed',
      ...eventTrail,
      'page.attempted',
      'page.receipted',
    ],
    persons: { call: 'region', incident: 'region' },
  },
  epidemiologist: {
    collections: {
      regions: 'all',
      places: 'region',
      alerts: 'region',
      events: 'region',
      cards: 'region',
      drafts: 'region',
    },
    alerts: { health: 'full', statutory: 'full' },
    entries: alertTrail,
    persons: { card: 'region' },
  },
  hospital: {
    // Its own cards, and the drafts its systems prepared for it to file.
    collections: { regions: 'all', places: 'region', units: 'region', cards: 'own', drafts: 'region' },
    alerts: {},
    entries: [],
    persons: {},
  },
  crew: {
    collections: { regions: 'all', places: 'region', units: 'own', incidents: 'own' },
    alerts: {},
    entries: [],
    persons: { call: 'own', incident: 'own' },
  },
  administrator: {
    collections: { regions: 'all', places: 'region', units: 'region', alerts: 'region' },
    alerts: { operation: 'full', dispatch: 'notice' },
    entries: [],
    persons: {},
  },
  auditor: {
    collections: { regions: 'all', places: 'region' },
    alerts: {},
    entries: kindNames,
    persons: {},
  },
  gateway: { collections: {}, alerts: {}, entries: [], persons: {} },
  terminal: {
    collections: { regions: 'all', places: 'region', units: 'own', incidents: 'own' },
    alerts: {},
    entries: [],
    persons: {},
  },
  feed: { collections: {}, alerts: {}, entries: [], persons: {} },
  player: { collections: dispatchWorld, alerts: {}, entries: [], persons: {} },
}

const reachOrder: readonly Reach[] = ['none', 'own', 'region', 'all']
const sightOrder: readonly Sight[] = ['none', 'notice', 'full']

function findWidest<T>(order: readonly T[], values: readonly (T | undefined)[]): T {
  let widest = 0
  for (const value of values) if (value !== undefined) widest = Math.max(widest, order.indexOf(value))
  return order[widest]!
}

/** How far a principal sees each collection; with several roles the widest counts. City state is for all who see any. */
export function collectionsFor(principal: Principal): Readonly<Record<ShownCollection, Reach>> {
  const rows = listRoles(principal).map(role => readTable[role])
  const reach = (name: ShownCollection) =>
    findWidest(
      reachOrder,
      rows.map(row => row.collections[name]),
    )
  return {
    regions: reach('regions'),
    places: reach('places'),
    units: reach('units'),
    calls: reach('calls'),
    incidents: reach('incidents'),
    alerts: reach('alerts'),
    events: reach('events'),
    cards: reach('cards'),
    drafts: reach('drafts'),
  }
}

/** The source under which a principal speaks for itself. */
export function getSource(principal: Principal): string {
  return principal.type === 'account' ? `desk:${principal.accountId}` : principal.deviceId
}

/** A key equal for two principals that see exactly the same world: clients of one scope share one encoded frame. */
export function getScopeKey(principal: Principal): string {
  const own = listRoles(principal).some(role => Object.values(readTable[role].collections).includes('own'))
  return JSON.stringify([
    [...new Set(listRoles(principal))].sort(),
    isInstallationWide(principal) ? '*' : [...new Set(principal.regions)].sort(),
    own ? [...new Set(principal.unitIds)].sort() : [],
    // Own cards are those of the account: nobody else sees exactly these.
    collectionsFor(principal).cards === 'own' ? getSource(principal) : '',
  ])
}

/** What an alert is about: by its rule's leaves; by the methods in its evidence when the rule is no longer published. */
export function classifyAlert(alert: Pick<AlertView, 'ruleId' | 'evidence'>, rule: Rule | undefined): AlertClass {
  const types: string[] = rule ? listLeaves(rule).map(leaf => leaf.type) : alert.evidence.map(part => part.method)
  const only = (type: string) => types.length > 0 && types.every(one => one === type)
  if (only('tick-gap')) return 'operation'
  if (only('unit-silence')) return 'dispatch'
  if (types.includes('card') || types.includes('place-cluster')) return 'statutory'
  return 'health'
}

/** How much of an alert a principal sees (its region is judged beside this). Whom the rule escalates to sees it in full. */
export function sightOfAlert(
  principal: Principal,
  alert: Pick<AlertView, 'ruleId' | 'evidence'>,
  rule: Rule | undefined,
  others: readonly Rule[] = [],
): Sight {
  const roles = listRoles(principal)
  if (collectionsFor(principal).alerts === 'none') return 'none'
  const isCalled = (one: Rule) => one.escalation.some(step => roles.includes(step.role))
  if ((rule && isCalled(rule)) || others.some(isCalled)) return 'full'
  const about = classifyAlert(alert, rule)
  return findWidest(
    sightOrder,
    roles.map(role => readTable[role].alerts[about]),
  )
}

/** True when a principal may acknowledge, note or close this alert: its role answers alerts and it sees this one in full. */
export function mayAnswer(
  principal: Principal,
  alert: Pick<AlertView, 'ruleId' | 'evidence'>,
  rule: Rule | undefined,
  others: readonly Rule[] = [],
): boolean {
  return may(principal, 'alert.acknowledged') && sightOfAlert(principal, alert, rule, others) === 'full'
}

/** An alert as a notice: that it is, where, which level and rule; no evidence, figures, notes or verdict. */
export function reduceToNotice(alert: AlertView): AlertView {
  const { acknowledgedBy: _a, closedBy: _c, verdict: _v, reason: _r, verification: _f, closure: _l, ...told } = alert
  const { shelvedBy: _s, shelfReason: _h, rules: _p, ...rest } = told
  return { ...rest, evidence: [], cases: 0, notes: [] }
}

/** Kinds of entries a principal may read at GET /v1/entries; regions are judged beside it. */
export function listReadableKinds(principal: Principal): ReadonlySet<Kind> {
  return new Set(listRoles(principal).flatMap(role => readTable[role].entries))
}

/** How far a principal may open personal fields of a kind of record: not at all, of its own units, of its regions. */
export function reachOfPerson(principal: Principal, recordKind: RecordKind): 'none' | 'own' | 'region' {
  return findWidest(
    ['none', 'own', 'region'] as const,
    listRoles(principal).map(role => readTable[role].persons[recordKind]),
  )
}

// --- which routes

type Access = 'public' | 'session' | 'loopback' | readonly Role[]

const persons: readonly Role[] = [
  'dispatcher',
  'shift-leader',
  'epidemiologist',
  'hospital',
  'crew',
  'administrator',
  'auditor',
]

/**
 * Who may use a route at all. `public`: nobody need be known. `session`: any signed-in person, also one who must still change
 * the password. `loopback`: callers on this machine, and administrators. Rows name roles; scope is judged behind the route.
 */
export const routeTable = {
  'GET /healthz': 'public',
  'GET /readyz': 'public',
  'GET /metrics': 'loopback',
  'GET /docs': persons,
  'POST /v1/session': 'public',
  // Known by the pager's signature, not by a session.
  'POST /v1/pages/:pageId/receipt': 'public',
  'GET /v1/session': 'session',
  'DELETE /v1/session': 'session',
  'POST /v1/session/password': 'session',
  'GET /v1/accounts': ['administrator'],
  'POST /v1/accounts': ['administrator'],
  'PATCH /v1/accounts/:accountId': ['administrator'],
  'GET /v1/devices': ['administrator'],
  'POST /v1/devices': ['administrator'],
  'DELETE /v1/devices/:deviceId': ['administrator'],
  'GET /v1/persons/:recordKind/:recordId': ['dispatcher', 'shift-leader', 'crew', 'epidemiologist'],
  'DELETE /v1/persons/:recordKind/:recordId': ['administrator'],
  // Kinds are judged one by one; the hospital and crew roles say some, the auditor none.
  'POST /v1/entries': [
    'dispatcher',
    'shift-leader',
    'epidemiologist',
    'hospital',
    'crew',
    'administrator',
    'gateway',
    'terminal',
    'feed',
    'player',
  ],
  'GET /v1/entries': ['auditor', 'shift-leader', 'epidemiologist', 'dispatcher'],
  // Past entries are judged, never shown: the answer holds alerts of the asker's regions alone.
  'POST /v1/rules/dry-run': ['epidemiologist'],
  'GET /v1/rules': ['epidemiologist', 'shift-leader', 'administrator', 'auditor'],
  'GET /v1/socket': [...persons, 'terminal', 'player'],
  'GET /v1/basemap': [...persons, 'terminal', 'player'],
  'GET /v1/settings': 'public',
  'GET /v1/series': ['epidemiologist'],
  'GET /v1/alerts': ['epidemiologist', 'dispatcher', 'shift-leader', 'administrator'],
  'GET /v1/alerts/:alertId': ['epidemiologist', 'dispatcher', 'shift-leader', 'administrator'],
  'GET /v1/alerts/:alertId/series': ['epidemiologist'],
  // Surveillance: who reviews reads figures; who keeps the installation must see which feed is silent.
  'GET /v1/sources/health': ['epidemiologist', 'administrator'],
  'GET /v1/alerts/:alertId/facilities': ['epidemiologist'],
  'GET /v1/surveillance/week': ['epidemiologist'],
  'GET /v1/surveillance/calendar': ['epidemiologist'],
  'GET /v1/rules/history': ['epidemiologist', 'administrator', 'auditor'],
  'GET /v1/incidents': ['dispatcher', 'shift-leader', 'player'],
  'GET /v1/incidents/:incidentId': ['dispatcher', 'shift-leader', 'crew', 'terminal', 'player'],
  // Advice is for who may order a unit; its rows hold only units the asker sees.
  'GET /v1/incidents/:incidentId/advice': desk,
  'GET /v1/addresses': desk,
  'GET /v1/packs': [...desk, 'administrator', 'auditor'],
  // Where the patient may go, how well the region is covered, who goes to a mass casualty: for who may order.
  'GET /v1/incidents/:incidentId/destinations': desk,
  'GET /v1/incidents/:incidentId/mass': desk,
  'GET /v1/cover': desk,
  'GET /v1/calls': ['dispatcher', 'shift-leader', 'player'],
  'GET /v1/calls/:callId/history': desk,
  'GET /v1/calls/:callId/duplicates': desk,
  // Unknown callers, bounded and ranked; 404 unless PUBLIC_CALLS=on.
  'POST /v1/public/calls': 'public',
  'POST /v1/public/calls/:callId/position': 'public',
  'POST /v1/public/calls/:callId/verification': 'public',
  'POST /v1/public/positions': 'public',
  'POST /v1/calls/:callId/position-link': desk,
  'GET /v1/units/:id/track': ['dispatcher', 'shift-leader', 'player'],
  // A hospital reads back its own cards; the line list as a file is the CDC's.
  'GET /v1/cards': ['epidemiologist', 'hospital'],
  'GET /v1/cards.csv': ['epidemiologist'],
  'GET /v1/cards/:cardId': ['epidemiologist', 'hospital'],
  'GET /v1/card-series': ['epidemiologist'],
  'GET /v1/events': ['epidemiologist', 'shift-leader', 'dispatcher'],
  'GET /v1/events/:eventId': ['epidemiologist', 'shift-leader', 'dispatcher'],
  'GET /v1/rosters': ['epidemiologist', 'shift-leader', 'administrator'],
  // Figures without persons: for who leads, who keeps and who checks.
  'GET /v1/reports/dispatch': ['shift-leader', 'administrator', 'auditor'],
  'GET /v1/reports/dispatch.csv': ['shift-leader', 'administrator', 'auditor'],
  'GET /v1/handovers': [...desk, 'auditor'],
  'GET /v1/slips': desk,
  // Samples and scores are about people's work: for who leads them, and to whoever was judged.
  'GET /v1/reviews/samples': ['shift-leader'],
  'GET /v1/reviews': desk,
  'GET /v1/reviews.csv': ['shift-leader'],
  'GET /v1/tracks': desk,
  'GET /v1/replay': desk,
} as const satisfies Record<string, Access>

export type RouteName = keyof typeof routeTable
export const routeNames = Object.keys(routeTable) as RouteName[]

/** True when somebody (or nobody: undefined) may use a route; a route without a row is denied. */
export function mayUse(principal: Principal | undefined, route: string, isLoopback = false): boolean {
  if (!Object.hasOwn(routeTable, route)) return false
  const access: Access = routeTable[route as RouteName]
  if (access === 'public') return true
  if (access === 'loopback') return isLoopback || (principal !== undefined && isAdministrator(principal))
  if (principal === undefined) return false
  if (access === 'session') return principal.type === 'account'
  return listRoles(principal).some(role => access.includes(role))
}

function isAdministrator(principal: Principal): boolean {
  return principal.type === 'account' && principal.roles.includes('administrator')
}

/** Why a set of roles cannot stand in one account, in both languages; undefined when it can. */
export function findRoleConflict(roles: readonly Role[]): string | undefined {
  if (roles.includes('administrator') && roles.includes('auditor'))
    return '三员分立:系统管理员不得兼任审计员 / an administrator cannot be an auditor too'
  if (roles.includes('auditor') && roles.length > 1) return '审计员不得兼任其他角色 / an auditor holds no other role'
  const device = roles.find(role => (deviceRoles as readonly Role[]).includes(role))
  return device ? `${device} 是设备角色 / ${device} is a role of devices` : undefined
}
