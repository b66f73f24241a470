/**
 * Bench of durable ingest: POST /v1/entries in batches of 500 beside a bare `unnest` insert of 1,000 rows of the same positions
 * into the same server, in turns, both printed. Target: ≥ 0.5 of the bare insert, embedded and native.
 */
import { Worker } from 'node:worker_threads'
import type { Pool } from 'pg'
import { makeCity } from '../help/line.ts'
import { startPostgres } from '../help/postgres.ts'
import { startTestServer, type TestServer } from '../help/server.ts'

const units = 500

/** Rows per second of a bare unnest insert into a plain table of the same columns, one commit per 1,000 rows. */
async function runBare(pool: Pool, rows: number, table: string): Promise<number> {
  const client = await pool.connect()
  try {
    await client.query(`CREATE TABLE ${table} (LIKE position)`)
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
    const insert = `INSERT INTO ${table} SELECT * FROM unnest(${columns.map((type, i) => `$${i + 1}::${type}[]`).join(', ')})`
    const startedAt = performance.now()
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
    return rows / ((performance.now() - startedAt) / 1_000)
  } finally {
    await client.query(`DROP TABLE IF EXISTS ${table}`)
    client.release()
  }
}

async function runDoor(server: TestServer, rows: number, round: number): Promise<number> {
  const worker = new Worker(new URL('./ingest-load.ts', import.meta.url), {
    workerData: { url: server.url, token: server.token, rows, batch: 500, inFlight: 8, units, round },
  })
  const answer = await new Promise<{ done: number; seconds: number }>((resolve, fail) => {
    worker.once('message', resolve)
    worker.once('error', fail)
  })
  if (answer.done !== rows) throw new Error(`acknowledged ${answer.done} of ${rows}`)
  return rows / answer.seconds
}

async function benchPlace(name: string, rows: number, databaseUrl?: string): Promise<void> {
  const server = await startTestServer(databaseUrl ? { databaseUrl } : {})
  try {
    for (const chunk of [makeCity(units)])
      await server.writer.submit(chunk.map(e => ({ ...e, occurredAt: Date.now(), receivedAt: Date.now() })))
    await runBare(server.database.pool, 5_000, 'bare_warm')
    const before = await runBare(server.database.pool, rows, 'bare_one')
    const door = await runDoor(server, rows, 1)
    const after = await runBare(server.database.pool, rows, 'bare_two')
    const bare = (before + after) / 2
    process.stdout.write(
      `ingest ${name}: ${Math.round(door).toLocaleString('en')} rows/s through POST /v1/entries, bare unnest ${Math.round(bare).toLocaleString('en')} rows/s, ratio ${(door / bare).toFixed(2)} (target ≥ 0.5)\n`,
    )
  } finally {
    await server.remove()
  }
}

export async function benchIngest(): Promise<void> {
  const native = await startPostgres()
  try {
    await benchPlace('native', 100_000, native.url)
  } finally {
    await native.stop()
  }
  await benchPlace('embedded', 30_000)
}
