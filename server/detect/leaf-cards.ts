/**
 * Leaves on report cards: number of cases, cases that share a place, week against the years before. Part of `detect/`, pure.
 * Retracted cards and cards joined to an earlier one are no cases; a disease stands for everything under it in the code tree.
 */
import { findDiseaseById, listDiseaseIds } from '#contract/diseases.ts'
import type { CardCondition, PlaceClusterCondition, RatioCondition, Rule } from '#contract/rule.ts'
import { dayMs, formatDay, getDayIndex, getDayStartAt, hourMs, parseDay } from '#contract/scalars.ts'
import type { World } from '../state/world.ts'
import { getWeekday } from './calendar.ts'
import { findScope, getLeafKey, getSignalKey, type Judged, subjectsMax } from './leaf.ts'
import { findPlaceCluster, type PlacedCase } from './place-cluster.ts'
import { assessRatio } from './ratio.ts'

/** What of a card the rules look at. */
export type CaseCard = {
  readonly cardId: string
  readonly diseaseId: string
  readonly regionCode: string
  readonly facilityId: string
  readonly diagnosedAt: number
  readonly state?: string
  readonly duplicateOf?: string | undefined
  readonly placeId?: string | undefined
  readonly onsetDay?: string | undefined
  readonly deathDay?: string | undefined
}

/** Ids a card may carry to count under one of these: themselves, what lies under them, and by former names. */
export function expandDiseases(diseaseIds: readonly string[]): ReadonlySet<string> {
  return new Set(diseaseIds.flatMap(id => [id, ...listDiseaseIds(findDiseaseById(id)?.diseaseId ?? id)]))
}

/** Cases of some diseases: cards that stand and were not joined to an earlier one. */
function* listCases(world: World, diseaseIds: ReadonlySet<string>): Generator<CaseCard> {
  for (const card of world.cards.values() as Iterable<CaseCard>)
    if (diseaseIds.has(card.diseaseId) && card.state !== 'retracted' && card.duplicateOf === undefined) yield card
}

/** Onset where it is told, else diagnosis, as a day index. */
function getCaseDay(card: CaseCard): number {
  return (card.onsetDay === undefined ? undefined : parseDay(card.onsetDay)) ?? getDayIndex(card.diagnosedAt)
}

/**
 * The signal of a card leaf in the region of one card: distinct cases in the rule's window. A single case that is reported late is
 * still a case nobody knew of: it is judged today, and marked late.
 */
export function judgeCards(
  world: World,
  rule: Rule,
  leaf: CardCondition,
  diseaseIds: ReadonlySet<string>,
  regionCode: string,
  told: CaseCard,
): Judged | undefined {
  const since = world.city.now - rule.windowH * hourMs
  const cards: string[] = []
  let isTold = false
  for (const card of listCases(world, diseaseIds)) {
    if (card === told) isTold = true
    if (card.diagnosedAt >= since && findScope(world, card.regionCode, rule) === regionCode) cards.push(card.cardId)
  }
  const late = told.diagnosedAt < since
  if (late && isTold && leaf.min === 1) cards.push(told.cardId)
  if (cards.length < leaf.min) return undefined
  return {
    method: 'card',
    sourceKind: 'report-card',
    regionCode,
    period: told.diseaseId,
    until: world.city.now,
    observed: cards.length,
    threshold: leaf.min,
    diseaseId: told.diseaseId,
    late,
    at: world.city.now,
    subjects: cards.slice(-subjectsMax),
  }
}

/** The signal of a cluster at the place of one card; undefined when the card names no place. */
export function judgePlaceCluster(
  world: World,
  leaf: PlaceClusterCondition,
  diseaseIds: ReadonlySet<string>,
  regionCode: string,
  told: CaseCard,
): Judged | undefined {
  if (told.placeId === undefined) return undefined
  const cases: PlacedCase[] = []
  for (const card of listCases(world, diseaseIds))
    if (card.placeId === told.placeId)
      cases.push({
        caseId: card.cardId,
        placeId: card.placeId,
        day: getCaseDay(card),
        isDeath: card.deathDay !== undefined,
      })
  const cluster = findPlaceCluster(cases, getCaseDay(told), leaf)
  if (!cluster) return undefined
  return {
    method: 'place-cluster',
    sourceKind: 'report-card',
    regionCode,
    period: formatDay(cluster.lastDay),
    until: world.city.now,
    observed: cluster.caseIds.length,
    threshold: leaf.min,
    diseaseId: told.diseaseId,
    placeId: cluster.placeId,
    late: cluster.lastDay < getDayIndex(world.city.now) - leaf.windowDays,
    at: world.city.now,
    subjects: cluster.caseIds.slice(-subjectsMax),
  }
}

/** A week by ISO 8601: Monday to Sunday, of the year its Thursday lies in. @source ISO 8601-1:2019, 4.3.1.2 */
export function getWeek(day: number): { monday: number; year: number; week: number } {
  const monday = day - ((getWeekday(day) + 6) % 7)
  const thursday = formatDay(monday + 3)
  const year = Number(thursday.slice(0, 4))
  return { monday, year, week: 1 + Math.floor((monday + 3 - parseDay(`${year}-01-01`)!) / 7) }
}

/**
 * The signal of the ratio leaf for the week of one card; undefined is also no opinion (a year of history missing, zero mean).
 * Grade II is proposed when another county of the same city stands above three times its mean in the same week.
 */
export function judgeRatio(
  world: World,
  rule: Rule,
  leaf: RatioCondition,
  diseaseIds: ReadonlySet<string>,
  regionCode: string,
  told: CaseCard,
): Judged | undefined {
  const history = world.histories.get(`${leaf.diseaseId}|${regionCode}`)
  if (!history) return undefined
  const { monday, year, week } = getWeek(getDayIndex(told.diagnosedAt))
  const past = Array.from({ length: leaf.years }, (_, n) => {
    const weeks = history.years[String(year - 1 - n)]
    // Most years have no week 53: its neighbour is the same season.
    return weeks?.[Math.min(week, weeks.length) - 1]
  })
  const from = getDayStartAt(monday)
  const cards: string[] = []
  for (const card of listCases(world, diseaseIds))
    if (
      card.diagnosedAt >= from &&
      card.diagnosedAt < from + 7 * dayMs &&
      findScope(world, card.regionCode, rule) === regionCode
    )
      cards.push(card.cardId)
  const judged = assessRatio(cards.length, past, leaf)
  if (!judged?.fires) return undefined
  const period = `${year}-W${String(week).padStart(2, '0')}`
  return {
    method: 'ratio',
    sourceKind: 'report-card',
    regionCode,
    period,
    until: Math.min(world.city.now, from + 7 * dayMs),
    observed: cards.length,
    expected: judged.mean,
    threshold: judged.threshold,
    statistic: judged.ratio,
    pValue: judged.pValue,
    gradeCandidate: judged.isTriple && hasTripleSibling(world, rule, leaf, regionCode, period) ? 'II' : 'III',
    diseaseId: leaf.diseaseId,
    late: world.city.now > from + 8 * dayMs,
    at: world.city.now,
    subjects: cards.slice(-subjectsMax),
  }
}

/** Above three times the mean (2 倍以上). */
const triple = 3

function hasTripleSibling(world: World, rule: Rule, leaf: RatioCondition, regionCode: string, period: string): boolean {
  const parentCode = world.regions.get(regionCode)?.parentCode
  const leafKey = getLeafKey(rule, leaf)
  for (const region of world.regions.values()) {
    if (region.code === regionCode || parentCode === undefined || region.parentCode !== parentCode) continue
    const signal = world.signals.get(getSignalKey(leafKey, region.code))
    if (signal?.period === period && (signal.statistic ?? 0) > triple) return true
  }
  return false
}
