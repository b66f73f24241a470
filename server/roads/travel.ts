/**
 * Travel: drives of many places to one, asked of a road source one order at a time, with a bounded queue and a timeout.
 * Stands between advice (operations/) and a road source (thread.ts today; a routing server may be another).
 * Promises: every order is answered within its timeout: by road seconds, or by the reason there are none. It never throws and
 * never waits for a source that does not answer; who asks falls back to the straight line and says so.
 */
import type { Place } from './graph.ts'

/** Drives wanted: of every place to the target, at an hour of the week, with or without siren, none longer than `secondsMax`. */
export type TravelOrder = {
  target: Place
  places: readonly Place[]
  hourOfWeek: number
  siren: boolean
  secondsMax: number
}

/** Seconds and metres of each place in order; NaN where no road leads there within the bound. */
export type RoadLegs = { seconds: Float64Array; metres: Float64Array }

/**
 * Why there are no road drives: no pack at all, a pack that was refused, one still being read, a queue that is full, an answer too
 * late, a source that is lost, or a target too far from any road.
 */
export type TravelGap = 'no-pack' | 'refused' | 'loading' | 'busy' | 'late' | 'lost' | 'off-road'

export type TravelAnswer = { legs: RoadLegs } | { gap: TravelGap; code?: string }

export type SourceState =
  | { holds: 'roads' | 'loading' | 'nothing' | 'lost' }
  /** A pack that is there and not whole, with the code of its refusal. */
  | { holds: 'refused'; code: string }

/** Something that knows roads. `measure` may answer late, wrong or never, or throw: travel is made for that. */
export type RoadSource = {
  getState(): SourceState
  measure(order: TravelOrder): Promise<RoadLegs | 'off-road'>
  /** Gives up what is under way and begins anew. */
  restart(): void
  stop(): Promise<void>
}

export type Travel = {
  measure(order: TravelOrder): Promise<TravelAnswer>
  stop(): Promise<void>
}

/** A search takes milliseconds; who waits longer than this is answered by the straight line. */
export const travelTimeoutMs = 250
/** Orders that wait behind the one under way; one more is answered `busy`. */
export const travelWaitingMax = 64
/** An order unanswered this long has stuck its source, which is begun anew. */
export const stuckAfterMs = 5_000

const gapOf = { loading: 'loading', nothing: 'no-pack', lost: 'lost' } as const

function isWhole(legs: RoadLegs | 'off-road', count: number): legs is RoadLegs {
  return (
    legs !== 'off-road' &&
    legs.seconds?.length === count &&
    legs.metres?.length === count &&
    legs.seconds.every(seconds => Number.isNaN(seconds) || seconds >= 0) &&
    legs.metres.every(metres => Number.isNaN(metres) || metres >= 0)
  )
}

/** Puts the queue and the timeout before a source; without a source every answer is `no-pack`. */
export function createTravel(
  source: RoadSource | undefined,
  limits: { timeoutMs?: number; waitingMax?: number; stuckAfterMs?: number } = {},
): Travel {
  const timeoutMs = limits.timeoutMs ?? travelTimeoutMs
  const waitingMax = limits.waitingMax ?? travelWaitingMax
  const stuckMs = limits.stuckAfterMs ?? stuckAfterMs
  type Waiting = { order: TravelOrder; answer: (answer: TravelAnswer) => void; isOver: boolean }
  const queue: Waiting[] = []
  let isUnderWay = false
  /** True while the order under way has outrun its timeout: whoever asks meanwhile need not wait to learn that. */
  let isOverdue = false
  let isStopped = false
  let giveUp: (() => void) | undefined

  const findGap = (): TravelAnswer | undefined => {
    if (!source || isStopped) return { gap: 'no-pack' }
    const state = source.getState()
    if (state.holds === 'roads') return undefined
    return state.holds === 'refused' ? { gap: 'refused', code: state.code } : { gap: gapOf[state.holds] }
  }
  const next = (): void => {
    if (isUnderWay) return
    let waiting = queue.shift()
    while (waiting?.isOver) waiting = queue.shift()
    if (!waiting || !source) return
    const { order, answer } = waiting
    const gap = findGap()
    if (gap) {
      answer(gap)
      next()
      return
    }
    isUnderWay = true
    let isSettled = false
    const settle = (outcome: TravelAnswer): void => {
      if (isSettled) return
      isSettled = true
      clearTimeout(overdue)
      clearTimeout(stuck)
      isUnderWay = false
      isOverdue = false
      answer(outcome)
      next()
    }
    giveUp = () => settle({ gap: 'no-pack' })
    const overdue = setTimeout(() => {
      isOverdue = true
      for (const other of queue) other.answer({ gap: 'late' })
    }, timeoutMs)
    const stuck = setTimeout(() => {
      source.restart()
      settle({ gap: 'late' })
    }, stuckMs)
    // Inside a promise from the start, so that a source that throws at once is one that failed.
    const measured = Promise.resolve(order).then(source.measure)
    measured.then(
      legs =>
        settle(
          legs === 'off-road' ? { gap: 'off-road' } : isWhole(legs, order.places.length) ? { legs } : { gap: 'lost' },
        ),
      () => settle(findGap() ?? { gap: 'lost' }),
    )
  }
  return {
    measure(order) {
      const gap = findGap()
      if (gap) return Promise.resolve(gap)
      if (isOverdue) return Promise.resolve({ gap: 'late' })
      if (queue.length >= waitingMax) return Promise.resolve({ gap: 'busy' })
      return new Promise(resolve => {
        const waiting: Waiting = {
          order,
          isOver: false,
          answer(outcome) {
            if (waiting.isOver) return
            waiting.isOver = true
            clearTimeout(timer)
            resolve(outcome)
          },
        }
        const timer = setTimeout(() => waiting.answer({ gap: 'late' }), timeoutMs)
        queue.push(waiting)
        next()
      })
    },
    async stop() {
      isStopped = true
      for (const waiting of queue.splice(0)) waiting.answer({ gap: 'no-pack' })
      giveUp?.()
      await source?.stop()
    },
  }
}
