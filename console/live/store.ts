/**
 * The live stores of a console: the world, and the state of the link that feeds it. Screens read them by selector; only
 * the socket writes them. The link is judged on packets, not on the transport: a socket that is open and silent is old.
 */
import { create } from 'zustand'
import { heartbeatEveryMs } from '#contract/wire.ts'
import { emptyWorld, type LiveWorld } from './world.ts'

/** Without a packet for this long the picture is called old: three heartbeats. */
export const oldAfterMs = 3 * heartbeatEveryMs

export type LinkState = 'waiting' | 'live' | 'old' | 'offline'

/** Judges a link: offline when the transport is gone, old when it is silent, waiting before the first snapshot. */
export function judgeLink(connected: boolean, loaded: boolean, silentMs: number): LinkState {
  if (!loaded) return connected ? 'waiting' : 'offline'
  if (!connected) return silentMs > oldAfterMs ? 'offline' : 'live'
  return silentMs > oldAfterMs ? 'old' : 'live'
}

export const useWorld = create<LiveWorld>()(() => emptyWorld)

export type Link = {
  state: LinkState
  connected: boolean
  loaded: boolean
  /** performance.now() of the newest packet. */
  heardMs: number
  /** Whole seconds since the newest packet while the link is not live. */
  silentS: number
  serverVersion?: string
  /** Wire version of the server when it differs from ours: this console should be loaded again. */
  otherWireVersion?: number
  resyncs: number
}

export const startLink: Link = { state: 'waiting', connected: false, loaded: false, heardMs: 0, silentS: 0, resyncs: 0 }

export const useLink = create<Link>()(() => startLink)

/** Judges the link again at this instant; called on every event of the socket and twice a second. */
export function reviewLink(performanceMs: number = performance.now()): void {
  const link = useLink.getState()
  const silentMs = performanceMs - link.heardMs
  const state = judgeLink(link.connected, link.loaded, silentMs)
  const silentS = state === 'live' ? 0 : Math.floor(silentMs / 1_000)
  if (state !== link.state || silentS !== link.silentS) useLink.setState({ state, silentS })
}
