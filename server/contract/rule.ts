/**
 * Rules as data: what must be true of which series, in which window and region, for somebody to be told.
 * Evaluated by detect/rules.ts; published as entries (`rule.published`), versioned, never code.
 */
import { z } from 'zod'
import { Id, Level, Name, RegionLevel, Role, SourceKind, Syndrome } from './scalars.ts'

/** Statistical detector on one series of a region: source kind × syndrome × period. Parameters as published (detect/ears.ts). */
export const DetectorCondition = z.strictObject({
  type: z.literal('detector'),
  method: z.enum(['earsC1', 'earsC2', 'earsC3']),
  sourceKind: SourceKind,
  syndrome: Syndrome,
  period: z.enum(['hour', 'day']),
  /** Baseline periods. */
  baseline: z.int().min(3).max(28).default(7),
  /** Smallest standard deviation used, in counts (or in percent points for proportions). */
  minSigma: z.number().min(0).max(100).default(0.5),
  /** Watch count/denominator × 100 instead of the count. */
  proportion: z.boolean().default(false),
  /** Counts below this never fire. */
  minCount: z.int().min(0).max(1_000_000).default(3),
  /** `calendar`: judged on daily counts freed of weekday and holiday (detect/calendar.ts); hourly series stay as they are. */
  adjust: z.enum(['none', 'calendar']).default('none'),
  /** One-sided level of C1 and C2; absent: 0.001, as published. C3 has none. */
  alpha: z.number().min(1e-9).max(0.2).optional(),
})
export type DetectorCondition = z.infer<typeof DetectorCondition>

/** Plain sum of a series over the rule's window. */
export const CountCondition = z.strictObject({
  type: z.literal('count'),
  sourceKind: SourceKind,
  syndrome: Syndrome,
  period: z.enum(['hour', 'day']),
  min: z.int().min(1).max(1_000_000),
})
export type CountCondition = z.infer<typeof CountCondition>

/** Report cards of the named diseases in the rule's window; `min: 1` is the statutory single case. */
export const CardCondition = z.strictObject({
  type: z.literal('card'),
  diseaseIds: z.array(Id).min(1).max(64),
  min: z.int().min(1).max(10_000).default(1),
})
export type CardCondition = z.infer<typeof CardCondition>

/** A unit that has given no position for longer than `silentS` seconds; on a task sooner than idle. */
export const SilenceCondition = z.strictObject({
  type: z.literal('unit-silence'),
  onTaskS: z.int().min(10).max(86_400).default(60),
  idleS: z.int().min(10).max(86_400).default(300),
})
export type SilenceCondition = z.infer<typeof SilenceCondition>

/** Our own silence: a gap between ticks (design.md §2). */
export const TickGapCondition = z.strictObject({ type: z.literal('tick-gap'), minGapS: z.int().min(1).default(30) })
export type TickGapCondition = z.infer<typeof TickGapCondition>

/** What an analyst found (`signal.found`) by a method, for one source kind and syndrome; by its p-value or its recurrence. */
export const FoundCondition = z.strictObject({
  type: z.literal('found'),
  method: Id,
  sourceKind: SourceKind,
  syndrome: Syndrome,
  /** Largest p-value that counts; a finding without a p-value then does not. */
  maxP: z.number().gt(0).max(1).optional(),
  /** Smallest recurrence interval that counts, in days. */
  minRecurrenceDays: z.number().min(0).max(1_000_000).optional(),
})
export type FoundCondition = z.infer<typeof FoundCondition>

/** Report cards of the named diseases that share one place (school, kindergarten, site) within a window: the collective-unit rule of law. */
export const PlaceClusterCondition = z.strictObject({
  type: z.literal('place-cluster'),
  diseaseIds: z.array(Id).min(1).max(64),
  windowDays: z.int().min(1).max(60),
  min: z.int().min(1).max(10_000),
  /** Deaths that are enough by themselves; absent: deaths are counted as cases alone. */
  minDeaths: z.int().min(1).max(10_000).optional(),
})
export type PlaceClusterCondition = z.infer<typeof PlaceClusterCondition>

/** Counts that one facility (a school) reports of itself, summed over a window. */
export const PlaceCountCondition = z.strictObject({
  type: z.literal('place-count'),
  sourceKind: SourceKind,
  syndrome: Syndrome,
  windowDays: z.int().min(1).max(60),
  min: z.int().min(1).max(1_000_000),
})
export type PlaceCountCondition = z.infer<typeof PlaceCountCondition>

/** Sources joined by one p-value are at most this many: every subset of them is judged, 2^8 = 256. */
export const combinedSourcesMax = 8

/**
 * p-values of several source kinds of one day joined into one, for every subset of them with at least `minSources`; the smallest
 * counts, so a further source can only raise. Correlations are estimated from history, else the result is marked uncorrected.
 */
export const CombinedCondition = z.strictObject({
  type: z.literal('combined-p'),
  method: z.enum(['fisher', 'stouffer']).default('fisher'),
  sourceKinds: z.array(SourceKind).min(2).max(combinedSourcesMax),
  syndrome: Syndrome,
  /** Days of history behind each p-value, two days before the one judged left out. */
  baseline: z.int().min(14).max(56).default(28),
  minSources: z.int().min(2).max(combinedSourcesMax).default(2),
  /** The joined p-value fires at or below this. */
  alpha: z.number().gt(0).max(0.5).default(0.001),
  /** Cases over the sources of the subset, at least. */
  minCount: z.int().min(0).max(1_000_000).default(5),
  adjust: z.enum(['none', 'calendar']).default('calendar'),
})
export type CombinedCondition = z.infer<typeof CombinedCondition>

/**
 * Cards of a disease in the running week against the mean of the same week in the years before (`history.published`): the only
 * statistical rule of the grading text. It proposes a grade to be verified (待核实) and never more.
 */
export const RatioCondition = z.strictObject({
  type: z.literal('ratio'),
  diseaseId: Id,
  /** 1 倍以上 is read as more than twice the mean, 2 倍以上 as more than three times. */
  factor: z.number().gt(1).max(100).default(2),
  years: z.int().min(3).max(10).default(5),
  minCases: z.int().min(1).max(10_000).default(5),
  /** The count model's p-value must be at or below this. */
  alpha: z.number().gt(0).max(0.5).default(0.01),
})
export type RatioCondition = z.infer<typeof RatioCondition>

/** A facility that used to report every day and says nothing: an explicit zero is a report. */
export const SourceSilenceCondition = z.strictObject({
  type: z.literal('source-silence'),
  sourceKinds: z.array(SourceKind).min(1).max(10),
  /** Hours after the end of a day before it is missed. */
  graceH: z.int().min(0).max(168).default(12),
  /** Days of habit looked at, and the share of them (like days of the week) on which it spoke. */
  regularDays: z.int().min(7).max(56).default(14),
  regularShare: z.number().min(0.5).max(1).default(0.9),
})
export type SourceSilenceCondition = z.infer<typeof SourceSilenceCondition>

export const LeafCondition = z.discriminatedUnion('type', [
  DetectorCondition,
  CountCondition,
  CardCondition,
  SilenceCondition,
  TickGapCondition,
  FoundCondition,
  PlaceClusterCondition,
  PlaceCountCondition,
  CombinedCondition,
  RatioCondition,
  SourceSilenceCondition,
])
export type LeafCondition = z.infer<typeof LeafCondition>

/** Condition tree, two levels deep at most: groups of leaves. `kOf` counts independent source kinds, not leaves. */
export const GroupCondition = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('allOf'), of: z.array(LeafCondition).min(1).max(32) }),
  z.strictObject({ type: z.literal('anyOf'), of: z.array(LeafCondition).min(1).max(32) }),
  z.strictObject({ type: z.literal('kOf'), k: z.int().min(1).max(10), of: z.array(LeafCondition).min(1).max(32) }),
])
export type GroupCondition = z.infer<typeof GroupCondition>

export const Condition = z.union([LeafCondition, GroupCondition])
export type Condition = z.infer<typeof Condition>

/** Who is told, in which order, when nobody answers. Step 0 is told at once. */
export const EscalationStep = z.strictObject({
  afterS: z
    .int()
    .min(0)
    .max(7 * 86_400),
  role: Role,
})

/** Source kinds a leaf can bear witness of; leaves that are not about a source count as one of their own. */
function listWitnessKinds(leaf: LeafCondition): readonly string[] {
  switch (leaf.type) {
    case 'combined-p':
    case 'source-silence':
      return leaf.sourceKinds
    case 'card':
    case 'place-cluster':
    case 'ratio':
      return ['report-card']
    default:
      return 'sourceKind' in leaf ? [leaf.sourceKind] : [leaf.type]
  }
}

/** A rule that could never hold, or that would say more than it may, is refused rather than published in vain. */
function findContradictions(
  rule: { level: number; minCases: number; when: Condition },
  context: { addIssue(issue: { code: 'custom'; path: (string | number)[]; message: string }): void },
): void {
  const leaves = 'of' in rule.when ? rule.when.of : [rule.when]
  const refuse = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message })
  const kinds = new Set(leaves.flatMap(listWitnessKinds))
  if (rule.when.type === 'kOf' && rule.when.k > kinds.size)
    refuse(['when', 'k'], `asks for ${rule.when.k} source kinds and names ${kinds.size}`)
  for (const leaf of leaves)
    if (leaf.type === 'combined-p' && new Set(leaf.sourceKinds).size < Math.max(2, leaf.minSources))
      refuse(['when', 'sourceKinds'], `names fewer different source kinds than it joins (${leaf.minSources})`)
  // The best subset may change when a source is added; only alone or beside others can that never take anything away.
  if (leaves.some(leaf => leaf.type === 'combined-p')) {
    if (rule.when.type === 'kOf' || rule.when.type === 'allOf')
      refuse(['when'], 'a joined p stands alone or in anyOf: it weighs several sources already')
    if (rule.minCases > 0) refuse(['minCases'], 'a joined p has its own minCount')
  }
  // The ratio proposes a grade that a person verifies; it never sends anybody out by itself.
  if (leaves.every(leaf => leaf.type === 'ratio') && rule.level < 2)
    refuse(['level'], 'a ratio alone is a grade candidate: level 2 at most')
}

export const Rule = z
  .strictObject({
    ruleId: Id,
    version: z.int().min(1),
    name: Name,
    nameEn: Name,
    /** Alert level, 1 处置 · 2 核实 · 3 关注 · 4 提示. Colours 蓝黄橙红 belong to graded events alone. */
    level: Level,
    syndrome: Syndrome.optional(),
    /** Regions of this level are judged one by one. */
    regionLevel: RegionLevel,
    /** Leaves that fired within this many hours of the city's now count together; older periods raise nothing. */
    windowH: z
      .int()
      .min(1)
      .max(24 * 60),
    when: Condition,
    /** Cases over all firing sources in the window, at least. */
    minCases: z.int().min(0).max(1_000_000).default(0),
    escalation: z.array(EscalationStep).min(1).max(8),
    /** A rule of the law wins outright and needs two people to close; absent: true when it counts report cards against a threshold. */
    statutory: z.boolean().optional(),
    /** Seconds to verify what it raised; absent: 2 h for a statutory rule, 24 h for any other that is about health. */
    verifyWithinS: z
      .int()
      .min(60)
      .max(7 * 86_400)
      .optional(),
    /** Law, paper or local decision the rule rests on. */
    basis: z.string().min(1).max(400),
    /**
     * Benjamini-Hochberg rate within one source kind × detector × day: single statistical signals whose q-value lies above it are
     * raised hidden. Absent: none is hidden. Statutory and k-of-n findings are never hidden.
     */
    falseDiscoveryRate: z.number().gt(0).lt(1).optional(),
    enabled: z.boolean().default(true),
  })
  .superRefine(findContradictions)
export type Rule = z.infer<typeof Rule>
export type RuleInput = z.input<typeof Rule>

/** Most rules a city may publish at once. */
export const rulesMax = 500

/** Lists the leaves of a rule's condition. */
export function listLeaves(rule: Rule): readonly LeafCondition[] {
  return 'of' in rule.when ? rule.when.of : [rule.when]
}

/** True for a rule of the law: by its own word, else when it counts report cards, in a region or in one place. */
export function isStatutory(rule: Rule): boolean {
  return rule.statutory ?? listLeaves(rule).some(leaf => leaf.type === 'card' || leaf.type === 'place-cluster')
}

/** Seconds to verify what a statutory rule, or any other, raised. */
export const verifyWithinS = { statutory: 2 * 3_600, other: 24 * 3_600 } as const

/** Leaves about the house and its sources and not about anybody's health. */
const operationLeaves: readonly LeafCondition['type'][] = ['unit-silence', 'tick-gap', 'source-silence']

/** Seconds within which an alert of this rule must be verified; undefined for rules about the house itself (units, our clock). */
export function findVerifyWithinS(rule: Rule): number | undefined {
  if (rule.verifyWithinS !== undefined) return rule.verifyWithinS
  if (isStatutory(rule)) return verifyWithinS.statutory
  const isOperation = listLeaves(rule).every(leaf => operationLeaves.includes(leaf.type))
  return isOperation ? undefined : verifyWithinS.other
}
