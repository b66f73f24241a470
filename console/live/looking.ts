/**
 * The whisper of who looks at which case: what this seat has open, and who else the server says has it open too. Said again after
 * every new connection; nothing of it is kept.
 */
import { create } from 'zustand'
import type { Looking } from '#contract/wire.ts'

export const useLooking = create<{ incidentId: string | undefined; names: readonly string[] }>()(() => ({
  incidentId: undefined,
  names: [],
}))

type Say = (incidentId: string | undefined) => void
let say: Say | undefined
let open: string | undefined

/** Says which case this seat has open; undefined for none. */
export function look(incidentId: string | undefined): void {
  open = incidentId
  useLooking.setState({ incidentId, names: [] })
  say?.(incidentId)
}

/** Hands over the way to say it; called by the socket when it is connected, and with undefined when it is not. */
export function connectLooking(way: Say | undefined): void {
  say = way
  if (way && open !== undefined) way(open)
  if (!way) useLooking.setState({ names: [] })
}

/** Takes what the server tells about a case. */
export function noteLooking(told: Looking): void {
  if (told.incidentId === open) useLooking.setState({ incidentId: told.incidentId, names: told.names })
}
