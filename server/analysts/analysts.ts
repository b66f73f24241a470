/**
 * Analysts: slow work is a source. On every day's first tick, and once more when late reports have come in, the thread studies the
 * closed days; each finding is said through the door under a key made of what it says, so that a study run twice says it once.
 */
import { createHash } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import type { PoolConfig } from 'pg'
import type { Entry } from '#contract/entry.ts'
import { getDayIndex, hourMs, shanghaiOffsetMs } from '#contract/scalars.ts'
import type { World } from '../state/world.ts'
import type { StudyAnswer, StudyOrder } from './worker.ts'

/** Hours of the Shanghai day at which the closed days are studied: after midnight, after the morning's reports, after noon's. */
export const studyHours: readonly number[] = [0, 9, 14]
/** Findings said of one study at most; more than this is a broken feed, not a hundred outbreaks. */
export const foundMax = 200
/** Between the ends of two studies at least, by this machine's clock: a city played at many times its pace is not studied all the time. */
const restMs = 60_000
/** A study that takes longer is given up and its thread ended. */
const studyMaxMs = 10 * 60_000

export type AnalystPorts = {
  world: World
  connection: PoolConfig
  submit(entries: readonly Entry[]): Promise<unknown>
  now(): number
  onStudied(answer: StudyAnswer): void
  onError(error: Error): void
}

export type Analysts = {
  /** Told of every applied group; a tick that begins one of the hours starts a study. */
  onApplied(entries: readonly Entry[]): void
  /** Studies now; what is under way is waited for. */
  studyNow(): Promise<StudyAnswer>
  stop(): Promise<void>
}

/** A UUID from a text: the same finding has the same key. */
function makeKey(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** Starts the analysts; the thread begins with the first study. */
export function startAnalysts(ports: AnalystPorts): Analysts {
  const { world } = ports
  let worker: Worker | undefined
  let underWay: Promise<StudyAnswer> | undefined
  let endedAt = Number.NEGATIVE_INFINITY

  const order = (): StudyOrder => {
    const scopes: [string, string][] = []
    for (const region of world.regions.values())
      for (let at: string | undefined = region.code, depth = 0; at !== undefined && depth < 8; depth++) {
        const held = world.regions.get(at)
        if (held?.level === 'county') scopes.push([region.code, held.code])
        at = held?.parentCode
      }
    return {
      today: getDayIndex(ports.now()),
      sites: [...world.places.values()].map(({ placeId, lon, lat }) => [placeId, { lon, lat }]),
      scopes,
    }
  }
  const say = async (answer: StudyAnswer) => {
    if ('fault' in answer || answer.found.length === 0) return
    const at = ports.now()
    await ports.submit(
      answer.found.slice(0, foundMax).map(
        body =>
          ({
            seq: 0,
            loggedAt: 0,
            kind: 'signal.found',
            source: 'analyst',
            uuid: makeKey(JSON.stringify(body)),
            // The period it is about, not the moment it was found: said twice, it is the same word.
            occurredAt: Date.parse(`${body.period.slice(0, 10)}T00:00:00+08:00`),
            receivedAt: at,
            body,
          }) as unknown as Entry,
      ),
    )
  }
  const studyNow = (): Promise<StudyAnswer> => {
    underWay ??= new Promise<StudyAnswer>(resolve => {
      worker ??= new Worker(new URL('./worker.ts', import.meta.url), { workerData: { connection: ports.connection } })
      const asked = worker
      asked.unref()
      const end = (answer: StudyAnswer) => {
        clearTimeout(timer)
        asked.removeAllListeners()
        if ('fault' in answer) {
          worker = undefined
          void asked.terminate()
        }
        resolve(answer)
      }
      const timer = setTimeout(() => end({ fault: 'the study took too long' }), studyMaxMs)
      timer.unref()
      asked.once('error', error => end({ fault: String((error as Error).message) }))
      asked.once('exit', () => end({ fault: 'the thread ended' }))
      asked.once('message', end)
      asked.postMessage(order())
    }).then(async answer => {
      underWay = undefined
      endedAt = performance.now()
      ports.onStudied(answer)
      await say(answer).catch(error => ports.onError(error as Error))
      return answer
    })
    return underWay
  }
  return {
    onApplied(entries) {
      for (const entry of entries) {
        if (entry.kind !== 'clock.ticked' || entry.body.boundary === 'none') continue
        const hour = Math.floor((entry.occurredAt + shanghaiOffsetMs) / hourMs) % 24
        if (studyHours.includes(hour) && performance.now() - endedAt >= restMs) void studyNow()
      }
    },
    studyNow,
    async stop() {
      await worker?.terminate()
      await underWay
    },
  }
}
