/**
 * Sight: a principal as the doors see it: what it may say (intake), and which records of the world it sees and how (query,
 * fan-out). One place turns the table of permissions.ts into answers about records, so that no door can differ from another.
 */
import type { Kind } from '#contract/entry.ts'
import { type Reject, reject } from '#contract/errors.ts'
import { isStatutory, type Rule } from '#contract/rule.ts'
import type { Alert, Call, Card, Incident, Place, ShownCollection, Unit, World } from '../state/world.ts'
import {
  classifyAlert,
  collectionsFor,
  getScopeKey,
  getSource,
  isInScope,
  listReadableKinds,
  may,
  mayAnswer,
  maySpeakFor,
  type Principal,
  reduceToNotice,
  sightOfAlert,
} from './permissions.ts'

/** What a principal sees of the world. Equal keys see equally: their clients share one encoded packet. */
export type Sight = {
  key: string
  sees(collection: ShownCollection, record: unknown): boolean
  show(collection: ShownCollection, record: unknown): unknown
  covers(regionCode: string): boolean
  kinds: ReadonlySet<Kind>
  /** Set when of the report cards only those of this source are seen. */
  ownCards?: string
  /** Name of the account; undefined for a device. */
  name: string | undefined
}

type Kept = Pick<Unit, 'heardAt' | 'assignedBy' | 'statusBy' | 'movesOf' | 'still' | 'orderedFrom'>

const coreOnly = [
  'heardAt',
  'assignedBy',
  'statusBy',
  'movesOf',
  'still',
  'orderedFrom',
] as const satisfies readonly (keyof Kept)[]

/** A unit without what only the core needs. */
function showUnit(unit: Unit): unknown {
  const view: Partial<Unit> = { ...unit }
  for (const name of coreOnly) delete view[name]
  return view
}

function showAlert({ mergeKey: _key, pausedMs: _paused, ladderStep: _step, ladderFromAt: _from, ...view }: Alert) {
  return view
}

/** A card without the pseudonyms of its person and what only the core needs. */
function showCard({ at: _at, source: _source, personKeys: _keys, ...view }: Card): unknown {
  return view
}

/** The rules that have a part in an alert beside the leading one: whom they call sees it too. */
function listOtherRules(world: World, alert: Alert): Rule[] {
  return (alert.rules ?? []).flatMap(part => (part.ruleId === alert.ruleId ? [] : (world.rules.get(part.ruleId) ?? [])))
}

/** A call without what only the core needs: the number's hash stays in the house. */
export function showCall({ numberHash: _hash, answeredById: _by, isUncounted: _not, ...view }: Call) {
  return view
}

/** Builds the sight of a principal; it reads the world at each question, so a published change counts at once. */
export function createSight(principal: Principal, world: World): Sight {
  const reach = collectionsFor(principal)
  const source = getSource(principal)
  const sightOf = (alert: Alert) =>
    sightOfAlert(principal, alert, world.rules.get(alert.ruleId), listOtherRules(world, alert))
  const covers = (regionCode: string) => isInScope(principal, regionCode, world.regions)
  const isOwnUnit = (unitId: string) => principal.unitIds.includes(unitId)
  const seesIncident = (incident: Incident) =>
    reach.incidents === 'own'
      ? incident.unitIds.some(isOwnUnit) || (incident.nextUnitIds ?? []).some(isOwnUnit)
      : covers(incident.regionCode) ||
        (incident.ownerCode !== undefined && covers(incident.ownerCode)) ||
        (incident.visibleTo ?? []).some(covers)
  /** What belongs to a case is seen with it: a neighbour's unit that serves it, the calls behind it. */
  const seesCase = (incidentId: string | undefined) => {
    const incident = incidentId === undefined ? undefined : world.incidents.get(incidentId)
    return incident !== undefined && reach.incidents === 'region' && seesIncident(incident)
  }
  return {
    key: getScopeKey(principal),
    covers,
    kinds: listReadableKinds(principal),
    ...(reach.cards === 'own' ? { ownCards: source } : {}),
    name: principal.type === 'account' ? principal.name : undefined,
    sees(collection, record) {
      if (reach[collection] === 'none') return false
      if (reach[collection] === 'all') return true
      switch (collection) {
        case 'units': {
          const unit = record as Unit
          return reach.units === 'own' ? isOwnUnit(unit.unitId) : covers(unit.regionCode) || seesCase(unit.incidentId)
        }
        case 'incidents':
          return seesIncident(record as Incident)
        case 'alerts': {
          const alert = record as Alert
          return covers(alert.regionCode) && sightOf(alert) !== 'none'
        }
        case 'cards': {
          const card = record as Card
          return covers(card.regionCode) && (reach.cards !== 'own' || card.source === source)
        }
        case 'calls': {
          const call = record as Call
          return covers(call.regionCode) || seesCase(call.incidentId)
        }
        default:
          return covers((record as Place).regionCode)
      }
    },
    show(collection, record) {
      if (collection === 'units') return showUnit(record as Unit)
      if (collection === 'cards') return showCard(record as Card)
      if (collection === 'calls') return showCall(record as Call)
      if (collection !== 'alerts') return record
      const alert = record as Alert
      const view = showAlert(alert)
      return sightOf(alert) === 'full' ? view : reduceToNotice(view)
    },
  }
}

/** Kinds a unit says of itself: only who speaks for it may. */
const ownWords: ReadonlySet<Kind> = new Set([
  'unit.position',
  'unit.vitals',
  'unit.status',
  'unit.taskAcknowledged',
  'unit.distressed',
  'unit.distressEnded',
  'incident.stamped',
  'hospital.notified',
])

/** A value as text with the keys of every object in order: the database gives them back in an order of its own. */
function writeOrdered(value: unknown): string | undefined {
  return JSON.stringify(value, (_, each: unknown) =>
    each !== null && typeof each === 'object' && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  )
}

/**
 * The refusal for a publication of rules by somebody who is no keeper: it must follow the version in force (two editors never
 * overwrite each other unseen), touch statistical rules alone, and come from who covers the whole tree, because rules do.
 */
export function judgeRules(
  principal: Principal,
  world: Pick<World, 'rules' | 'regions' | 'city'>,
  body: { version: number; rules: readonly Rule[] },
): Reject | undefined {
  if (principal.type === 'device' || principal.roles.includes('administrator')) return undefined
  const { rulesVersion } = world.city
  if (body.version !== rulesVersion + 1) return reject('RULES_STALE', { version: rulesVersion })
  for (const region of world.regions.values())
    if (region.parentCode === undefined && !isInScope(principal, region.code, world.regions))
      return reject('REGION_FOREIGN', { regionCode: region.code })
  const said = new Map(body.rules.map(rule => [rule.ruleId, rule]))
  for (const ruleId of new Set([...world.rules.keys(), ...said.keys()])) {
    const [held, wanted] = [world.rules.get(ruleId), said.get(ruleId)]
    if (writeOrdered(held) === writeOrdered(wanted)) continue
    for (const rule of [held, wanted])
      if (rule && (isStatutory(rule) || classifyAlert({ ruleId, evidence: [] }, rule) !== 'health'))
        return reject('RULE_FOREIGN', { ruleId })
  }
  return undefined
}

/** The refusal for what a principal says about a kind, a unit or an alert; undefined when it may. Regions are judged beside it. */
export function judgeSaying(
  principal: Principal,
  world: World,
  clock: 'wall' | 'entries',
  kind: Kind,
  body: Readonly<Record<string, unknown>>,
): Reject | undefined {
  if (!may(principal, kind, clock)) return reject('KIND_FORBIDDEN', { kind })
  if (kind === 'rule.published' && Array.isArray(body.rules)) {
    const objection = judgeRules(principal, world, body as { version: number; rules: readonly Rule[] })
    if (objection) return objection
  }
  const { unitId, alertId, alertIds, cardId } = body
  if (ownWords.has(kind) && typeof unitId === 'string' && !maySpeakFor(principal, unitId))
    return reject('DEVICE_NOT_UNIT', { unitId })
  for (const id of [alertId, ...(Array.isArray(alertIds) ? alertIds : [])]) {
    const alert = typeof id === 'string' ? world.alerts.get(id) : undefined
    if (alert && !mayAnswer(principal, alert, world.rules.get(alert.ruleId), listOtherRules(world, alert)))
      return reject('ALERT_UNKNOWN', { alertId: alert.alertId })
  }
  const changesCard = kind === 'report.corrected' || kind === 'report.retracted'
  if (changesCard && typeof cardId === 'string' && collectionsFor(principal).cards === 'own') {
    const card = world.cards.get(cardId)
    if (card && card.source !== getSource(principal)) return reject('CARD_UNKNOWN', { cardId })
  }
  return undefined
}
