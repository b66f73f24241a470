/**
 * World: what is true now. The one mutable thing of the house, written only by the pure line (state → detect → notify),
 * read by everyone through `import type`. Everything in it is plain, finite and ordered, so that a checkpoint of it is exact:
 * maps of plain records keyed by id, in insertion order. It holds what is open and recent; tables hold the rest.
 */
import type { CalendarSpan } from '#contract/calendar.ts'
import { getCardLimits } from '#contract/diseases.ts'
import type { HandoverView, ReviewView, ReviewWishView, ScoreSheet, SlipRangeView } from '#contract/duty.ts'
import type { Pack } from '#contract/pack.ts'
import type { Rule } from '#contract/rule.ts'
import type {
  AlertView,
  CallView,
  CardView,
  DraftView,
  EventView,
  IncidentView,
  PlaceView,
  RegionView,
  RosterView,
  UnitView,
} from '#contract/view.ts'

export type Region = RegionView
export type Place = PlaceView

export type Unit = {
  unitId: string
  name: string
  plate?: string
  unitClass: 'A' | 'B' | 'C' | 'D'
  capabilities: string[]
  stationId?: string
  regionCode: string
  status: string
  statusAt: number
  /** Whether a desk's command or the unit itself set the status: their clocks differ. */
  statusBy: 'desk' | 'unit'
  incidentId?: string
  /** Who gave the task: named in UNIT_TAKEN. */
  assignedBy?: string
  version: number
  lon?: number
  lat?: number
  speedKmh?: number
  courseDeg?: number
  /** Device time of the newest fix: a fix at or before it is late and moves nothing. */
  fixAt?: number
  /** loggedAt of the newest fix: silence is judged on our clock, not the device's. */
  heardAt?: number
  silent: boolean
  acknowledgedAt?: number
  nextIncidentId?: string
  nextBy?: string
  nextAcknowledgedAt?: number
  suggestion?: UnitView['suggestion']
  distress?: UnitView['distress']
  shifts?: UnitView['shifts']
  baseIds?: string[]
  baseId?: string
  movedAt?: number
  moves?: number
  destinationId?: string
  /** The shift (or day, without one) that `moves` counts. */
  movesOf?: string
  /** Where its fixes have stood still, and since when by the device's clock. */
  still?: { since: number; lon: number; lat: number }
  /** Where it was when its task was given: leaving there suggests that it rolls. */
  orderedFrom?: { lon: number; lat: number }
}

/** A call is its view, and what only the core needs: the number's keyed hash and the account that answered. */
export type Call = CallView & {
  numberHash?: string
  answeredById?: string
  /** An internet call nobody has heard or verified yet: no witness of a syndrome until then. */
  isUncounted?: true
}

/** What the world remembers of a caller's number, under a keyed hash: never shown, forgotten with the calls it stands for. */
export type NumberRecord = {
  numberHash: string
  /** The newest calls of it, oldest first. */
  callIds: string[]
  callCount: number
  lastAt: number
  /** A nuisance mark: in force until it expires. */
  mark?: { by: string; reason: string; at: number; expiresAt: number }
}

/** An incident is its view: nothing of it is secret but its sealed fields, which stay in the log. */
export type Incident = IncidentView

/**
 * Counts of one source kind × syndrome × region × period kind, one slot a period from `firstIndex` on. null is absence.
 * Leaf series hold one facility's own figures; region series are sums of leaves, kept exact by difference.
 */
export type Series = {
  key: string
  sourceKind: string
  syndrome: string
  regionCode: string
  period: 'hour' | 'day'
  facilityId?: string
  firstIndex: number
  values: (number | null)[]
  denominators: (number | null)[]
  /** Facilities that have reported each slot (region series; 0 or 1 for a leaf). */
  reporters: number[]
  /** Leaf series: the region each slot was counted in. */
  where?: (string | null)[]
  /** Call series: index from which days and hours without a call have been filled with zeros. */
  zeroFrom?: number
}

/** A leaf condition that holds now for a region, found by a detector, a count, a card, silence or an analyst. */
export type Signal = {
  key: string
  method: string
  sourceKind?: string
  syndrome?: string
  regionCode: string
  period: string
  /** End of the period judged (or time of the card), epoch ms: windows are counted from it. */
  until: number
  observed: number
  expected?: number
  threshold?: number
  statistic?: number
  /** One-sided p-value where the method has one; `qValue` within its source kind × detector × day. */
  pValue?: number
  qValue?: number
  recurrenceDays?: number
  /** Joined p: the source kinds of the subset and what each counted, in their order; how their dependence was met. */
  sourceKinds?: string[]
  counts?: number[]
  correction?: 'brown' | 'strube' | 'uncorrected'
  gradeCandidate?: 'III' | 'II'
  /** Place of a cluster. */
  placeId?: string
  /** Calendar factor held in `expected` and `threshold`. */
  dayFactor?: number
  late: boolean
  at: number
  subjects: string[]
  /** Card signals: the disease judged. */
  diseaseId?: string
}

/** Weekly cases of a disease in a region, by past year; a week is Monday to Sunday (ISO 8601), null is unknown. */
export type DiseaseHistory = { diseaseId: string; regionCode: string; years: Record<string, (number | null)[]> }

export type Alert = AlertView & {
  /** Key of the merge: one open alert per region × syndrome (or disease, or rule where there is neither). */
  mergeKey: string
  /** Where the leading rule's ladder stands: the next step's place in it, and the time its steps count from. */
  ladderStep?: number
  ladderFromAt?: number
  /** Our own silence since it was raised, in ms: escalation does not run through it. */
  pausedMs?: number
}

/** A rule that holds for a region now: what detect hands to notify. */
export type Finding = {
  rule: Rule
  regionCode: string
  evidence: Signal[]
  /** Independent source kinds among the evidence, and how many the rule needs. */
  independentSources: number
  neededSources: number
  cases: number
  /** Its level, which is the rule's but for a ratio alone (never above 2 核实: a grade candidate is to be verified). */
  level: number
  /** A rule of the law: wins outright, is never hidden and never lowered by other rules of the same place. */
  statutory: boolean
  /** A single statistical signal above the false-discovery rate of its rule: raised, listed last, tells nobody. */
  hidden: boolean
  /** What it is about: the rule's syndrome, else the one its evidence shares. */
  syndrome?: string
}

/** A page that is or was due: the pager sends what the world shows due and unreceipted. */
export type Page = {
  pageId: string
  alertId: string
  step: number
  role: string
  regionCode: string
  level: number
  dueAt: number
  attempts: number
  lastAttemptAt?: number
  receiptedAt?: number
  /** Set when the alert was answered first or the page grew too old: never sent any more. */
  withdrawn: boolean
  /** A page about a public-health event; `alertId` then holds the event's id too. */
  eventId?: string
  /** Who is on duty by the roster when it is due; absent: everybody of the role. */
  to?: { accountId: string; contactRef?: string }[]
}

export type Card = CardView & {
  /** loggedAt of its filing: how long the world keeps it. */
  at: number
  /** Source that filed it (`desk:<account>`): whose own card it is. */
  source: string
  /** Pseudonyms of its person, given by the door. */
  personKeys?: string[]
}

/** A public-health event is its view. */
export type PublicEvent = EventView
export type Draft = DraftView
export type Roster = RosterView
export type Handover = HandoverView
export type SlipRange = SlipRangeView
export type Review = ReviewView

/** Exact ranges of source sequence numbers counted so far, ascending, disjoint, not touching: [from, to, from, to, …]. */
export type SourceRanges = { key: string; ranges: number[]; heardAt: number }

type CardLimitsMs = { file: number; review: number }

export type City = {
  /** loggedAt of the newest entry: the core's now. */
  now: number
  /** Newest tick. */
  tickedAt: number
  lastTickGapMs: number
  quarantined: number
  rulesVersion: number
  /** Publications of question packs so far: tells a console to read them anew. */
  packsVersion?: number
  /** Absent until a calendar was published. */
  calendarVersion?: number
  regionsVersion: number
  /** Limits of report cards as published, in ms; absent: those of the law. */
  cardLimits?: { version: number; urgent?: CardLimitsMs; usual?: CardLimitsMs }
  /** Last number of a paper slip given out; absent before the first. */
  slipsIssued?: number
  /** Time of the first call ever counted: from then on a day without a call is a true zero. 0 before. */
  firstCallAt: number
  /** Counter behind alert ids. */
  issued: number
}

export type World = {
  /** Seq of the newest entry applied. */
  seq: number
  city: City
  regions: Map<string, Region>
  places: Map<string, Place>
  rules: Map<string, Rule>
  packs: Map<string, Pack>
  /** Spans of the published calendar by their place in it. */
  calendar: Map<string, CalendarSpan>
  /** By disease and region: what the ratio rule compares with. */
  histories: Map<string, DiseaseHistory>
  units: Map<string, Unit>
  calls: Map<string, Call>
  numbers: Map<string, NumberRecord>
  incidents: Map<string, Incident>
  series: Map<string, Series>
  cards: Map<string, Card>
  signals: Map<string, Signal>
  alerts: Map<string, Alert>
  pages: Map<string, Page>
  /** Public-health events, by eventId. */
  events: Map<string, PublicEvent>
  drafts: Map<string, Draft>
  /** Rosters by region code. */
  rosters: Map<string, Roster>
  sources: Map<string, SourceRanges>
  handovers: Map<string, Handover>
  slipRanges: Map<string, SlipRange>
  scoreSheets: Map<string, ScoreSheet>
  reviewWishes: Map<string, ReviewWishView>
  reviews: Map<string, Review>
}

/** Collections in the order a checkpoint writes them. */
export const collections = [
  'regions',
  'places',
  'rules',
  'packs',
  'calendar',
  'histories',
  'units',
  'calls',
  'numbers',
  'incidents',
  'series',
  'cards',
  'signals',
  'alerts',
  'pages',
  'events',
  'drafts',
  'rosters',
  'sources',
  'handovers',
  'slipRanges',
  'scoreSheets',
  'reviewWishes',
  'reviews',
] as const
export type Collection = (typeof collections)[number]

/** Collections that fan-out shows. */
export type ShownCollection =
  | 'regions'
  | 'places'
  | 'units'
  | 'calls'
  | 'incidents'
  | 'alerts'
  | 'events'
  | 'cards'
  | 'drafts'

/**
 * What the line touched since fan-out looked last: ids only, the newest state is read from the world. `positions` are units
 * that only moved; `pages` wake the pager; `series` are for the analysts.
 */
export type Touched = {
  /** Series slots changed by the entry at hand; emptied by the pipeline before each entry. */
  judged: { seriesKey: string; index: number }[]
  city: boolean
  regions: Set<string>
  places: Set<string>
  units: Set<string>
  positions: Set<string>
  calls: Set<string>
  incidents: Set<string>
  alerts: Set<string>
  events: Set<string>
  cards: Set<string>
  drafts: Set<string>
  pages: Set<string>
  series: Set<string>
  handovers: Set<string>
  reviews: Set<string>
}

export function createTouched(): Touched {
  return {
    judged: [],
    city: false,
    regions: new Set(),
    places: new Set(),
    units: new Set(),
    positions: new Set(),
    calls: new Set(),
    incidents: new Set(),
    alerts: new Set(),
    events: new Set(),
    cards: new Set(),
    drafts: new Set(),
    pages: new Set(),
    series: new Set(),
    handovers: new Set(),
    reviews: new Set(),
  }
}

/** Lets go of what was touched, where nobody shows it. */
export function clearTouched(touched: Touched): void {
  touched.judged.length = 0
  touched.city = false
  for (const held of Object.values(touched)) if (held instanceof Set) held.clear()
}

export function createWorld(): World {
  return {
    seq: 0,
    city: {
      now: 0,
      tickedAt: 0,
      lastTickGapMs: 0,
      quarantined: 0,
      rulesVersion: 0,
      regionsVersion: 0,
      firstCallAt: 0,
      issued: 0,
    },
    regions: new Map(),
    places: new Map(),
    rules: new Map(),
    packs: new Map(),
    calendar: new Map(),
    histories: new Map(),
    units: new Map(),
    calls: new Map(),
    numbers: new Map(),
    incidents: new Map(),
    series: new Map(),
    cards: new Map(),
    signals: new Map(),
    alerts: new Map(),
    pages: new Map(),
    events: new Map(),
    drafts: new Map(),
    rosters: new Map(),
    sources: new Map(),
    handovers: new Map(),
    slipRanges: new Map(),
    scoreSheets: new Map(),
    reviewWishes: new Map(),
    reviews: new Map(),
  }
}

/** True when `code` is `scope` or lies below it in the region tree; an unpublished code belongs only to itself. */
export function isWithin(world: Pick<World, 'regions'>, code: string, scope: string): boolean {
  let at: string | undefined = code
  for (let depth = 0; at !== undefined && depth < 8; depth++) {
    if (at === scope) return true
    at = world.regions.get(at)?.parentCode
  }
  return false
}

/** The ancestor of a region (or itself) at a level; undefined when the tree has none. */
export function findRegionAt(world: Pick<World, 'regions'>, code: string, level: Region['level']): string | undefined {
  let at: string | undefined = code
  for (let depth = 0; at !== undefined && depth < 8; depth++) {
    const region = world.regions.get(at)
    if (!region) return undefined
    if (region.level === level) return at
    at = region.parentCode
  }
  return undefined
}

/** Fills what records of an earlier era do not hold yet; a world of this era is left as it is. */
export function upcastWorld(world: World): World {
  // An alert of report cards raised before two people were asked for is closed by two now.
  for (const alert of world.alerts.values())
    if (alert.statutory === undefined && alert.rules === undefined && alert.state !== 'closed')
      alert.statutory = alert.evidence.some(e => e.method === 'card')
  for (const card of world.cards.values() as Iterable<Card & { version?: number }>) {
    if (card.version !== undefined) continue
    const limits = getCardLimits(card.diseaseId)
    Object.assign(card, {
      version: 1,
      state: 'filed',
      source: '',
      filedAt: card.at,
      fileDueAt: card.diagnosedAt + limits.file,
      filedLate: card.at > card.diagnosedAt + limits.file,
      reviewDueAt: card.at + limits.review,
      duplicateIds: [],
      history: [],
      sealedFields: [],
    })
  }
  return world
}
