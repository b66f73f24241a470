/**
 * Stamps: the clock of a case, t0 to t14, as one table, and the one rule that says which of several stamps counts. Stamps are
 * added and never overwritten, so a step may stand there by key, by GPS and by an edit at once; screens, reports and audits
 * choose by `chooseStamp` and therefore always agree.
 */
import type { StampView } from './view.ts'

/**
 * The chain. `per` says whether a step belongs to the case or to each unit. Names of steps that are a unit's status are the
 * status: t13 is 'returning' (free again) and t14 'idle' (back at its base).
 * @source WS/T 451-2014 time chain; domain/dispatch.md §1.5
 */
export const stampChain = [
  { t: 0, stamp: 'ring', per: 'case', zh: '振铃', en: 'ring' },
  { t: 1, stamp: 'answered', per: 'case', zh: '摘机', en: 'answered' },
  { t: 2, stamp: 'opened', per: 'case', zh: '受理', en: 'accepted' },
  { t: 3, stamp: 'ordered', per: 'unit', zh: '派车', en: 'ordered' },
  { t: 4, stamp: 'acknowledged', per: 'unit', zh: '接收确认', en: 'acknowledged' },
  { t: 5, stamp: 'rolling', per: 'unit', zh: '出车', en: 'rolling' },
  { t: 6, stamp: 'on-scene', per: 'unit', zh: '到达现场', en: 'on scene' },
  { t: 7, stamp: 'patient-contact', per: 'unit', zh: '患者接触', en: 'at patient' },
  { t: 8, stamp: 'loaded', per: 'unit', zh: '患者上车', en: 'loaded' },
  { t: 9, stamp: 'departed', per: 'unit', zh: '离开现场', en: 'left scene' },
  { t: 10, stamp: 'at-hospital', per: 'unit', zh: '到达医院', en: 'at hospital' },
  { t: 11, stamp: 'handover', per: 'unit', zh: '交接开始', en: 'handover begun' },
  { t: 12, stamp: 'handed-over', per: 'unit', zh: '交接完成', en: 'handed over' },
  { t: 13, stamp: 'returning', per: 'unit', zh: '可用', en: 'free again' },
  { t: 14, stamp: 'idle', per: 'unit', zh: '返站', en: 'back at base' },
] as const

export type ChainStamp = (typeof stampChain)[number]['stamp']
export const chainStamps = stampChain.map(row => row.stamp) as [ChainStamp, ...ChainStamp[]]

/** Steps of the chain that are no status of a unit and are said on their own (`incident.stamped`). */
export const spokenStamps = ['acknowledged', 'patient-contact', 'departed', 'handed-over'] as const

/** Names of stamps beside the chain, for screens. */
export const otherStamps: Readonly<Record<string, { zh: string; en: string }>> = {
  queued: { zh: '预派', en: 'next task given' },
  withdrawn: { zh: '撤回预派', en: 'next task withdrawn' },
  released: { zh: '撤销', en: 'released' },
  diverted: { zh: '改派他处', en: 'diverted' },
  unavailable: { zh: '不可用', en: 'unavailable' },
  merged: { zh: '并案', en: 'merged' },
  split: { zh: '分案', en: 'split' },
  reopened: { zh: '重启', en: 'reopened' },
  cancelled: { zh: '取消', en: 'cancelled' },
  joined: { zh: '来电并入', en: 'call joined' },
  closed: { zh: '关闭', en: 'closed' },
  'transfer-offered': { zh: '移交发出', en: 'transfer offered' },
  'transfer-accepted': { zh: '移交接收', en: 'transfer accepted' },
  'transfer-refused': { zh: '移交退回', en: 'transfer refused' },
  'transfer-withdrawn': { zh: '移交撤回', en: 'transfer withdrawn' },
  'aid-asked': { zh: '请求增援', en: 'aid asked' },
  'aid-answered': { zh: '增援已派', en: 'aid sent' },
  'aid-refused': { zh: '增援谢绝', en: 'aid refused' },
  'mass-declared': { zh: '批量伤员', en: 'mass casualty' },
  'hospital-notified': { zh: '通知医院', en: 'hospital told' },
  'hospital-acknowledged': { zh: '医院确认', en: 'hospital confirmed' },
}

/** Name of any stamp in a language; a stamp nobody knows is shown as it is. */
export function nameStamp(stamp: string, language: 'zh' | 'en'): string {
  return stampChain.find(row => row.stamp === stamp)?.[language] ?? otherStamps[stamp]?.[language] ?? stamp
}

/** Which source counts when several stand: an approved edit, else a key, else the house itself, else GPS. */
export const stampPreference = ['edit', 'key', 'auto', 'gps'] as const

/** The stamp of one unit's step (or of the case's): the newest edit, else the first of the best source. */
function chooseAmong(rows: readonly StampView[]): StampView | undefined {
  for (const source of stampPreference) {
    const found = rows.filter(row => row.source === source)
    if (found.length === 0) continue
    if (source === 'edit') return found.reduce((a, b) => ((b.enteredAt ?? 0) >= (a.enteredAt ?? 0) ? b : a))
    return found.reduce((a, b) => (b.at < a.at ? b : a))
  }
  return undefined
}

/**
 * The stamp that counts for a step: of one unit when it is named, else the earliest over all units of the case ("first order",
 * "first arrival"). Undefined when the step was never stamped: it is missing, and reports count it as missing.
 * @source domain/dispatch.md §1.5 and the issue: approved edit, else key, else auto, else GPS
 */
export function chooseStamp(stamps: readonly StampView[], stamp: ChainStamp, unitId?: string): StampView | undefined {
  const rows = stamps.filter(row => row.stamp === stamp)
  if (unitId !== undefined) return chooseAmong(rows.filter(row => row.unitId === unitId))
  let first: StampView | undefined
  for (const id of new Set(rows.map(row => row.unitId))) {
    const chosen = chooseAmong(rows.filter(row => row.unitId === id))
    if (chosen && (!first || chosen.at < first.at)) first = chosen
  }
  return first
}

/** Milliseconds from one step to another by the stamps that count; undefined when either is missing. May be negative: shown, not hidden. */
export function measureStep(
  stamps: readonly StampView[],
  from: ChainStamp,
  to: ChainStamp,
  unitId?: string,
): number | undefined {
  const perCase = (stamp: ChainStamp) => stampChain.find(row => row.stamp === stamp)!.per === 'case'
  const start = chooseStamp(stamps, from, perCase(from) ? undefined : unitId)
  const end = chooseStamp(stamps, to, perCase(to) ? undefined : unitId)
  return start && end ? end.at - start.at : undefined
}
