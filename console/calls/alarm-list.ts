/**
 * What must be heard at a seat: pure judgement over the world, by roles. Most urgent tone first, oldest first within a
 * tone; what was answered at this seat is left out by the hook that sounds it (alarms.ts).
 */
import type { Role } from '#contract/scalars.ts'
import type { AlertView, CallView, IncidentView, UnitView } from '#contract/view.ts'
import type { LinkState } from '../live/store.ts'
import { listUnitAlarms } from '../units/unit-alarms.ts'
import type { ToneName } from './tones.ts'
import { listPendingLinks, listWaiting } from './waiting.ts'

export type Alarm = { id: string; sound: string; tone: ToneName; at: number; critical: boolean }

/** An order the crew has not confirmed for this long sounds. @source domain/dispatch.md 6.1 point 12: 20/30 s */
export const orderSilentMs = 30_000

/** Lists what calls for somebody with these roles, most urgent tone first, oldest first within a tone. */
export function listAlarms(
  roles: readonly Role[],
  link: LinkState,
  world: {
    calls: Iterable<CallView>
    units: Iterable<UnitView>
    alerts: Iterable<AlertView>
    incidents?: Iterable<IncidentView>
  },
  now: number,
  ownRegions: readonly string[] = [],
): readonly Alarm[] {
  const alarms: Alarm[] = []
  if (link === 'offline') {
    alarms.push({ id: 'link', sound: 'systemLost', tone: 'systemLost', at: 0, critical: true })
  }
  if (roles.includes('dispatcher') || roles.includes('shift-leader')) {
    const units = [...world.units]
    alarms.push(...listUnitAlarms(units, world.incidents ?? [], ownRegions))
    const calls: Alarm[] = []
    const all = [...world.calls]
    for (const call of listWaiting(all)) {
      // Beyond the public limit a call stands in the list and does not ring: it must not cover those that do.
      if (call.rank === 2) continue
      calls.push({
        id: `call:${call.callId}`,
        sound: 'callRing',
        tone: 'callRing',
        at: call.receivedAt,
        critical: true,
      })
    }
    const links = listPendingLinks(all).filter(({ link }) => link.direction === 'in')
    for (const { link } of links)
      calls.push({ id: `link:${link.linkId}`, sound: 'transfer', tone: 'transfer', at: link.at, critical: true })
    const orders: Alarm[] = []
    for (const unit of units) {
      if (unit.status !== 'ordered' || unit.acknowledgedAt !== undefined || now - unit.statusAt <= orderSilentMs)
        continue
      const id = `order:${unit.unitId}:${unit.statusAt}`
      orders.push({ id, sound: 'orderUnacknowledged', tone: 'orderUnacknowledged', at: unit.statusAt, critical: true })
    }
    const byAge = (a: Alarm, b: Alarm) => a.at - b.at
    alarms.push(...calls.sort(byAge), ...orders.sort(byAge))
  }
  if (roles.includes('epidemiologist')) {
    const raised: Alarm[] = []
    for (const alert of world.alerts) {
      if (alert.state !== 'open' || alert.level > 2) continue
      // Another step of the escalation rings again.
      const id = `alert:${alert.alertId}:${alert.escalationStep}`
      raised.push({
        id,
        sound: 'alertRaised',
        tone: 'orderUnacknowledged',
        at: alert.raisedAt,
        critical: alert.level === 1,
      })
    }
    alarms.push(...raised.sort((a, b) => a.at - b.at))
  }
  return alarms
}
