/**
 * Dry run: what rules would have raised over a past period, asked at POST /v1/rules/dry-run. Each moment is judged by what had been
 * received until then. The candidate is the whole list as it would be published; it is told beside the rules in force.
 */
import { z } from 'zod'
import { Rule, rulesMax } from './rule.ts'
import { Day, EpochMs, Id, Level, RegionCode, Syndrome } from './scalars.ts'
import { EvidenceView } from './view.ts'

/** Days of one dry run at most: a leap year and five weeks. */
export const dryRunDaysMax = 401
/** Alerts listed per side at most; the counts are of all. */
export const dryRunAlertsMax = 500
/** Planted outbreaks of a simulated city in one request at most. */
export const plantedMax = 200

/** An outbreak known beforehand (a simulated city, or one that was found otherwise): would the rules have raised it? */
export const PlantedOutbreak = z.strictObject({
  regionCode: RegionCode,
  syndrome: Syndrome.optional(),
  fromDay: Day,
  untilDay: Day,
})
export type PlantedOutbreak = z.infer<typeof PlantedOutbreak>

export const DryRunRequest = z.strictObject({
  /** The candidate: the whole list of rules, as `rule.published` would carry it. */
  rules: z.array(Rule).max(rulesMax),
  /** Days judged, both counted. Earlier entries are read to fill the series and raise nothing. */
  fromDay: Day,
  untilDay: Day,
  planted: z.array(PlantedOutbreak).max(plantedMax).default([]),
})
export type DryRunRequest = z.infer<typeof DryRunRequest>

/** One alert that would have stood on the board: findings of one place and syndrome, merged until they cease for two days. */
export const DryRunAlert = z.object({
  regionCode: RegionCode,
  syndrome: Syndrome.optional(),
  /** Most urgent level over its rules, 1 处置 … 4 提示. */
  level: Level,
  statutory: z.boolean(),
  /** Every finding in it was hidden by the false-discovery rate of its rule. */
  hidden: z.boolean(),
  ruleIds: z.array(Id),
  raisedAt: EpochMs,
  /** Newest finding merged into it. */
  lastAt: EpochMs,
  cases: z.int(),
  independentSources: z.int(),
  neededSources: z.int(),
  /** Evidence at the moment it was raised, at most 16 rows. */
  evidence: z.array(EvidenceView),
})
export type DryRunAlert = z.infer<typeof DryRunAlert>

export const DryRunSide = z.object({
  /** Shown alerts raised in the period; `hiddenCount` are those the false-discovery rate hid. */
  alertCount: z.int(),
  hiddenCount: z.int(),
  /** The price: shown alerts per county and week of the period (regions of other levels are counted in). */
  perCountyWeek: z.number(),
  /** Shown alerts by week (its Monday) and region, in order of time; weeks and regions without any are left out. */
  weeks: z.array(
    z.object({
      monday: Day,
      regionCode: RegionCode,
      count: z.int(),
      /** Counts of levels 1, 2, 3, 4. */
      byLevel: z.tuple([z.int(), z.int(), z.int(), z.int()]),
    }),
  ),
  /** Alerts each rule had a part in. */
  perRule: z.array(z.object({ ruleId: Id, name: z.string(), nameEn: z.string(), alertCount: z.int() })),
  alerts: z.array(DryRunAlert),
  /** Alerts beyond `dryRunAlertsMax` that are counted and not listed. */
  leftOut: z.int(),
})
export type DryRunSide = z.infer<typeof DryRunSide>

const Raised = z.object({
  raisedAt: EpochMs,
  level: Level,
  /** Hours from the start of the outbreak (or from when the confirmed alert was raised) to this alert; negative is earlier. */
  delayH: z.number(),
})

/** One thing worth catching and when either list of rules would have raised it; a side that is absent missed it. */
export const DryRunCatch = z.object({
  what: z.enum(['confirmed', 'planted']),
  /** The past alert a person confirmed. */
  alertId: Id.optional(),
  regionCode: RegionCode,
  syndrome: Syndrome.optional(),
  /** When the confirmed alert was raised, or the planted outbreak began. */
  at: EpochMs,
  current: Raised.optional(),
  candidate: Raised.optional(),
})
export type DryRunCatch = z.infer<typeof DryRunCatch>

export const DryRunView = z.object({
  fromDay: Day,
  untilDay: Day,
  weeks: z.number(),
  counties: z.int(),
  /** Entries folded, those before the period included. */
  readEntries: z.int(),
  /** Version of the rules in force that `current` stands for. */
  currentVersion: z.int(),
  /** Rules with a part that past entries cannot judge (silence of units, our own clock): that part raised nothing here. */
  notJudged: z.array(Id),
  current: DryRunSide,
  candidate: DryRunSide,
  catches: z.array(DryRunCatch),
  /** Alerts of one side that the other has nothing like (same region and syndrome within two days), at most `dryRunAlertsMax`. */
  gained: z.array(DryRunAlert),
  lost: z.array(DryRunAlert),
})
export type DryRunView = z.infer<typeof DryRunView>
