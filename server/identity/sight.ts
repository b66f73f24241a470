/**
 * Sight: a principal as the doors see it: what it may say (intake), and which records of the world it sees and how (query,
 * fan-out). One place turns the table of permissions.ts into answers about records, so that no door can differ from another.
 */
import type { Kind } from '#contract/entry.ts'
import { type Reject, reject } from '#contract/errors.ts'
import type { Alert, Call, Incident, Place, ShownCollection, Unit, World } from '../state/world.ts'
import {
  collectionsFor,
  getScopeKey,
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

function showAlert({ mergeKey: _key, pausedMs: _paused, ...view }: Alert) {
  return view
}

/** A call without what only the core needs: the number's hash stays in the house. */
export function showCall({ numberHash: _hash, answeredById: _by, isUncounted: _not, ...view }: Call) {
  return view
}

/** Builds the sight of a principal; it reads the world at each question, so a published change counts at once. */
export function createSight(principal: Principal, world: World): Sight {
  const reach = collectionsFor(principal)
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
          return covers(alert.regionCode) && sightOfAlert(principal, alert, world.rules.get(alert.ruleId)) !== 'none'
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
      if (collection === 'calls') return showCall(record as Call)
      if (collection !== 'alerts') return record
      const alert = record as Alert
      const view = showAlert(alert)
      return sightOfAlert(principal, alert, world.rules.get(alert.ruleId)) === 'full' ? view : reduceToNotice(view)
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

/** The refusal for what a principal says about a kind, a unit or an alert; undefined when it may. Regions are judged beside it. */
export function judgeSaying(
  principal: Principal,
  world: World,
  clock: 'wall' | 'entries',
  kind: Kind,
  body: Readonly<Record<string, unknown>>,
): Reject | undefined {
  if (!may(principal, kind, clock)) return reject('KIND_FORBIDDEN', { kind })
  const { unitId, alertId } = body
  if (ownWords.has(kind) && typeof unitId === 'string' && !maySpeakFor(principal, unitId))
    return reject('DEVICE_NOT_UNIT', { unitId })
  if (typeof alertId === 'string') {
    const alert = world.alerts.get(alertId)
    if (alert && !mayAnswer(principal, alert, world.rules.get(alert.ruleId)))
      return reject('ALERT_UNKNOWN', { alertId })
  }
  return undefined
}
