/**
 * Times as they were written on paper: hours and minutes without a day, in the order of the chain. Pure. A run over midnight is
 * recognised by a time that goes far back; a small step back is a slip of the pen and is said, not guessed.
 */
import { formatSlipNo, type SlipStamp } from '#contract/duty.ts'
import { dayMs, getDayStartAt, parseDay } from '#contract/scalars.ts'
import { type ChainStamp, stampChain } from '#contract/stamps.ts'

/** A step back of more than this is the next day. */
const midnightGapMs = dayMs / 2

/** HH:MM, HH:MM:SS, HHMM or HHMMSS as milliseconds of the day; undefined when it is none. */
export function parseClock(text: string): number | undefined {
  const found = /^\s*(\d{1,2})[:\uff1a.]?(\d{2})(?:[:\uff1a.]?(\d{2}))?\s*$/.exec(text)
  if (!found) return undefined
  const [hours, minutes, seconds] = [Number(found[1]), Number(found[2]), Number(found[3] ?? 0)]
  return hours > 23 || minutes > 59 || seconds > 59 ? undefined : ((hours * 60 + minutes) * 60 + seconds) * 1_000
}

/** Number of a slip as typed: P000012, p12 or 12; undefined when it is none. */
export function parseSlipNo(text: string): number | undefined {
  const found = /^\s*[pP]?0*(\d{1,6})\s*$/.exec(text)
  const slipNo = found ? Number(found[1]) : 0
  return slipNo > 0 ? slipNo : undefined
}

/** Steps of the case, then of a unit, as rows of a slip. */
export const caseSteps = stampChain.filter(row => row.per === 'case')
export const unitSteps = stampChain.filter(row => row.per === 'unit')

export type SlipColumn = { unitId?: string; times: Readonly<Partial<Record<ChainStamp, string>>> }
export type SlipFault = { step: ChainStamp; unitId?: string; fault: 'unreadable' | 'backwards' }

/**
 * Instants of all columns of a slip. The case's column comes first; every unit's column begins where the case was accepted.
 * @param day YYYY-MM-DD of the ring, Shanghai
 */
export function readSlipTimes(
  day: string,
  columns: readonly SlipColumn[],
): { stamps: SlipStamp[]; faults: SlipFault[] } | undefined {
  const index = parseDay(day)
  if (index === undefined) return undefined
  const dayAt = getDayStartAt(index)
  const stamps: SlipStamp[] = []
  const faults: SlipFault[] = []
  let caseAt = 0
  for (const { unitId, times } of columns) {
    let before = unitId === undefined ? 0 : caseAt
    for (const { stamp, per } of stampChain) {
      const text = times[stamp]?.trim()
      if (!text || (per === 'case') !== (unitId === undefined)) continue
      const of = { step: stamp, ...(unitId === undefined ? {} : { unitId }) }
      const clock = parseClock(text)
      if (clock === undefined) {
        faults.push({ ...of, fault: 'unreadable' })
        continue
      }
      let at = dayAt + clock
      while (before > 0 && before - at > midnightGapMs) at += dayMs
      if (at < before) {
        faults.push({ ...of, fault: 'backwards' })
        continue
      }
      before = at
      if (unitId === undefined) caseAt = at
      stamps.push({ stamp, at, ...(unitId === undefined ? {} : { unitId }) })
    }
  }
  return { stamps, faults }
}

/** Numbers of a range as printed. */
export function listSlipNos(range: { from: number; to: number }): string[] {
  return Array.from({ length: range.to - range.from + 1 }, (_, at) => formatSlipNo(range.from + at))
}
