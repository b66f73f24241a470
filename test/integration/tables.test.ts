/** Projections under a flood: what does not fit the queue is read from the log afterwards, on a real PostgreSQL. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { migrate } from '../../server/database/migrate.ts'
import { type Database, isDataFault, openDatabase } from '../../server/database/pool.ts'
import { startTables } from '../../server/fanout/tables.ts'
import { openPostgresLog } from '../../server/log/postgres.ts'
import { bootLine, createHandClock, makeCity, makeEntry, startAt } from '../help/line.ts'
import { startPostgres } from '../help/postgres.ts'

const directory = mkdtempSync(join(tmpdir(), 'vigil-tables-'))
let postgres: Awaited<ReturnType<typeof startPostgres>>
let database: Database
before(async () => {
  postgres = await startPostgres()
  database = await openDatabase({ databaseUrl: postgres.url, directory })
  await migrate(database)
})
after(async () => {
  await database.close()
  await postgres.stop()
  rmSync(directory, { recursive: true, force: true })
})

test('OPS-40 counts beyond the queue of the projection are not lost: they are read from the log, the newest of each stands', async () => {
  const line = await bootLine(await openPostgresLog(database.pool), createHandClock(), isDataFault)
  const tables = startTables(database.pool, line.world, assert.fail, 10)
  await line.writer.submit(makeCity(1))
  const place = {
    placeId: 'H1',
    placeKind: 'hospital' as const,
    name: '一院',
    regionCode: '330402',
    lon: 120.7,
    lat: 30.7,
  }
  await line.writer.submit([makeEntry('place.registered', 's', { epoch: 'p', sourceSeq: 1 }, place, startAt)])
  let seq = 0
  const report = (day: number, count: number) =>
    makeEntry(
      'count.reported',
      'feed',
      { epoch: 'e', sourceSeq: ++seq },
      {
        sourceKind: 'hospital-outpatient',
        facilityId: 'H1',
        syndrome: 'respiratory',
        regionCode: '330402',
        period: `2026-10-${String(day).padStart(2, '0')}`,
        count,
      },
      startAt,
    )
  const days = Array.from({ length: 30 }, (_, n) => n + 1)
  const first = days.map(day => report(day, day))
  // Days said twice: the later figure stands, whichever way it came.
  const again = [report(3, 333), report(25, 2_525)]
  await line.writer.submit([...first, ...again])
  tables.onApplied([...first, ...again])
  await tables.close()
  const rows = await database.pool.query<{ period: string; count: number }>(
    'SELECT period, count FROM count_record ORDER BY period',
  )
  assert.deepEqual(
    rows.rows.map(row => row.count),
    days.map(day => (day === 3 ? 333 : day === 25 ? 2_525 : day)),
  )
  await line.writer.stop()
})
