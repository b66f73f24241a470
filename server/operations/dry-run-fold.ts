/**
 * Dry-run fold: one list of rules over past entries, in the order of the log, through the first two stages of the line. Pure: no
 * clock, no database. Each entry is judged on a world that holds what was logged before it and nothing else, so nothing later
 * than a moment can bear on it. Ticks are not read: the hours between entries are struck anew.
 */
import { findDiseaseById, getDiseaseRoot } from '#contract/diseases.ts'
import type {
  DryRunAlert,
  DryRunCatch,
  DryRunRequest,
  DryRunSide,
  DryRunView,
  PlantedOutbreak,
} from '#contract/dry-run.ts'
import { dryRunAlertsMax } from '#contract/dry-run.ts'
import { type Entry, type Kind, kindNames } from '#contract/entry.ts'
import { isStatutory, listLeaves, type Rule } from '#contract/rule.ts'
import { dayMs, formatDay, getDayIndex, getDayStartAt, hourMs, parseDay, shanghaiOffsetMs } from '#contract/scalars.ts'
import { judge } from '../pipeline.ts'
import { createTouched, createWorld, type Finding, type Touched, type World } from '../state/world.ts'

/** An alert that nothing renews for two days would have been answered: what comes then is another. */
export const quietMs = 48 * hourMs
/** Evidence rows shown of one alert. */
const evidenceShownMax = 16
/** Days of series before the period, so that its first day is judged on a full history: the live window of a day series. */
export const warmUpDays = 64
/** Two alerts of one region and syndrome this near are the same one on both sides. */
const alikeMs = 2 * dayMs
/** A confirmed alert is caught from two weeks before it was raised to one after; a planted outbreak until two weeks after its end. */
const caughtBeforeMs = 14 * dayMs
const caughtAfterMs = 7 * dayMs
const plantedAfterMs = 14 * dayMs

/** Kinds that say what the city is: all of the past, not only the period's. */
export const registerKinds: readonly Kind[] = [
  'region.published',
  'calendar.published',
  'history.published',
  'place.registered',
]
/**
 * Kinds that rules judge by; a past finding of an analyst stands as it was found then. What desks, pages and accounts did stands in no
 * rule, and drafts of a feed are no cards.
 */
export const judgedKinds: readonly Kind[] = kindNames.filter(
  kind => /^(count|report|signal|call)\./.test(kind) && kind !== 'report.drafted',
)

/** Rules with a part that past entries cannot judge. */
export function listNotJudged(rules: readonly Rule[]): string[] {
  return rules
    .filter(rule => listLeaves(rule).some(leaf => leaf.type === 'unit-silence' || leaf.type === 'tick-gap'))
    .map(rule => rule.ruleId)
}

/** Place and syndrome of a finding, as alerts are merged: else its disease, else its rule. */
function getMergeKey(finding: Finding): string {
  const roots = new Set(
    finding.evidence.flatMap(signal => (signal.diseaseId === undefined ? [] : [getDiseaseRoot(signal.diseaseId)])),
  )
  const diseaseId = roots.size === 1 ? [...roots][0] : undefined
  const told = diseaseId === undefined ? undefined : findDiseaseById(diseaseId)?.syndrome
  const syndrome = finding.rule.syndrome ?? (told === 'other' || told === 'unknown' ? undefined : told)
  return `${syndrome ?? diseaseId ?? finding.rule.ruleId}@${finding.regionCode}`
}

type Episode = DryRunAlert & { shownAt?: number; touchedAt: number; shownLevel?: number }

export type Side = {
  readonly world: World
  take(entry: Entry): void
  /** Strikes the hours until an instant and closes. */
  finish(untilAt: number): Episode[]
}

/**
 * Opens one side of a dry run: a fresh world with these rules in force.
 * @param fromAt First instant whose findings count; earlier entries fill the series.
 */
export function openSide(rules: readonly Rule[], fromAt: number, covers: (regionCode: string) => boolean): Side {
  const world = createWorld()
  const touched = createTouched()
  const open = new Map<string, Episode>()
  const episodes: Episode[] = []
  let struckAt = 0
  let ownSeq = 0

  const fold = (entry: Entry) => {
    const { findings } = judge(world, entry, touched)
    forget(touched)
    for (const finding of findings) note(finding, entry.loggedAt)
  }
  const say = (kind: Kind, at: number, body: unknown) => {
    ownSeq++
    fold({
      seq: world.seq,
      loggedAt: at,
      kind,
      source: 'dry-run',
      epoch: 'dry-run',
      sourceSeq: ownSeq,
      occurredAt: at,
      receivedAt: at,
      body,
    } as unknown as Entry)
  }
  const note = (finding: Finding, at: number) => {
    if (!covers(finding.regionCode)) return
    const key = getMergeKey(finding)
    let episode = open.get(key)
    if (!episode || at - episode.touchedAt > quietMs) {
      episode = createEpisode(finding, at)
      open.set(key, episode)
      if (at >= fromAt) episodes.push(episode)
    } else extend(episode, finding, at)
  }
  /** Hours and days between entries, in order, as the server's clock would have struck them. */
  const strike = (untilAt: number) => {
    if (struckAt === 0) struckAt = untilAt - (untilAt % hourMs)
    for (let at = struckAt + hourMs; at <= untilAt; at += hourMs) {
      const isDay = (at + shanghaiOffsetMs) % dayMs === 0
      say('clock.ticked', at, { gapMs: 1_000, boundary: isDay ? 'day' : 'hour' })
      struckAt = at
    }
  }

  say('rule.published', 1, { version: 1, rules })
  return {
    world,
    take(entry) {
      if (!(registerKinds as readonly string[]).includes(entry.kind)) strike(entry.loggedAt)
      fold(entry)
    },
    finish(untilAt) {
      if (struckAt > 0) strike(untilAt)
      return episodes.filter(episode => episode.raisedAt < untilAt)
    },
  }
}

/** Ids a dry world touches are nobody's news. */
function forget(touched: Touched): void {
  for (const held of Object.values(touched)) if (held instanceof Set) held.clear()
}

function createEpisode(finding: Finding, at: number): Episode {
  const { regionCode, rule } = finding
  const episode: Episode = {
    regionCode,
    ...(finding.syndrome === undefined ? {} : { syndrome: finding.syndrome as NonNullable<DryRunAlert['syndrome']> }),
    level: finding.level,
    statutory: isStatutory(rule),
    hidden: finding.hidden,
    ruleIds: [rule.ruleId],
    raisedAt: at,
    lastAt: at,
    touchedAt: at,
    cases: finding.cases,
    independentSources: finding.independentSources,
    neededSources: finding.neededSources,
    evidence: listEvidence(finding),
  }
  if (!finding.hidden) episode.shownAt = at
  return episode
}

function extend(episode: Episode, finding: Finding, at: number): void {
  episode.touchedAt = at
  episode.lastAt = at
  if (!episode.ruleIds.includes(finding.rule.ruleId)) episode.ruleIds.push(finding.rule.ruleId)
  if (finding.hidden) return
  if (episode.hidden) {
    // Only now anybody would have seen it: it counts from here, by what showed it.
    episode.hidden = false
    episode.raisedAt = at
    episode.level = finding.level
    episode.evidence = listEvidence(finding)
    episode.shownAt = at
  }
  episode.level = Math.min(episode.level, finding.level)
  episode.statutory ||= finding.statutory
  episode.cases = Math.max(episode.cases, finding.cases)
  episode.independentSources = Math.max(episode.independentSources, finding.independentSources)
}

function listEvidence(finding: Finding): DryRunAlert['evidence'] {
  return finding.evidence.slice(0, evidenceShownMax).map(signal => {
    const { key: _key, until: _until, diseaseId: _disease, ...row } = signal
    return { ...row } as DryRunAlert['evidence'][number]
  })
}

function toAlert({ touchedAt: _touched, shownAt: _shown, shownLevel: _level, ...alert }: Episode): DryRunAlert {
  return alert
}

/** The Monday a moment's week begins with, by the Shanghai day; 1970-01-01 was a Thursday. */
function getMonday(at: number): string {
  const day = getDayIndex(at)
  return formatDay(day - ((day + 3) % 7))
}

/** Tells one side: its price by county and week, by rule, and its alerts. */
export function summariseSide(
  episodes: readonly Episode[],
  rules: readonly Rule[],
  span: { weeks: number; counties: number },
): DryRunSide {
  const shown = episodes.filter(episode => !episode.hidden).sort((a, b) => a.raisedAt - b.raisedAt)
  const weeks = new Map<string, DryRunSide['weeks'][number]>()
  for (const { raisedAt, regionCode, level } of shown) {
    const monday = getMonday(raisedAt)
    const key = `${monday}|${regionCode}`
    const row = weeks.get(key) ?? { monday, regionCode, count: 0, byLevel: [0, 0, 0, 0] }
    row.count++
    row.byLevel[level - 1]!++
    weeks.set(key, row)
  }
  return {
    alertCount: shown.length,
    hiddenCount: episodes.length - shown.length,
    perCountyWeek: shown.length / Math.max(1, span.counties) / Math.max(1 / 7, span.weeks),
    weeks: [...weeks.values()],
    perRule: rules.map(({ ruleId, name, nameEn }) => ({
      ruleId,
      name,
      nameEn,
      alertCount: shown.filter(episode => episode.ruleIds.includes(ruleId)).length,
    })),
    alerts: shown.slice(0, dryRunAlertsMax).map(toAlert),
    leftOut: Math.max(0, shown.length - dryRunAlertsMax),
  }
}

type Wanted = { regionCode: string; syndrome?: string | undefined }

/** True when one region holds the other, whichever way. */
function isRelated(world: Pick<World, 'regions'>, a: string, b: string): boolean {
  const climbs = (from: string, to: string) => {
    let at: string | undefined = from
    for (let depth = 0; at !== undefined && depth < 8; depth++) {
      if (at === to) return true
      at = world.regions.get(at)?.parentCode
    }
    return false
  }
  return climbs(a, b) || climbs(b, a)
}

function isAbout(world: Pick<World, 'regions'>, episode: Wanted, wanted: Wanted): boolean {
  return (
    isRelated(world, episode.regionCode, wanted.regionCode) &&
    (episode.syndrome === undefined || wanted.syndrome === undefined || episode.syndrome === wanted.syndrome)
  )
}

export type Confirmed = { alertId: string; regionCode: string; syndrome?: string; raisedAt: number }

/** What was worth catching and when either side raised it. */
export function listCatches(
  world: Pick<World, 'regions'>,
  sides: { current: readonly Episode[]; candidate: readonly Episode[] },
  confirmed: readonly Confirmed[],
  planted: readonly PlantedOutbreak[],
): DryRunCatch[] {
  const raisedBy = (episodes: readonly Episode[], wanted: Wanted, at: number, fromAt: number, untilAt: number) => {
    let first: Episode | undefined
    for (const episode of episodes)
      if (
        !episode.hidden &&
        episode.raisedAt >= fromAt &&
        episode.raisedAt < untilAt &&
        isAbout(world, episode, wanted) &&
        (!first || episode.raisedAt < first.raisedAt)
      )
        first = episode
    return first && { raisedAt: first.raisedAt, level: first.level, delayH: (first.raisedAt - at) / hourMs }
  }
  const tell = (
    row: Pick<DryRunCatch, 'what' | 'alertId'>,
    wanted: Wanted,
    at: number,
    from: number,
    until: number,
  ) => {
    const current = raisedBy(sides.current, wanted, at, from, until)
    const candidate = raisedBy(sides.candidate, wanted, at, from, until)
    return {
      ...row,
      regionCode: wanted.regionCode,
      ...(wanted.syndrome === undefined ? {} : { syndrome: wanted.syndrome as NonNullable<DryRunCatch['syndrome']> }),
      at,
      ...(current ? { current } : {}),
      ...(candidate ? { candidate } : {}),
    }
  }
  return [
    ...planted.map(outbreak => {
      const at = getDayStartAt(parseDay(outbreak.fromDay)!)
      const until = getDayStartAt(parseDay(outbreak.untilDay)! + 1) + plantedAfterMs
      return tell({ what: 'planted' }, outbreak, at, at, until)
    }),
    ...confirmed.map(alert =>
      tell(
        { what: 'confirmed', alertId: alert.alertId },
        alert,
        alert.raisedAt,
        alert.raisedAt - caughtBeforeMs,
        alert.raisedAt + caughtAfterMs,
      ),
    ),
  ]
}

/** Shown alerts of one side that the other has nothing like. */
function listUnlike(world: Pick<World, 'regions'>, own: readonly Episode[], other: readonly Episode[]): DryRunAlert[] {
  return own
    .filter(
      episode =>
        !episode.hidden &&
        !other.some(
          held =>
            !held.hidden && Math.abs(held.raisedAt - episode.raisedAt) <= alikeMs && isAbout(world, held, episode),
        ),
    )
    .slice(0, dryRunAlertsMax)
    .map(toAlert)
}

export type DryRunRules = { version: number; rules: readonly Rule[] }

/** A dry run of both lists over the same entries. */
export type DryRun = {
  take(entry: Entry): void
  finish(confirmed: readonly Confirmed[]): DryRunView
}

/** Opens a dry run: feed it the register's entries, then the past in the order of the log, then finish it. */
export function openDryRun(
  request: DryRunRequest,
  current: DryRunRules,
  covers: (regionCode: string) => boolean,
): DryRun {
  const fromAt = getDayStartAt(parseDay(request.fromDay)!)
  const untilAt = getDayStartAt(parseDay(request.untilDay)! + 1)
  const held = openSide(current.rules, fromAt, covers)
  const wanted = openSide(request.rules, fromAt, covers)
  let readEntries = 0
  return {
    take(entry) {
      // What was logged after the period was not known in it.
      if (entry.loggedAt >= untilAt) return
      readEntries++
      held.take(entry)
      wanted.take(entry)
    },
    finish(confirmed) {
      const sides = { current: held.finish(untilAt), candidate: wanted.finish(untilAt) }
      const { world } = wanted
      const counties = [...world.regions.values()].filter(r => r.level === 'county' && covers(r.code)).length
      const weeks = (untilAt - fromAt) / (7 * dayMs)
      return {
        fromDay: request.fromDay,
        untilDay: request.untilDay,
        weeks,
        counties,
        readEntries,
        currentVersion: current.version,
        notJudged: listNotJudged(request.rules),
        current: summariseSide(sides.current, current.rules, { weeks, counties }),
        candidate: summariseSide(sides.candidate, request.rules, { weeks, counties }),
        catches: listCatches(
          world,
          sides,
          confirmed.filter(alert => covers(alert.regionCode)),
          request.planted.filter(outbreak => covers(outbreak.regionCode)),
        ),
        gained: listUnlike(world, sides.candidate, sides.current),
        lost: listUnlike(world, sides.current, sides.candidate),
      }
    },
  }
}
