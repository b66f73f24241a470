/**
 * Report: the key figures of dispatch, defined once for the server that counts them, the page that shows them and the file an
 * auditor opens: from which stamp to which, of what (call, incident, run), against which target, in both languages.
 */
import { z } from 'zod'
import { EpochMs, RegionCode } from './scalars.ts'

/** Longest period of one report: a month. */
export const reportDaysMax = 31
/** Most calls and incidents of one report, together: a province of 40 million has 20,000 calls a day, so ten days of it. */
export const reportRecordsMax = 250_000

/** From when reaction is counted: the ring (t0) or the pick-up (t1). A setting of the report, printed on it. */
export const ReactionFrom = z.enum(['ring', 'answer'])
export type ReactionFrom = z.infer<typeof ReactionFrom>

export const KpiId = z.enum(['answer', 'order', 'rolling', 'reaction'])
export type KpiId = z.infer<typeof KpiId>
export const RatioId = z.enum(['fulfilment', 'empty'])
export type RatioId = z.infer<typeof RatioId>

type Words = { zh: string; en: string }
export type KpiDefinition = {
  kpi: KpiId
  name: Words
  /** Of what one figure is: a call, an incident, or a run (one unit on one incident). */
  of: 'call' | 'incident' | 'run'
  targetS: number
  /** Share that should be within the target, where a source names one. */
  targetShare: number | undefined
  definition: Words
}

/**
 * The four times. Percentiles are by nearest rank: the value at place ⌈p·n⌉ in ascending order, so that each is a time that happened.
 * @source 10 s and 3 min with 95 %: national guidance of 2020-09-25; 60 s to the order: plan templates; reaction 15 min:
 * Beijing city-centre target of 2011 (domain/dispatch.md 1.5)
 */
export const kpiDefinitions: readonly KpiDefinition[] = [
  {
    kpi: 'answer',
    name: { zh: '摘机用时', en: 'Answer' },
    of: 'call',
    targetS: 10,
    targetShare: 0.95,
    definition: {
      zh: 't1 摘机 − t0 振铃，按来电计；摘机前挂断的不计入，另列',
      en: 't1 pick-up − t0 ring, one a call; calls abandoned before pick-up are left out and counted beside',
    },
  },
  {
    kpi: 'order',
    name: { zh: '受理派车用时', en: 'Order' },
    of: 'incident',
    targetS: 60,
    targetShare: undefined,
    definition: {
      zh: 't3 首次派车 − t1 摘机，按事件计（首个来电的摘机）',
      en: 't3 first order sent − t1 pick-up, one an incident (pick-up of its first call)',
    },
  },
  {
    kpi: 'rolling',
    name: { zh: '出车用时', en: 'Rolling' },
    of: 'run',
    targetS: 180,
    targetShare: 0.95,
    definition: {
      zh: 't5 出车 − t3 派车，按任务计（一车一事件为一次）；出车前撤销的不计',
      en: 't5 wheels rolling − t3 order, one a run (one unit on one incident); orders withdrawn before rolling are left out',
    },
  },
  {
    kpi: 'reaction',
    name: { zh: '急救反应用时', en: 'Reaction' },
    of: 'incident',
    targetS: 900,
    targetShare: undefined,
    definition: {
      zh: 't6 首车到达现场 − 起点，按事件计；起点按本报表设置（t1 摘机或 t0 振铃）；派车后全部撤销的不计',
      en: 't6 first unit on scene − start, one an incident; the start is set for this report (t1 pick-up or t0 ring); incidents whose units were all withdrawn are left out',
    },
  },
]

export type RatioDefinition = { ratio: RatioId; name: Words; target: number | undefined; definition: Words }
export const ratioDefinitions: readonly RatioDefinition[] = [
  {
    ratio: 'fulfilment',
    name: { zh: '急救呼叫满足率', en: 'Calls met' },
    target: 0.95,
    definition: {
      zh: '已派车的呼叫 ÷ 需要派车的呼叫；同一事件（含并案）的多次来电为一次呼叫，多车为一次满足，报假警的不计',
      en: 'calls a run was sent to ÷ calls that needed one; several calls of one incident (also a merged one) are one, several units meet it once, false calls are left out',
    },
  },
  {
    ratio: 'empty',
    name: { zh: '空车率', en: 'Runs without a patient' },
    target: undefined,
    definition: {
      zh: '已结束且未载患者的任务 ÷ 已结束的任务；任务自出车起计，进行中的另列',
      en: 'ended runs without a patient on board ÷ ended runs; a run begins with wheels rolling, runs still on are counted beside',
    },
  },
]

/** How a stamp was chosen where several stand for one moment. */
export const stampRule: Words = {
  zh: '时间取值：经批准的修改、否则按键、否则系统、否则 GPS；离线按键取设备时间并标记；缺失的计数，不剔除',
  en: 'stamp used: approved edit, else key, else system, else GPS; keys pressed offline by the time of the device, marked; missing stamps are counted, not dropped',
}

const Count = z.int().min(0)

/** One line of the report. `regionCode` '' is the whole area asked for; `level` 0 is all levels, 9 is a call nobody gave a level. */
export const KpiRowView = z.object({
  kpi: KpiId,
  regionCode: z.string(),
  level: z.int(),
  /** Figures that count. */
  n: Count,
  /** A stamp is missing that should be there. */
  missing: Count,
  /** The later stamp lies before the earlier one: clocks that disagree; in no figure. */
  reversed: Count,
  /** Of n: at least one stamp was pressed offline, or was edited. */
  offline: Count,
  edited: Count,
  within: Count,
  meanS: z.number().optional(),
  p50S: z.number().optional(),
  p90S: z.number().optional(),
})
export type KpiRowView = z.infer<typeof KpiRowView>

export const RatioRowView = z.object({
  ratio: RatioId,
  regionCode: z.string(),
  level: z.int(),
  numerator: Count,
  denominator: Count,
})
export type RatioRowView = z.infer<typeof RatioRowView>

/** GET /v1/reports/dispatch. */
export const DispatchReportView = z.object({
  from: EpochMs,
  to: EpochMs,
  regionCode: RegionCode.optional(),
  reactionFrom: ReactionFrom,
  computedAt: EpochMs,
  /** Records behind the figures. */
  calls: Count,
  abandoned: Count,
  ringing: Count,
  incidents: Count,
  runs: Count,
  runsOn: Count,
  withdrawn: Count,
  merged: Count,
  rows: z.array(KpiRowView),
  ratios: z.array(RatioRowView),
})
export type DispatchReportView = z.infer<typeof DispatchReportView>

/** Value at nearest rank: place ⌈share·n⌉ of an ascending list; undefined for an empty one. */
export function findPercentile(ascending: ArrayLike<number>, share: number): number | undefined {
  return ascending.length === 0 ? undefined : ascending[Math.max(1, Math.ceil(share * ascending.length)) - 1]
}
