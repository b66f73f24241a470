/**
 * The analysts' thread: reads long history on a client of its own, studies it, answers with what it found. Slow work never stands
 * in the line; what it finds comes back through the door like anybody's word.
 */
import { constants, setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import pg from 'pg'
import { formatDay } from '#contract/scalars.ts'
import { listDailyCounts } from './sql.ts'
import { type Found, type Site, studyPlaces, studyWeeks, yearsBack } from './study.ts'

export type StudyOrder = {
  today: number
  sites: [facilityId: string, site: Site][]
  scopes: [code: string, scope: string][]
}
export type StudyAnswer = { found: Found[]; rows: number; tookMs: number } | { fault: string }

if (process.platform === 'linux') setPriority(0, constants.priority.PRIORITY_LOW)

const { connection } = workerData as { connection: pg.PoolConfig }
const pool = new pg.Pool({ ...connection, max: 1 })
pool.on('error', () => undefined)

async function study({ today, sites, scopes }: StudyOrder): Promise<StudyAnswer> {
  const startedAt = performance.now()
  const rows = await listDailyCounts(pool, formatDay(today - Math.ceil(365.25 * (yearsBack + 1))))
  const scopeOf = new Map(scopes)
  const find = (code: string) => scopeOf.get(code)
  const found = [...studyWeeks(rows, today, find), ...studyPlaces(rows, today, new Map(sites), find)]
  return { found, rows: rows.length, tookMs: Math.round(performance.now() - startedAt) }
}

parentPort?.on('message', (order: StudyOrder) => {
  study(order).then(
    answer => parentPort?.postMessage(answer),
    error => parentPort?.postMessage({ fault: String((error as Error).message) } satisfies StudyAnswer),
  )
})
