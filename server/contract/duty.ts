/**
 * Duty: the shapes of a shift's hand-over, of paper slips for the hour without a server, and of quality control, shared by entries,
 * state, query and screens.
 */
import { z } from 'zod'
import { EpochMs, Id, Level, RegionCode, UnitStatus } from './scalars.ts'
import { chainStamps } from './stamps.ts'
import { type LateReason, lateReasons, waitKinds } from './waits.ts'

/** Rows of each list of a sheet; the count beside it says how many there were. */
export const sheetRowsMax = 200
/** A sheet older than this is not signed any more: it is withdrawn and made anew. */
export const sheetAgeMaxMs = 30 * 60_000

const Facts = z.record(z.string(), z.union([z.string(), z.number()]))

export const LateView = z.object({
  kind: z.enum(waitKinds),
  regionCode: RegionCode,
  since: EpochMs,
  overMs: z.number(),
  why: z.enum(Object.keys(lateReasons) as [LateReason, ...LateReason[]]),
  facts: Facts,
  level: Level.optional(),
  callId: Id.optional(),
  incidentId: Id.optional(),
  unitId: Id.optional(),
})

/** What one shift leaves to the next, made by the house from the world at the instant of the offer. */
export const HandoverSheet = z.object({
  madeAt: EpochMs,
  incidents: z.array(
    z.object({
      incidentId: Id,
      level: Level,
      regionCode: RegionCode,
      openedAt: EpochMs,
      unitIds: z.array(Id),
      noteCount: z.int(),
      syndrome: z.string().optional(),
    }),
  ),
  incidentCount: z.int(),
  units: z.array(
    z.object({ unitId: Id, status: UnitStatus, since: EpochMs, incidentId: Id.optional(), silent: z.boolean() }),
  ),
  unitCount: z.int(),
  callbacks: z.array(z.object({ callId: Id, regionCode: RegionCode, dueAt: EpochMs, attempts: z.int() })),
  callbackCount: z.int(),
  late: z.array(LateView),
  lateCount: z.int(),
})
export type HandoverSheet = z.infer<typeof HandoverSheet>

export const HandoverView = z.object({
  handoverId: Id,
  regionCode: RegionCode,
  state: z.enum(['offered', 'done', 'withdrawn']),
  offeredAt: EpochMs,
  offeredBy: z.string(),
  offeredById: Id,
  note: z.string().optional(),
  sheet: HandoverSheet,
  /** Second signature, or who withdrew it. */
  endedAt: EpochMs.optional(),
  endedBy: z.string().optional(),
  endedById: Id.optional(),
  takerNote: z.string().optional(),
})
export type HandoverView = z.infer<typeof HandoverView>

/** Slips of one range. */
export const slipsPerRangeMax = 200
/** Stamps one slip may carry: the chain for four units. */
export const slipStampsMax = 64

/** A block of numbers for the paper of one seat. Numbers are given once and never again. */
export const SlipRangeView = z.object({
  rangeId: Id,
  regionCode: RegionCode,
  seat: z.string(),
  from: z.int(),
  to: z.int(),
  issuedAt: EpochMs,
  issuedBy: z.string(),
  used: z.array(z.object({ slipNo: z.int(), incidentId: Id, enteredAt: EpochMs, by: z.string() })),
})
export type SlipRangeView = z.infer<typeof SlipRangeView>

/** A time as it was written on paper. */
export const SlipStamp = z.strictObject({ stamp: z.enum(chainStamps), at: EpochMs, unitId: Id.optional() })
export type SlipStamp = z.infer<typeof SlipStamp>

/** Number of a slip as it is printed and said: six digits. */
export function formatSlipNo(slipNo: number): string {
  return `P${String(slipNo).padStart(6, '0')}`
}

// --- quality control

export const ReviewTrigger = z.enum(['late', 'complaint', 'over-triage', 'under-triage', 'leader'])
export type ReviewTrigger = z.infer<typeof ReviewTrigger>

const Words = z.string().min(1).max(400)
/** A score sheet: versioned data of the centre. Points of all items together are the full mark. */
export const ScoreSheet = z.strictObject({
  version: z.int().min(1),
  items: z
    .array(
      z.strictObject({
        itemId: Id,
        group: z.enum(['answer', 'inquiry', 'dispatch', 'guidance', 'record']),
        zh: Words,
        en: Words,
        points: z.int().min(1).max(100),
        /** Zero here fails the whole review, whatever the sum. */
        isVital: z.boolean().default(false),
      }),
    )
    .min(1)
    .max(60),
  /** Share of the full mark from which a review is passed. */
  passShare: z.number().min(0).max(1),
})
export type ScoreSheet = z.infer<typeof ScoreSheet>

export const ScoreRow = z.strictObject({ itemId: Id, points: z.number().min(0).max(100) })
export type ScoreRow = z.infer<typeof ScoreRow>

export const ReviewView = z.object({
  reviewId: Id,
  incidentId: Id,
  regionCode: RegionCode,
  sample: z.enum(['random', 'triggered']),
  triggers: z.array(ReviewTrigger),
  sheetVersion: z.int(),
  scores: z.array(ScoreRow),
  /** Sum of points over the full mark, and whether it passed. */
  share: z.number(),
  isPassed: z.boolean(),
  /** Name of the person whose work was judged. */
  subject: z.string(),
  comment: z.string().optional(),
  state: z.enum(['scored', 'appealed', 'decided']),
  scoredAt: EpochMs,
  scoredBy: z.string(),
  scoredById: Id,
  appeal: z.object({ at: EpochMs, by: z.string(), reason: z.string() }).optional(),
  decision: z
    .object({ at: EpochMs, by: z.string(), verdict: z.enum(['upheld', 'changed']), reason: z.string() })
    .optional(),
})
export type ReviewView = z.infer<typeof ReviewView>

/** A case asked to be looked at. */
export const ReviewWishView = z.object({
  incidentId: Id,
  trigger: ReviewTrigger,
  at: EpochMs,
  by: z.string(),
})
export type ReviewWishView = z.infer<typeof ReviewWishView>

/**
 * The sheet every centre starts with: five groups, 100 points. Ours; a centre publishes its own.
 * @source the duties of WS/T 451-2014 chapter 7.2 and 7.3 in our reading
 */
export const defaultScoreSheet: ScoreSheet = {
  version: 1,
  passShare: 0.8,
  items: [
    {
      itemId: 'answer-time',
      group: 'answer',
      zh: '10 秒内接听，自报中心',
      en: 'answered within 10 s, named the centre',
      points: 8,
      isVital: false,
    },
    {
      itemId: 'answer-manner',
      group: 'answer',
      zh: '用语规范，安抚呼救者',
      en: 'proper words, calmed the caller',
      points: 6,
      isVital: false,
    },
    {
      itemId: 'address',
      group: 'inquiry',
      zh: '地址核实到可到达处',
      en: 'address confirmed to where a vehicle can stop',
      points: 14,
      isVital: true,
    },
    {
      itemId: 'callback',
      group: 'inquiry',
      zh: '核实联系电话',
      en: 'callback number confirmed',
      points: 6,
      isVital: false,
    },
    {
      itemId: 'complaint',
      group: 'inquiry',
      zh: '主诉、意识、呼吸问清',
      en: 'complaint, consciousness and breathing asked',
      points: 12,
      isVital: true,
    },
    { itemId: 'level', group: 'dispatch', zh: '级别判定正确', en: 'level judged rightly', points: 14, isVital: false },
    {
      itemId: 'order-time',
      group: 'dispatch',
      zh: '60 秒内派车',
      en: 'unit sent within 60 s',
      points: 10,
      isVital: false,
    },
    {
      itemId: 'unit-choice',
      group: 'dispatch',
      zh: '车组选择合理，未按推荐有说明',
      en: 'fitting unit, override explained',
      points: 8,
      isVital: false,
    },
    {
      itemId: 'guidance',
      group: 'guidance',
      zh: '给予急救指导并跟进',
      en: 'gave advice until help came',
      points: 12,
      isVital: false,
    },
    {
      itemId: 'record',
      group: 'record',
      zh: '记录完整，与录音一致',
      en: 'record complete and as in the recording',
      points: 10,
      isVital: false,
    },
  ],
}
