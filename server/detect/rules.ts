/**
 * Rules: the second stage of the line. After each entry it re-judges the leaves that the entry could have changed, keeps what
 * holds now as signals in the world, and returns the findings: rules that hold for a region, with the evidence. Pure.
 * A leaf's signal is renewed by a newer period and withdrawn when its own period is re-assessed and no longer fires.
 *
 * What notify/ gets: one finding per rule and region. Of all findings of one place and syndrome the most urgent `level` is the
 * alert's, so another rule or a further source can only raise it; a `statutory` one wins outright; a `hidden` one (a single
 * statistical signal above its rule's false-discovery rate) is raised without telling anybody until it is found unhidden.
 */
import type { Entry, EntryOf } from '#contract/entry.ts'
import {
  type CombinedCondition,
  type CountCondition,
  type DetectorCondition,
  isStatutory,
  type LeafCondition,
  listLeaves,
  type PlaceCountCondition,
  type Rule,
  type SourceSilenceCondition,
} from '#contract/rule.ts'
import { formatDay, getDayIndex, getHourIndex, hourMs, parseDay } from '#contract/scalars.ts'
import type { Finding, Series, Signal, Touched, World } from '../state/world.ts'
import { getCalendar } from './calendar.ts'
import { getFacilityIndex } from './facility-index.ts'
import { computeQValues } from './false-discovery.ts'
import { describePeriod, findScope, getLeafKey, getSignalKey, type Judged, subjectsMax } from './leaf.ts'
import { type CaseCard, expandDiseases, judgeCards, judgePlaceCluster, judgeRatio } from './leaf-cards.ts'
import {
  assessDetector,
  countWindowSlots,
  judgeCombined,
  judgeCount,
  judgeDetector,
  judgePlaceCount,
  listFacilities,
} from './leaf-series.ts'
import { findSourceSilence } from './source-silence.ts'
import { countWitnesses } from './witness.ts'

type LeafUse = { rule: Rule; leaf: LeafCondition; leafKey: string; diseaseIds?: ReadonlySet<string> }
type Index = {
  version: number
  size: number
  bySeries: Map<string, LeafUse[]>
  byType: Map<LeafCondition['type'], LeafUse[]>
  /** Leaves on cards, by every disease id that counts under them. */
  byDisease: Map<string, LeafUse[]>
}

/** Derived from the rules alone; kept per rule map and rebuilt when a new version is published. */
const indexes = new WeakMap<Map<string, Rule>, Index>()

function getIndex(world: World): Index {
  const held = indexes.get(world.rules)
  if (held && held.version === world.city.rulesVersion && held.size === world.rules.size) return held
  const index: Index = {
    version: world.city.rulesVersion,
    size: world.rules.size,
    bySeries: new Map(),
    byType: new Map(),
    byDisease: new Map(),
  }
  const add = <K>(map: Map<K, LeafUse[]>, key: K, use: LeafUse) => map.set(key, [...(map.get(key) ?? []), use])
  for (const rule of world.rules.values()) {
    if (!rule.enabled) continue
    for (const leaf of listLeaves(rule)) {
      const use: LeafUse = { rule, leaf, leafKey: getLeafKey(rule, leaf) }
      if (leaf.type === 'detector' || leaf.type === 'count')
        add(index.bySeries, `${leaf.period}|${leaf.sourceKind}|${leaf.syndrome}`, use)
      else if (leaf.type === 'combined-p')
        for (const sourceKind of new Set(leaf.sourceKinds))
          add(index.bySeries, `day|${sourceKind}|${leaf.syndrome}`, use)
      else if (leaf.type === 'card' || leaf.type === 'place-cluster' || leaf.type === 'ratio') {
        use.diseaseIds = expandDiseases(leaf.type === 'ratio' ? [leaf.diseaseId] : leaf.diseaseIds)
        for (const id of use.diseaseIds) add(index.byDisease, id, use)
      }
      add(index.byType, leaf.type, use)
    }
  }
  indexes.set(world.rules, index)
  return index
}

/** Keeps the newest firing period; a period that no longer fires withdraws only itself. */
function settleSignal(world: World, key: string, period: string, signal: Signal | undefined): boolean {
  const held = world.signals.get(key)
  if (signal) {
    if (held && held.until > signal.until) return false
    world.signals.set(key, signal)
    return true
  }
  if (held?.period === period) world.signals.delete(key)
  return false
}

// --- from signals to a finding

/** Facilities behind one kind of a signal; undefined where none are known and the kind vouches for itself. */
function listVouching(
  world: World,
  rule: Rule,
  leaf: LeafCondition,
  signal: Signal,
  sourceKind: string,
): Set<string> | undefined {
  switch (leaf.type) {
    case 'detector':
    case 'count': {
      const at = parsePeriod(signal.period)
      if (!at) return undefined
      const slots = leaf.type === 'count' ? countWindowSlots(at.period, rule.windowH) : 1
      const name = { period: at.period, sourceKind, syndrome: leaf.syndrome }
      return listFacilities(world, rule, signal.regionCode, name, at.index, slots)
    }
    case 'combined-p': {
      const at = parsePeriod(signal.period)
      const name = { period: 'day', sourceKind, syndrome: leaf.syndrome } as const
      return at && listFacilities(world, rule, signal.regionCode, name, at.index)
    }
    case 'place-count':
      return new Set(signal.subjects)
    case 'card':
    case 'place-cluster':
    case 'ratio':
      return new Set(signal.subjects.flatMap(cardId => world.cards.get(cardId)?.facilityId ?? []))
    default:
      return undefined
  }
}

/** A day or an hour of a signal; undefined for the periods of other leaves. */
function parsePeriod(period: string): { period: 'hour' | 'day'; index: number } | undefined {
  const day = parseDay(period.slice(0, 10))
  if (day === undefined) return undefined
  return period.length === 10
    ? { period: 'day', index: day }
    : { period: 'hour', index: day * 24 + Number(period.slice(11)) }
}

/** True when an analyst's finding is as sure as the leaf wants. */
function meetsFound(leaf: LeafCondition, signal: Signal): boolean {
  if (leaf.type !== 'found') return true
  if (leaf.maxP !== undefined && !(signal.pValue !== undefined && signal.pValue <= leaf.maxP)) return false
  return (
    leaf.minRecurrenceDays === undefined ||
    (signal.recurrenceDays !== undefined && signal.recurrenceDays >= leaf.minRecurrenceDays)
  )
}

type Part = { leaf: LeafCondition; signal: Signal }

function weigh(
  world: World,
  rule: Rule,
  parts: readonly Part[],
): Omit<Finding, 'level' | 'statutory' | 'hidden'> | undefined {
  const leaves = listLeaves(rule)
  const byKind = new Map<string, number>()
  const facilities = new Map<string, Set<string> | undefined>()
  for (const { leaf, signal } of parts) {
    const kinds = signal.sourceKinds ?? [signal.sourceKind ?? signal.method]
    for (const [n, kind] of kinds.entries()) {
      byKind.set(kind, Math.max(byKind.get(kind) ?? 0, signal.counts?.[n] ?? signal.observed))
      const vouching = listVouching(world, rule, leaf, signal, kind)
      // A kind that one leaf knows no facility for vouches for itself.
      if (!facilities.has(kind)) facilities.set(kind, vouching)
      else if (vouching === undefined) facilities.set(kind, undefined)
      else for (const id of vouching) facilities.get(kind)?.add(id)
    }
  }
  const cases = [...byKind.values()].reduce((sum, n) => sum + n, 0)
  const isLone = leaves.length === 1 && leaves[0]!.type === 'combined-p'
  const neededSources = 'k' in rule.when ? rule.when.k : isLone ? (leaves[0] as CombinedCondition).minSources : 1
  const independentSources = countWitnesses([...facilities.values()])
  const holds =
    rule.when.type === 'allOf'
      ? parts.length === leaves.length
      : parts.length > 0 && independentSources >= neededSources
  if (!holds || cases < rule.minCases) return undefined
  const regionCode = parts[0]!.signal.regionCode
  const evidence = parts.map(part => part.signal)
  const syndromes = new Set(evidence.map(signal => signal.syndrome))
  const syndrome = rule.syndrome ?? (syndromes.size === 1 ? [...syndromes][0] : undefined)
  return {
    rule,
    regionCode,
    evidence,
    independentSources,
    neededSources,
    cases,
    ...(syndrome === undefined ? {} : { syndrome }),
  }
}

/** A ratio alone proposes a grade to be verified: never above 核实. */
const ratioLevelMin = 2

/** Builds the finding of a rule in a region from the signals that hold within its window; undefined when it does not hold. */
function findRule(world: World, rule: Rule, regionCode: string): Finding | undefined {
  const since = world.city.now - rule.windowH * hourMs
  const parts: Part[] = []
  for (const leaf of listLeaves(rule)) {
    const signal = world.signals.get(getSignalKey(getLeafKey(rule, leaf), regionCode))
    if (signal && signal.until >= since && meetsFound(leaf, signal)) parts.push({ leaf, signal })
  }
  if (parts.length === 0) return undefined
  const finding = weigh(world, rule, parts)
  if (!finding) return undefined
  const statutory = isStatutory(rule)
  const beside = parts.filter(part => part.leaf.type !== 'ratio')
  const restsOnRatio = beside.length < parts.length && (beside.length === 0 || !weigh(world, rule, beside))
  const level = restsOnRatio ? Math.max(ratioLevelMin, rule.level) : rule.level
  return { ...finding, level, statutory, hidden: !statutory && isHidden(world, rule, finding) }
}

/** Adds a finding once per rule and region of this step. */
function collect(world: World, found: Map<string, Finding>, rule: Rule, regionCode: string): void {
  const finding = findRule(world, rule, regionCode)
  if (finding) found.set(`${rule.ruleId}@${regionCode}`, finding)
}

// --- false discovery

/**
 * p-values of every series that some enabled rule judges by this method, of one source kind and period: the family a single
 * signal is weighed in. A series counts once, however many rules look at it.
 */
function listFamily(
  world: World,
  method: DetectorCondition['method'],
  sourceKind: string,
  period: string,
): Map<string, number> {
  const at = parsePeriod(period)
  const family = new Map<string, number>()
  if (!at) return family
  for (const use of getIndex(world).byType.get('detector') ?? []) {
    const leaf = use.leaf as DetectorCondition
    if (leaf.method !== method || leaf.sourceKind !== sourceKind || leaf.period !== at.period) continue
    for (const region of world.regions.values()) {
      if (region.level !== use.rule.regionLevel) continue
      const name = `${leaf.syndrome}@${region.code}`
      const series = world.series.get(`${at.period}|${sourceKind}|${leaf.syndrome}|${region.code}`)
      const pValue = series && assessDetector(world, series, at.index, leaf)?.pValue
      if (pValue !== undefined) family.set(name, Math.min(family.get(name) ?? 1, pValue))
    }
  }
  return family
}

/**
 * True for a single statistical signal whose q-value lies above the rule's rate; writes the q-values into the evidence. Findings of
 * the law, of several witnesses, and signals without a p-value are never hidden.
 */
function isHidden(world: World, rule: Rule, finding: Pick<Finding, 'evidence' | 'neededSources'>): boolean {
  const rate = rule.falseDiscoveryRate
  if (rate === undefined || finding.neededSources > 1 || rule.when.type === 'allOf') return false
  let hidden = true
  for (const signal of finding.evidence) {
    if (!signal.method.startsWith('ears') || signal.pValue === undefined || signal.sourceKind === undefined) {
      hidden = false
      continue
    }
    const method = signal.method as DetectorCondition['method']
    const family = listFamily(world, method, signal.sourceKind, signal.period)
    const names = [...family.keys()]
    const qValues = computeQValues([...family.values()])
    const own = names.indexOf(`${signal.syndrome}@${signal.regionCode}`)
    if (own >= 0) signal.qValue = qValues[own]!
    if (signal.qValue === undefined || signal.qValue <= rate) hidden = false
  }
  return hidden
}

// --- what an entry may have changed

function judgeLeaf(world: World, use: LeafUse, series: Series, index: number): Judged | undefined {
  const { leaf, rule } = use
  if (leaf.type === 'detector') return judgeDetector(world, series, index, leaf)
  if (leaf.type === 'combined-p') return judgeCombined(world, rule, series.regionCode, index, leaf)
  return judgeCount(world, series, index, leaf as CountCondition, rule.windowH)
}

function detectSeries(world: World, touched: Touched, found: Map<string, Finding>): void {
  const index = getIndex(world)
  for (const slot of touched.judged) {
    const series = world.series.get(slot.seriesKey)
    if (!series) continue
    const uses = index.bySeries.get(`${series.period}|${series.sourceKind}|${series.syndrome}`) ?? []
    for (const use of uses) {
      if (findScope(world, series.regionCode, use.rule) !== series.regionCode) continue
      const key = getSignalKey(use.leafKey, series.regionCode)
      const judged = judgeLeaf(world, use, series, slot.index)
      if (settleSignal(world, key, describePeriod(series, slot.index), judged && { key, ...judged }))
        collect(world, found, use.rule, series.regionCode)
    }
  }
}

/** Counts of one facility: summed over a window of its own days. */
function detectPlaceCounts(world: World, entry: EntryOf<'count.reported'>, found: Map<string, Finding>): void {
  const { body } = entry
  const day = body.period.length === 10 ? parseDay(body.period) : undefined
  if (day === undefined) return
  for (const { rule, leaf, leafKey } of getIndex(world).byType.get('place-count') ?? []) {
    const wanted = leaf as PlaceCountCondition
    if (wanted.sourceKind !== body.sourceKind || wanted.syndrome !== body.syndrome) continue
    const regionCode = findScope(world, body.regionCode, rule)
    const series = getFacilityIndex(world)
      .byFacility.get(`${body.sourceKind}|${body.facilityId}`)
      ?.find(own => own.period === 'day' && own.syndrome === body.syndrome)
    if (regionCode === undefined || !series) continue
    const key = getSignalKey(leafKey, regionCode)
    const judged = judgePlaceCount(world, series, day, wanted, regionCode)
    const held = world.signals.get(key)
    if (judged) {
      if (settleSignal(world, key, judged.period, { key, ...judged })) collect(world, found, rule, regionCode)
    } else if (held?.subjects[0] === body.facilityId && Math.abs(parseDay(held.period)! - day) < wanted.windowDays)
      world.signals.delete(key)
  }
}

/** Cards: re-judges every leaf on the card's disease; a correction or retraction may withdraw what rested on it. */
function detectCard(world: World, cardId: string, found: Map<string, Finding>): void {
  const told: CaseCard | undefined = world.cards.get(cardId)
  if (!told) return
  for (const use of getIndex(world).byDisease.get(told.diseaseId) ?? []) {
    const { rule, leaf, leafKey } = use
    const placeId = leaf.type === 'place-cluster' ? told.placeId : undefined
    const place = placeId === undefined ? undefined : world.places.get(placeId)
    const regionCode = findScope(world, place?.regionCode ?? told.regionCode, rule)
    if (regionCode === undefined) continue
    const key = getSignalKey(leafKey, regionCode)
    const diseaseIds = use.diseaseIds!
    const judged =
      leaf.type === 'card'
        ? judgeCards(world, rule, leaf, diseaseIds, regionCode, told)
        : leaf.type === 'place-cluster'
          ? judgePlaceCluster(world, leaf, diseaseIds, regionCode, told)
          : leaf.type === 'ratio'
            ? judgeRatio(world, rule, leaf, diseaseIds, regionCode, told)
            : undefined
    if (judged) {
      world.signals.set(key, { key, ...judged })
      collect(world, found, rule, regionCode)
    } else if (world.signals.get(key)?.subjects.includes(cardId)) world.signals.delete(key)
  }
}

/** Silence of units, judged on ticks: one signal a region that names the units. */
function detectSilence(world: World, found: Map<string, Finding>): void {
  for (const { rule, leaf, leafKey } of getIndex(world).byType.get('unit-silence') ?? []) {
    if (leaf.type !== 'unit-silence') continue
    const silent = new Map<string, { id: string; since: number }[]>()
    for (const unit of world.units.values()) {
      if (unit.heardAt === undefined || unit.status === 'unavailable') continue
      const silentMs = world.city.now - unit.heardAt
      const limitMs = (unit.incidentId === undefined ? leaf.idleS : leaf.onTaskS) * 1_000
      if (silentMs <= limitMs) continue
      const regionCode = findScope(world, unit.regionCode, rule)
      if (regionCode === undefined) continue
      silent.set(regionCode, [...(silent.get(regionCode) ?? []), { id: unit.unitId, since: unit.heardAt + limitMs }])
    }
    settleSilence(world, found, rule, leafKey, 'unit-silence', silent, since => String(since))
  }
}

/** Keeps one signal a region that names who is silent; tells the rule when somebody new is. */
function settleSilence(
  world: World,
  found: Map<string, Finding>,
  rule: Rule,
  leafKey: string,
  method: string,
  silent: ReadonlyMap<string, { id: string; since: number }[]>,
  describe: (since: number) => string,
  sourceKind?: string,
): void {
  for (const [regionCode, list] of silent) {
    const key = getSignalKey(leafKey, regionCode)
    // Newest first: who has just fallen silent is named even among many, and begins a period of its own.
    list.sort((a, b) => b.since - a.since || (a.id < b.id ? -1 : 1))
    const subjects = list.slice(0, subjectsMax).map(one => one.id)
    const period = describe(list[0]!.since)
    const held = world.signals.get(key)
    const isNews = held?.period !== period || held.subjects.join() !== subjects.join()
    world.signals.set(key, {
      key,
      method,
      ...(sourceKind === undefined ? {} : { sourceKind }),
      regionCode,
      period,
      until: world.city.now,
      observed: list.length,
      threshold: 1,
      late: false,
      at: held && !isNews ? held.at : world.city.now,
      subjects,
    })
    if (isNews) collect(world, found, rule, regionCode)
  }
  for (const signal of world.signals.values())
    if (signal.key === getSignalKey(leafKey, signal.regionCode) && !silent.has(signal.regionCode))
      world.signals.delete(signal.key)
}

/** Days of reports looked at for a habit: the live window of a day series. */
const habitDaysMax = 64

/** Facilities that used to report and have stopped, judged once a day when the day before may be missed. */
function detectSourceSilence(world: World, found: Map<string, Finding>): void {
  const uses = getIndex(world).byType.get('source-silence')
  if (!uses) return
  const hourOfDay = getHourIndex(world.city.now) % 24
  for (const { rule, leaf, leafKey } of uses) {
    const wanted = leaf as SourceSilenceCondition
    if (hourOfDay !== wanted.graceH % 24) continue
    const day = getDayIndex(world.city.now) - 1 - Math.floor(wanted.graceH / 24)
    const silent = new Map<string, { id: string; since: number }[]>()
    for (const own of getFacilityIndex(world).byFacility.values()) {
      const { sourceKind, facilityId } = own[0]!
      if (!wanted.sourceKinds.includes(sourceKind as never)) continue
      const { spoke, firstDay, regionCode } = listSpokenDays(own, day)
      const silence = findSourceSilence(spoke, firstDay, day, getCalendar(world.calendar), {
        regularDays: wanted.regularDays,
        regularShare: wanted.regularShare,
        followsTerms: sourceKind === 'school-absence',
      })
      const scope = silence && regionCode !== undefined ? findScope(world, regionCode, rule) : undefined
      if (!silence || scope === undefined) continue
      silent.set(scope, [...(silent.get(scope) ?? []), { id: facilityId!, since: silence.lastDay + 1 }])
    }
    const sourceKind = wanted.sourceKinds.length === 1 ? wanted.sourceKinds[0] : undefined
    settleSilence(world, found, rule, leafKey, 'source-silence', silent, formatDay, sourceKind)
  }
}

/** Days on which a facility said anything, up to `day`, and the region it last named. */
function listSpokenDays(
  own: readonly Series[],
  day: number,
): { spoke: boolean[]; firstDay: number; regionCode: string | undefined } {
  const firstDay = day - habitDaysMax + 1
  const spoke = new Array<boolean>(habitDaysMax).fill(false)
  let regionCode: string | undefined
  let lastIndex = Number.NEGATIVE_INFINITY
  for (const series of own) {
    const perDay = series.period === 'day' ? 1 : 24
    for (let slot = 0; slot < series.values.length; slot++) {
      if (series.values[slot] === null) continue
      const at = Math.floor((series.firstIndex + slot) / perDay)
      if (at > day) break
      if (at >= firstDay) spoke[at - firstDay] = true
      const where = series.where?.[slot]
      if (where && at >= lastIndex) {
        lastIndex = at
        regionCode = where
      }
    }
  }
  return { spoke, firstDay, regionCode }
}

/** Our own silence between ticks: one alert says so, in the region that heads the tree. */
function detectTickGap(world: World, entry: EntryOf<'clock.ticked'>, found: Map<string, Finding>): void {
  for (const { rule, leaf, leafKey } of getIndex(world).byType.get('tick-gap') ?? []) {
    if (leaf.type !== 'tick-gap' || entry.body.gapMs < leaf.minGapS * 1_000) continue
    for (const region of world.regions.values()) {
      if (region.level !== rule.regionLevel) continue
      const key = getSignalKey(leafKey, region.code)
      world.signals.set(key, {
        key,
        method: 'tick-gap',
        regionCode: region.code,
        period: String(world.city.now - entry.body.gapMs),
        until: world.city.now,
        observed: Math.round(entry.body.gapMs / 1_000),
        threshold: leaf.minGapS,
        late: false,
        at: world.city.now,
        subjects: [],
      })
      collect(world, found, rule, region.code)
    }
  }
}

/** An analyst's finding stands beside the detectors' under its own method; rules name it by a `found` leaf. */
function detectFound(world: World, entry: EntryOf<'signal.found'>, found: Map<string, Finding>): void {
  const { body } = entry
  const leafKey = `${body.method}|${body.sourceKind}|${body.syndrome}`
  const key = getSignalKey(leafKey, body.regionCode)
  world.signals.set(key, {
    key,
    method: body.method,
    sourceKind: body.sourceKind,
    syndrome: body.syndrome,
    regionCode: body.regionCode,
    period: body.period,
    until: world.city.now,
    observed: body.observed,
    ...(body.expected === undefined ? {} : { expected: body.expected }),
    ...(body.threshold === undefined ? {} : { threshold: body.threshold }),
    ...(body.pValue === undefined ? {} : { pValue: body.pValue }),
    ...(body.recurrenceIntervalDays === undefined ? {} : { recurrenceDays: body.recurrenceIntervalDays }),
    late: false,
    at: world.city.now,
    subjects: [...(body.subjects ?? [])],
  })
  for (const use of getIndex(world).byType.get('found') ?? [])
    if (use.leafKey === leafKey && findScope(world, body.regionCode, use.rule) === body.regionCode)
      collect(world, found, use.rule, body.regionCode)
}

/** Judges what this entry may have changed; returns the rules that hold because of it, one finding per rule and region. */
export function detect(world: World, entry: Entry, touched: Touched): Finding[] {
  if (entry.kind === 'unit.position') return noFindings
  const found = new Map<string, Finding>()
  if (touched.judged.length > 0) detectSeries(world, touched, found)
  switch (entry.kind) {
    case 'count.reported':
      detectPlaceCounts(world, entry, found)
      break
    case 'report.received':
    case 'report.corrected':
    case 'report.retracted':
      detectCard(world, entry.body.cardId, found)
      break
    case 'signal.found':
      detectFound(world, entry, found)
      break
    case 'clock.ticked':
      detectSilence(world, found)
      detectTickGap(world, entry, found)
      if (entry.body.boundary !== 'none') detectSourceSilence(world, found)
      break
    default:
  }
  return found.size === 0 ? noFindings : [...found.values()]
}

const noFindings: Finding[] = []
