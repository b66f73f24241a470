/**
 * Rules: the second stage of the line. After each entry it re-judges the leaves that the entry could have changed, keeps what
 * holds now as signals in the world, and returns the findings: rules that hold for a region, with the evidence. Pure.
 * A leaf's signal is renewed by a newer period and withdrawn when its own period is re-assessed and no longer fires.
 */
import type { Entry, EntryOf } from '#contract/entry.ts'
import {
  type CardCondition,
  type CountCondition,
  type DetectorCondition,
  type LeafCondition,
  listLeaves,
  type Rule,
} from '#contract/rule.ts'
import { formatDay, getDayStartAt, getHourStartAt, hourMs } from '#contract/scalars.ts'
import type { Finding, Series, Signal, Touched, World } from '../state/world.ts'
import { evaluateEars } from './ears.ts'

/** Ids named in one signal at most. */
export const subjectsMax = 20

type LeafUse = { rule: Rule; leaf: LeafCondition; leafKey: string }
type Index = {
  version: number
  size: number
  bySeries: Map<string, LeafUse[]>
  byType: Map<LeafCondition['type'], LeafUse[]>
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
  }
  const add = <K>(map: Map<K, LeafUse[]>, key: K, use: LeafUse) => map.set(key, [...(map.get(key) ?? []), use])
  for (const rule of world.rules.values()) {
    if (!rule.enabled) continue
    for (const leaf of listLeaves(rule)) {
      const use = { rule, leaf, leafKey: getLeafKey(rule, leaf) }
      if (leaf.type === 'detector' || leaf.type === 'count')
        add(index.bySeries, `${leaf.period}|${leaf.sourceKind}|${leaf.syndrome}`, use)
      add(index.byType, leaf.type, use)
    }
  }
  indexes.set(world.rules, index)
  return index
}

/** Names a leaf with all its parameters: equal leaves of several rules share one signal. */
function getLeafKey(rule: Rule, leaf: LeafCondition): string {
  switch (leaf.type) {
    case 'detector':
      return `${leaf.method}(${leaf.baseline},${leaf.minSigma},${leaf.minCount}${leaf.proportion ? ',%' : ''}${leaf.adjust === 'calendar' ? ',calendar' : ''})|${leaf.sourceKind}|${leaf.syndrome}|${leaf.period}`
    case 'count':
      return `count≥${leaf.min}/${rule.windowH}h|${leaf.sourceKind}|${leaf.syndrome}|${leaf.period}`
    case 'card':
      return `card≥${leaf.min}/${rule.windowH}h|${leaf.diseaseIds.join('+')}`
    case 'unit-silence':
      // By rule: a change of the silent units is told to each rule, and the first to look must not hide it from the next.
      return `unit-silence(${leaf.onTaskS},${leaf.idleS})/${rule.ruleId}`
    case 'tick-gap':
      return `tick-gap(${leaf.minGapS})`
    case 'found':
      return `${leaf.method}|${leaf.sourceKind}|${leaf.syndrome}`
    case 'place-cluster':
      return `place-cluster≥${leaf.min}${leaf.minDeaths === undefined ? '' : `,†${leaf.minDeaths}`}/${leaf.windowDays}d|${leaf.diseaseIds.join('+')}`
    case 'place-count':
      return `place-count≥${leaf.min}/${leaf.windowDays}d|${leaf.sourceKind}|${leaf.syndrome}`
    case 'combined-p':
      return `${leaf.method}(${leaf.baseline},${leaf.minSources},${leaf.alpha},${leaf.minCount}${leaf.adjust === 'calendar' ? ',calendar' : ''})|${leaf.sourceKinds.join('+')}|${leaf.syndrome}`
    case 'ratio':
      return `ratio(${leaf.factor},${leaf.years},${leaf.minCases},${leaf.alpha})|${leaf.diseaseId}`
    case 'source-silence':
      // By rule, as for units: see above.
      return `source-silence(${leaf.graceH},${leaf.regularDays},${leaf.regularShare})|${leaf.sourceKinds.join('+')}/${rule.ruleId}`
  }
}

function getSignalKey(leafKey: string, regionCode: string): string {
  return `${leafKey}@${regionCode}`
}

function describePeriod(series: Series, index: number): string {
  if (series.period === 'day') return formatDay(index)
  return `${formatDay(Math.floor(index / 24))}T${String(index % 24).padStart(2, '0')}`
}

/** End of a period, epoch ms. */
function getPeriodEndAt(series: Series, index: number): number {
  return series.period === 'day' ? getDayStartAt(index + 1) : getHourStartAt(index + 1)
}

/** A day's figures are usual during the day after, an hour's for six hours; what comes later is marked late. */
const lateAfterMs = { day: 24 * hourMs, hour: 6 * hourMs } as const

function isLate(world: World, series: Series, index: number): boolean {
  return world.city.now - getPeriodEndAt(series, index) > lateAfterMs[series.period]
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

/** Scratch for proportions: percent of the denominator, null where either is missing. */
function toPercents(series: Series): (number | null)[] {
  return series.values.map((value, slot) => {
    const denominator = series.denominators[slot] ?? null
    return value === null || denominator === null || denominator === 0 ? null : (value / denominator) * 100
  })
}

function judgeDetector(
  world: World,
  series: Series,
  index: number,
  leaf: DetectorCondition,
): Omit<Signal, 'key'> | undefined {
  const slot = index - series.firstIndex
  const count = series.values[slot]
  if (count === null || count === undefined || count < leaf.minCount) return undefined
  const values = leaf.proportion ? toPercents(series) : series.values
  const judged = evaluateEars(values, slot, {
    method: leaf.method.slice(4) as 'C1' | 'C2' | 'C3',
    baselineDays: leaf.baseline,
    minSigma: leaf.minSigma,
  })
  if (!judged?.alarm) return undefined
  return {
    method: leaf.method,
    sourceKind: series.sourceKind,
    syndrome: series.syndrome,
    regionCode: series.regionCode,
    period: describePeriod(series, index),
    until: getPeriodEndAt(series, index),
    observed: values[slot]!,
    expected: judged.expected,
    threshold: judged.threshold,
    ...(judged.statistic === null ? {} : { statistic: judged.statistic }),
    late: isLate(world, series, index),
    at: world.city.now,
    subjects: [],
  }
}

function judgeCount(
  world: World,
  series: Series,
  index: number,
  leaf: CountCondition,
  windowH: number,
): Omit<Signal, 'key'> | undefined {
  const slots = series.period === 'day' ? Math.max(1, Math.ceil(windowH / 24)) : windowH
  const slot = index - series.firstIndex
  let observed = 0
  for (let at = Math.max(0, slot - slots + 1); at <= slot; at++) observed += series.values[at] ?? 0
  if (observed < leaf.min) return undefined
  return {
    method: 'count',
    sourceKind: series.sourceKind,
    syndrome: series.syndrome,
    regionCode: series.regionCode,
    period: describePeriod(series, index),
    until: getPeriodEndAt(series, index),
    observed,
    threshold: leaf.min,
    late: isLate(world, series, index),
    at: world.city.now,
    subjects: [],
  }
}

/** Region of a rule's level that contains a code; the code itself when the tree does not know it. */
function scopeOf(world: World, regionCode: string, rule: Rule): string | undefined {
  let at: string | undefined = regionCode
  for (let depth = 0; at !== undefined && depth < 8; depth++) {
    const region = world.regions.get(at)
    if (!region) return world.regions.size === 0 ? regionCode : undefined
    if (region.level === rule.regionLevel) return at
    at = region.parentCode
  }
  return undefined
}

/** Builds the finding of a rule in a region from the signals that hold within its window; undefined when it does not hold. */
function findRule(world: World, rule: Rule, regionCode: string): Finding | undefined {
  const since = world.city.now - rule.windowH * hourMs
  const evidence: Signal[] = []
  const leaves = listLeaves(rule)
  for (const leaf of leaves) {
    const signal = world.signals.get(getSignalKey(getLeafKey(rule, leaf), regionCode))
    if (signal && signal.until >= since) evidence.push(signal)
  }
  if (evidence.length === 0) return undefined
  const byKind = new Map<string, number>()
  for (const signal of evidence) {
    const kind = signal.sourceKind ?? signal.method
    byKind.set(kind, Math.max(byKind.get(kind) ?? 0, signal.observed))
  }
  const needed = 'k' in rule.when ? rule.when.k : 1
  const holds = rule.when.type === 'allOf' ? evidence.length === leaves.length : byKind.size >= needed
  const cases = [...byKind.values()].reduce((sum, n) => sum + n, 0)
  if (!holds || cases < rule.minCases) return undefined
  return { rule, regionCode, evidence, independentSources: byKind.size, neededSources: needed, cases }
}

/** Adds a finding once per rule and region of this step. */
function collect(world: World, found: Map<string, Finding>, rule: Rule, regionCode: string): void {
  const finding = findRule(world, rule, regionCode)
  if (finding) found.set(`${rule.ruleId}@${regionCode}`, finding)
}

function detectSeries(world: World, touched: Touched, found: Map<string, Finding>): void {
  const index = getIndex(world)
  for (const slot of touched.judged) {
    const series = world.series.get(slot.seriesKey)
    if (!series) continue
    const uses = index.bySeries.get(`${series.period}|${series.sourceKind}|${series.syndrome}`) ?? []
    for (const { rule, leaf, leafKey } of uses) {
      if (scopeOf(world, series.regionCode, rule) !== series.regionCode) continue
      const key = getSignalKey(leafKey, series.regionCode)
      const judged =
        leaf.type === 'detector'
          ? judgeDetector(world, series, slot.index, leaf)
          : judgeCount(world, series, slot.index, leaf as CountCondition, rule.windowH)
      if (settleSignal(world, key, describePeriod(series, slot.index), judged && { key, ...judged }))
        collect(world, found, rule, series.regionCode)
    }
  }
}

/** Cards: the count of distinct cards of the named diseases in the rule's window; one is enough for a single-case rule. */
function detectCard(world: World, entry: EntryOf<'report.received'>, found: Map<string, Finding>): void {
  for (const { rule, leaf, leafKey } of getIndex(world).byType.get('card') ?? []) {
    const { diseaseIds, min } = leaf as CardCondition
    if (!diseaseIds.includes(entry.body.diseaseId)) continue
    const regionCode = scopeOf(world, entry.body.regionCode, rule)
    if (regionCode === undefined) continue
    const since = world.city.now - rule.windowH * hourMs
    const cards: string[] = []
    for (const card of world.cards.values())
      if (
        diseaseIds.includes(card.diseaseId) &&
        card.diagnosedAt >= since &&
        scopeOf(world, card.regionCode, rule) === regionCode
      )
        cards.push(card.cardId)
    // A single case that is reported late is still a case nobody knew of: it is judged today, and marked late.
    const isLate = entry.body.diagnosedAt < since
    if (isLate && min === 1) cards.push(entry.body.cardId)
    if (cards.length < min) continue
    const key = getSignalKey(leafKey, regionCode)
    world.signals.set(key, {
      key,
      method: 'card',
      sourceKind: 'report-card',
      regionCode,
      period: entry.body.diseaseId,
      until: world.city.now,
      observed: cards.length,
      threshold: min,
      late: isLate,
      at: world.city.now,
      subjects: cards.slice(-subjectsMax),
    })
    collect(world, found, rule, regionCode)
  }
}

/** Silence of units, judged on ticks: one signal a region that names the units. */
function detectSilence(world: World, found: Map<string, Finding>): void {
  for (const { rule, leaf, leafKey } of getIndex(world).byType.get('unit-silence') ?? []) {
    if (leaf.type !== 'unit-silence') continue
    const silent = new Map<string, { unitId: string; since: number }[]>()
    for (const unit of world.units.values()) {
      if (unit.heardAt === undefined || unit.status === 'unavailable') continue
      const silentMs = world.city.now - unit.heardAt
      const limitMs = (unit.incidentId === undefined ? leaf.idleS : leaf.onTaskS) * 1_000
      if (silentMs <= limitMs) continue
      const regionCode = scopeOf(world, unit.regionCode, rule)
      if (regionCode === undefined) continue
      silent.set(regionCode, [
        ...(silent.get(regionCode) ?? []),
        { unitId: unit.unitId, since: unit.heardAt + limitMs },
      ])
    }
    for (const [regionCode, units] of silent) {
      const key = getSignalKey(leafKey, regionCode)
      // Newest first: a unit that has just fallen silent is named even among many, and begins a period of its own.
      units.sort((a, b) => b.since - a.since || (a.unitId < b.unitId ? -1 : 1))
      const subjects = units.slice(0, subjectsMax).map(unit => unit.unitId)
      const period = String(units[0]!.since)
      const held = world.signals.get(key)
      const isNews = held?.period !== period || held.subjects.join() !== subjects.join()
      world.signals.set(key, {
        key,
        method: 'unit-silence',
        regionCode,
        period,
        until: world.city.now,
        observed: units.length,
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

/** An analyst's finding stands beside the detectors' under its own method; rules may name it by a detector leaf. */
function detectFound(world: World, entry: EntryOf<'signal.found'>): void {
  const { body } = entry
  const key = getSignalKey(`${body.method}|${body.sourceKind}|${body.syndrome}`, body.regionCode)
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
    late: false,
    at: world.city.now,
    subjects: [],
  })
}

/** Judges what this entry may have changed; returns the rules that hold because of it, one finding per rule and region. */
export function detect(world: World, entry: Entry, touched: Touched): Finding[] {
  if (entry.kind === 'unit.position') return noFindings
  const found = new Map<string, Finding>()
  if (touched.judged.length > 0) detectSeries(world, touched, found)
  if (entry.kind === 'report.received') detectCard(world, entry, found)
  else if (entry.kind === 'signal.found') detectFound(world, entry)
  else if (entry.kind === 'clock.ticked') {
    detectSilence(world, found)
    detectTickGap(world, entry, found)
  }
  return found.size === 0 ? noFindings : [...found.values()]
}

const noFindings: Finding[] = []
