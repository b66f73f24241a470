/**
 * What units and other centres call this seat for: a crew in distress, a case offered to this centre, a neighbour that asks for a
 * unit. Pure; distress before all, then offers by age. What was answered at this seat is left out by the hook that sounds it.
 */
import type { IncidentView, UnitView } from '#contract/view.ts'
import type { Alarm } from '../calls/alarm-list.ts'

/** Lists them for a seat of these regions. */
export function listUnitAlarms(
  units: Iterable<UnitView>,
  incidents: Iterable<IncidentView>,
  ownRegions: readonly string[],
): Alarm[] {
  const cries: Alarm[] = []
  for (const { unitId, distress } of units) {
    if (!distress || distress.acknowledgedAt !== undefined) continue
    const id = `distress:${unitId}:${distress.at}`
    cries.push({ id, sound: 'distress', tone: 'distress', at: distress.at, critical: true })
  }
  const asked: Alarm[] = []
  for (const { incidentId, state, transfer, aid } of incidents) {
    if (state !== 'open') continue
    if (transfer && ownRegions.includes(transfer.toCode)) {
      const id = `transfer:${incidentId}:${transfer.at}`
      asked.push({ id, sound: 'transfer', tone: 'transfer', at: transfer.at, critical: true })
    }
    for (const row of aid ?? []) {
      if (row.answeredAt !== undefined || !ownRegions.includes(row.ofCode)) continue
      asked.push({ id: `aid:${incidentId}:${row.at}`, sound: 'aid', tone: 'transfer', at: row.at, critical: true })
    }
  }
  const byAge = (a: Alarm, b: Alarm) => a.at - b.at
  return [...cries.sort(byAge), ...asked.sort(byAge)]
}
