/**
 * The hook that sounds what must be heard at this seat (alarm-list.ts) and says what may flash. Only the
 * oldest unanswered critical thing flashes; a sound repeats every 10 s until somebody answers by key. Mute stops the
 * sound and never the picture.
 */
import { useEffect, useMemo } from 'react'
import type { Role } from '#contract/scalars.ts'
import { useSecond } from '../live/clock.ts'
import { useLink, useWorld } from '../live/store.ts'
import { useDesk } from '../shell/desk.ts'
import { type Alarm, listAlarms } from './alarm-list.ts'
import { playTone, repeatMs } from './tones.ts'

/** Sounds what is unanswered and says what is: all alarms not yet silenced here, and the one thing that may flash. */
export function useAlarms(roles: readonly Role[]): { ringing: readonly Alarm[]; flashing: string | undefined } {
  const link = useLink(state => state.state)
  const calls = useWorld(world => world.calls)
  const units = useWorld(world => world.units)
  const alerts = useWorld(world => world.alerts)
  const incidents = useWorld(world => world.incidents)
  const own = useDesk(desk => desk.regions)
  const silenced = useDesk(desk => desk.silenced)
  const muted = useDesk(desk => desk.muted)
  const now = useSecond()
  const ringing = useMemo(
    () =>
      listAlarms(
        roles,
        link,
        { calls: calls.values(), units: units.values(), alerts: alerts.values(), incidents: incidents.values() },
        now,
        own,
      ).filter(alarm => !silenced.has(alarm.id)),
    [roles, link, calls, units, alerts, incidents, own, silenced, now],
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
