/**
 * The city's clock as a console knows it: the time of the newest packet plus what has passed here since. The browser's own
 * wall clock is never shown and never sent, so a seat whose clock is wrong still counts the same seconds as its neighbour.
 */
import { useSyncExternalStore } from 'react'

let lastAt = 0
let lastPerformanceMs = 0

/** Notes the city time a packet carried, at the instant it came in. */
export function noteCityTime(at: number, performanceMs: number = performance.now()): void {
  lastAt = at
  lastPerformanceMs = performanceMs
}

/** City time now, epoch ms; 0 before the first packet. Runs on by itself while the link is down. */
export function getCityNow(performanceMs: number = performance.now()): number {
  return lastAt === 0 ? 0 : Math.round(lastAt + Math.max(0, performanceMs - lastPerformanceMs))
}

const listeners = new Set<() => void>()
let timer: ReturnType<typeof setInterval> | undefined

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  timer ??= setInterval(() => {
    for (const each of listeners) each()
  }, 500)
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0 && timer !== undefined) {
      clearInterval(timer)
      timer = undefined
    }
  }
}

/** City time in whole seconds (epoch ms); the component is drawn again when the second changes. */
export function useSecond(): number {
  return useSyncExternalStore(subscribe, () => Math.floor(getCityNow() / 1_000) * 1_000)
}
