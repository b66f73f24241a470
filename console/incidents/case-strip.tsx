/**
 * A strip of the case panel that opens by a key, takes the focus, and closes by Esc without changing anything. What a centre is
 * called, and whether a case is offered to this seat, are read here once for every strip.
 */
import { type ReactNode, useEffect, useRef } from 'react'
import type { IncidentView, RegionView } from '#contract/view.ts'
import { type Desk, useDesk } from '../shell/desk.ts'
import { type KeyId, useKey } from '../shell/keys.ts'

/** Opens and closes one strip by its key. */
export function useStrip(name: NonNullable<Desk['strip']>, keyId: KeyId, isOn: boolean): boolean {
  const strip = useDesk(desk => desk.strip)
  useKey(keyId, isOn ? () => useDesk.setState({ strip: strip === name ? undefined : name }) : undefined)
  useKey('leave', isOn && strip === name ? () => useDesk.setState({ strip: undefined }) : undefined)
  return isOn && strip === name
}

export const closeStrip = () => useDesk.setState({ strip: undefined })

/** The strip itself: its first button is focused, so that Enter acts. */
export function CaseStrip({ testId, title, children }: { testId: string; title: string; children: ReactNode }) {
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null
    box.current?.scrollIntoView({ block: 'nearest' })
    box.current?.querySelector<HTMLElement>('button:not([disabled]), input, select')?.focus()
    return () => before?.focus?.()
  }, [])
  return (
    <div className="strip case-strip no-print" data-testid={testId} ref={box}>
      <span>{title}</span>
      {children}
    </div>
  )
}

/** The region whose centre answers for a case. */
export function getOwnerCode(incident: IncidentView): string {
  return incident.ownerCode ?? incident.regionCode
}

/** Centres a case may be handed to or asked for help: cities and counties, nearest first, without the one given. */
export function listCentres(
  regions: ReadonlyMap<string, RegionView>,
  incident: IncidentView,
  without: readonly string[],
): RegionView[] {
  const squared = (region: RegionView) => (region.lon - incident.lon) ** 2 + (region.lat - incident.lat) ** 2
  return [...regions.values()]
    .filter(region => (region.level === 'city' || region.level === 'county') && !without.includes(region.code))
    .sort((a, b) => squared(a) - squared(b))
    .slice(0, centresMax)
}
/** Centres one strip offers. */
export const centresMax = 16
