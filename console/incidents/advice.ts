/**
 * The server's advice for the case in hand: asked again when the case or the units change, at most once a second, and every ten
 * seconds anyway, since units move. What is too old, of another case, or was never answered is not shown: the straight-line list
 * stands in for it.
 */
import { useEffect, useRef, useState } from 'react'
import type { AdviceRowView, AdviceView, IncidentView, UnitView } from '#contract/view.ts'
import { ask } from '../live/http.ts'
import { useWorld } from '../live/store.ts'

/** At least this long between two questions, however often the units change. */
export const askGapMs = 1_000
/** Units move without a change of their record: asked again after this long. */
export const askAgainMs = 10_000
/** Advice older than this by the city's clock is not shown. */
export const adviceOldMs = 30_000

/** True when advice may be shown for a case at a city time. */
export function isShown(advice: AdviceView | undefined, incidentId: string, now: number): advice is AdviceView {
  return advice !== undefined && advice.incidentId === incidentId && now - advice.computedAt <= adviceOldMs
}

/** True when the line would take an order for the unit as this console sees it now. */
export function isFree(unit: UnitView | undefined): unit is UnitView {
  return unit !== undefined && unit.incidentId === undefined && (unit.status === 'idle' || unit.status === 'returning')
}

/** Share of the widest bar for a row's cover loss, 0..1: rows are compared with each other, not with the whole city. */
export function measureBar(row: AdviceRowView, rows: readonly AdviceRowView[]): number {
  const most = Math.max(0, ...rows.map(each => each.coverLoss))
  return most === 0 ? 0 : row.coverLoss / most
}

/** The newest advice on an open case; undefined while there is none, or when the server last answered with nothing. */
export function useAdvice(incident: IncidentView): AdviceView | undefined {
  const { incidentId, version } = incident
  const units = useWorld(world => world.units)
  const [advice, setAdvice] = useState<AdviceView>()
  const [round, setRound] = useState(0)
  const askedAtMs = useRef(Number.NEGATIVE_INFINITY)
  const askedFor = useRef('')
  useEffect(() => {
    if (askedFor.current !== incidentId) askedAtMs.current = Number.NEGATIVE_INFINITY
    askedFor.current = incidentId
    const waitMs = Math.max(0, askedAtMs.current + askGapMs - performance.now())
    const timer = setTimeout(async () => {
      askedAtMs.current = performance.now()
      const startedMs = askedAtMs.current
      const answer = await ask<AdviceView>('GET', `/v1/incidents/${encodeURIComponent(incidentId)}/advice`)
      // A later question is under way, or another case is in hand: this answer is of no use any more.
      if (askedAtMs.current !== startedMs || askedFor.current !== incidentId) return
      setAdvice(answer.ok ? answer.value : undefined)
    }, waitMs)
    return () => clearTimeout(timer)
  }, [incidentId, version, units, round])
  useEffect(() => {
    const timer = setInterval(() => setRound(each => each + 1), askAgainMs)
    return () => clearInterval(timer)
  }, [])
  return advice
}
