/**
 * Memory bus: the same port within one process, for tests and for a line with its doors in threads of one program. What it carries
 * is copied, as a carrier between machines would, so that nobody shares an object by accident.
 */
import type { Entry, Lane } from '#contract/entry.ts'
import type { Told } from '../log/writer.ts'
import { answerMaxMs, type Bus, type Group, isUrgent, tellAway, underWayMax, urgentAnswerMaxMs } from './bus.ts'

type Take = (entries: readonly Entry[], lanes: readonly Lane[]) => Promise<Told[]>

/** The common medium of some memory buses: as Redis is to processes. */
export type Medium = { take: Take | undefined; followers: Set<(group: Group) => void>; isCut: boolean }

export function createMedium(): Medium {
  return { take: undefined, followers: new Set(), isCut: false }
}

/** Opens a bus on a medium; `isCut` on it makes the carrier away for everybody. */
export function openMemoryBus(medium: Medium): Bus {
  let underWay = 0
  const mine = new Set<(group: Group) => void>()
  return {
    async submit(entries, lanes) {
      if (medium.isCut || underWay + entries.length > underWayMax) return tellAway(entries.length)
      underWay += entries.length
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<Told[]>(resolve => {
        timer = setTimeout(() => resolve(tellAway(entries.length)), isUrgent(lanes) ? urgentAnswerMaxMs : answerMaxMs)
      })
      try {
        const answer = medium.take?.(structuredClone(entries) as Entry[], lanes).then(told => structuredClone(told))
        return await Promise.race(answer ? [answer, late] : [late])
      } finally {
        clearTimeout(timer)
        underWay -= entries.length
      }
    },
    serve(take) {
      medium.take = take
      return async () => {
        if (medium.take === take) medium.take = undefined
      }
    },
    publish(group) {
      if (medium.isCut) return
      for (const onGroup of medium.followers) queueMicrotask(() => onGroup(structuredClone(group)))
    },
    follow(onGroup) {
      medium.followers.add(onGroup)
      mine.add(onGroup)
      return async () => {
        medium.followers.delete(onGroup)
        mine.delete(onGroup)
      }
    },
    getState: () => (medium.isCut ? 'away' : 'ready'),
    countUnderWay: () => underWay,
    async close() {
      for (const onGroup of mine) medium.followers.delete(onGroup)
      mine.clear()
    },
  }
}
