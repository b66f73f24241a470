/**
 * Bench of durable ingest: POST /v1/entries in batches of 500, 16 in flight, beside a bare `unnest` insert of 1,000 rows a commit
 * of the same positions into the same server, in turns. Two bare sides: a plain table, by which the target of 0.5 is judged, and
 * the hypertable with its indexes, which shows what storage as the log keeps it costs. Processor time a row beside both.
 */
import { Worker } from 'node:worker_threads'
import type { Pool } from 'pg'
import { makeCity } from '../help/line.ts'
import { startPostgres } from '../help/postgres.ts'
import { startTestServer, type TestServer } from '../help/server.ts'
import { formatCount, judge, measureCpu, print, readPostmaster } from './measure.ts'

const units = 500
const batch = 500
const inFlight = 16
const rounds = 3
const ratioMin = 0.5

const columns = [
  'bigint',
  'bigint',
  'text',
  'text',
  'bigint',
  'bigint',
  'bigint',
  'text',
  'float8',
  'float8',
  'float8',
  'float8',
  'float8',
  'float8',
]

type Side = { rate: number; hereUs: number; storeUs: number }

/** A bare unnest insert, one commit per 1,000 rows, into an empty table of the log's columns; answers its seconds. */
async function runBare(pool: Pool, rows: number, isHyper: boolean): Promise<number> {
  const client = await pool.connect()
  let seconds = 0
  try {
    await client.query(
      'CREATE TABLE bare (LIKE position INCLUDING INDEXES)'.replace(isHyper ? '' : ' INCLUDING INDEXES', ''),
    )
    if (isHyper)
      await client.query(
        "SELECT create_hypertable('bare', 'logged_at', chunk_time_interval => 21600000, create_default_indexes => false)",
      )
    const startedAt = performance.now()
    const insert = `INSERT INTO bare SELECT * FROM unnest(${columns.map((type, i) => `$${i + 1}::${type}[]`).join(', ')})`
    for (let n = 0; n < rows; n += 1_000) {
      const ids = Array.from({ length: 1_000 }, (_, i) => n + i)
      await client.query(insert, [
        ids,
        ids.map(() => Date.now()),
        ids.map(i => `T${i % units}`),
        ids.map(() => 'bench'),
        ids.map(i => Math.floor(i / units)),
        ids.map(() => Date.now()),
        ids.map(() => Date.now()),
        ids.map(i => `U${(i % units) + 1}`),
        ids.map(i => 120 + (i % 997) / 1_000),
        ids.map(() => 30.5),
        ids.map(() => 40),
        ids.map(i => i % 360),
        ids.map(() => null),
        ids.map(() => null),
      ])
    }
    seconds = (performance.now() - startedAt) / 1_000
  } finally {
    await client.query('DROP TABLE IF EXISTS bare')
    client.release()
  }
  return seconds
}

/** The same rows through the door, posted by a thread of its own. Throws when one is not acknowledged. */
async function runDoor(server: TestServer, rows: number, round: number): Promise<number> {
  const worker = new Worker(new URL('./ingest-load.ts', import.meta.url), {
    workerData: { url: server.url, token: server.token, rows, batch, inFlight, units, round },
  })
  const answer = await new Promise<{ done: number; seconds: number }>((resolve, fail) => {
    worker.once('message', resolve)
    worker.once('error', fail)
  })
  if (answer.done !== rows) throw new Error(`acknowledged ${answer.done} of ${rows}`)
  return answer.seconds
}

async function measureSide(pid: number, rows: number, work: () => Promise<number>): Promise<Side> {
  const { result: seconds, threadS, otherS } = await measureCpu(pid, work)
  return { rate: rows / seconds, hereUs: (threadS / rows) * 1e6, storeUs: (otherS / rows) * 1e6 }
}

function pickMedian(sides: readonly Side[]): Side {
  return [...sides].sort((a, b) => a.rate - b.rate)[sides.length >> 1]!
}

function formatSide({ rate, hereUs, storeUs }: Side): string {
  return `${formatCount(rate)} rows/s (CPU a row: ${hereUs.toFixed(1)} µs main thread, ${storeUs.toFixed(1)} µs database)`
}

async function benchPlace(name: string, rows: number, native?: { url: string; directory: string }): Promise<void> {
  const server = await startTestServer(native ? { databaseUrl: native.url } : {})
  try {
    const now = Date.now()
    await server.writer.submit(makeCity(units).map(e => ({ ...e, occurredAt: now, receivedAt: now })))
    const pid = native ? readPostmaster(native.directory) : server.database.embedded!.pid()!
    const { pool, timescale } = server.database
    await runBare(pool, 5_000, false)
    await runDoor(server, 20_000, 0)
    const plain: Side[] = []
    const hyper: Side[] = []
    const door: Side[] = []
    const ratios: number[] = []
    for (let round = 1; round <= rounds; round++) {
      const before = await measureSide(pid, rows, () => runBare(pool, rows, false))
      const commits = server.writer.getState().commits
      const through = await measureSide(pid, rows, () => runDoor(server, rows, round))
      const groups = server.writer.getState().commits - commits
      const after = await measureSide(pid, rows, () => runBare(pool, rows, false))
      if (timescale) hyper.push(await measureSide(pid, rows, () => runBare(pool, rows, true)))
      const bare = (before.rate + after.rate) / 2
      plain.push(before, after)
      door.push(through)
      ratios.push(through.rate / bare)
      print(
        'ingest',
        `${name} round ${round}: door ${formatCount(through.rate)} rows/s in ${groups} commits, bare ${formatCount(bare)}, ratio ${(through.rate / bare).toFixed(2)}`,
      )
    }
    print('ingest', `${name}: door ${formatSide(pickMedian(door))}`)
    print('ingest', `${name}: bare unnest of 1,000, plain table: ${formatSide(pickMedian(plain))}`)
    if (hyper.length > 0)
      print('ingest', `${name}: bare unnest of 1,000, hypertable with its indexes: ${formatSide(pickMedian(hyper))}`)
    ratios.sort((a, b) => a - b)
    const ratio = ratios[ratios.length >> 1]!
    print(
      'ingest',
      `${name}: ratio to the plain table ${ratio.toFixed(2)} (median of ${rounds}, worst ${ratios[0]!.toFixed(2)}), ${judge(ratio, ratioMin, false)}`,
    )
  } finally {
    await server.remove()
  }
}

/** Prints both sides, native then embedded. */
export async function benchIngest(): Promise<void> {
  const native = await startPostgres()
  try {
    await benchPlace('native', 60_000, native)
  } finally {
    await native.stop()
  }
  await benchPlace('embedded', 20_000)
}
