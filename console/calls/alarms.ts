/**
 * What must be heard and what may flash at this seat: pure judgement over the world, and the hook that sounds it. Only the
 * oldest unanswered critical thing flashes; a sound repeats every 10 s until somebody answers by key. Mute stops the
 * sound and never the picture.
 */
import { useEffect, useMemo } from 'react'
import type { Role } from '#contract/scalars.ts'
import type { AlertView, CallView, UnitView } from '#contract/view.ts'
import { useSecond } from '../live/clock.ts'
import { type LinkState, useLink, useWorld } from '../live/store.ts'
import { useDesk } from '../shell/desk.ts'
import { playTone, repeatMs, type ToneName } from './tones.ts'

export type Alarm = { id: string; sound: string; tone: ToneName; at: number; critical: boolean }

/** An order the crew has not confirmed for this long sounds. @source domain/dispatch.md 6.1 point 12: 20/30 s */
export const orderSilentMs = 30_000

/** Lists what calls for somebody with these roles, most urgent tone first, oldest first within a tone. */
export function listAlarms(
  roles: readonly Role[],
  link: LinkState,
  world: { calls: Iterable<CallView>; units: Iterable<UnitView>; alerts: Iterable<AlertView> },
  now: number,
): readonly Alarm[] {
  const alarms: Alarm[] = []
  if (link === 'offline') {
    alarms.push({ id: 'link', sound: 'systemLost', tone: 'systemLost', at: 0, critical: true })
  }
  if (roles.includes('dispatcher') || roles.includes('shift-leader')) {
    const calls: Alarm[] = []
    for (const call of world.calls) {
      if (call.incidentId || call.outcome) continue
      calls.push({
        id: `call:${call.callId}`,
        sound: 'callRing',
        tone: 'callRing',
        at: call.receivedAt,
        critical: true,
      })
    }
    const orders: Alarm[] = []
    for (const unit of world.units) {
      if (unit.status !== 'ordered' || now - unit.statusAt <= orderSilentMs) continue
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

/** Sounds what is unanswered and says what is: all alarms not yet silenced here, and the one thing that may flash. */
export function useAlarms(roles: readonly Role[]): { ringing: readonly Alarm[]; flashing: string | undefined } {
  const link = useLink(state => state.state)
  const calls = useWorld(world => world.calls)
  const units = useWorld(world => world.units)
  const alerts = useWorld(world => world.alerts)
  const silenced = useDesk(desk => desk.silenced)
  const muted = useDesk(desk => desk.muted)
  const now = useSecond()
  const ringing = useMemo(
    () =>
      listAlarms(roles, link, { calls: calls.values(), units: units.values(), alerts: alerts.values() }, now).filter(
        alarm => !silenced.has(alarm.id),
      ),
    [roles, link, calls, units, alerts, silenced, now],
  )
  const loudest = ringing[0]
  useEffect(() => {
    if (!loudest || muted) return
    playTone(loudest.tone)
    const timer = setInterval(() => playTone(loudest.tone), repeatMs)
    return () => clearInterval(timer)
    // One sound a thing: a new second or another record must not start it again.
  }, [loudest?.id, muted])
  const critical = ringing.filter(alarm => alarm.critical).toSorted((a, b) => a.at - b.at)
  return { ringing, flashing: critical[0]?.id }
}
