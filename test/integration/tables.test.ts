/** Projections under a flood: what does not fit the queue is read from the log afterwards, on a real PostgreSQL. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { getDayIndex } from '#contract/scalars.ts'
import { startAnalysts } from '../../server/analysts/analysts.ts'
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

test('STUDY-5 the thread reads the table of counts, says what it found under a key of its own, and twice is once', async () => {
  const log = await openPostgresLog(database.pool)
  const clock = createHandClock()
  const line = await bootLine(log, clock, isDataFault)
  const today = getDayIndex(clock.now())
  const county = [...line.world.regions.values()].find(region => region.level === 'county')!
  let seq = 100
  const places = Array.from({ length: 16 }, (_, n) =>
    makeEntry(
      'place.registered',
      's',
      { epoch: 'p', sourceSeq: ++seq },
      {
        placeId: `F${n}`,
        placeKind: 'clinic',
        name: `F${n}`,
        regionCode: county.code,
        lon: 120.5 + (n % 4) * 0.1,
        lat: 30.5 + Math.floor(n / 4) * 0.1,
      },
      startAt,
    ),
  )
  await line.writer.submit(places)
  // Straight into the table: history of two months, one place rising in the last three days.
  await database.pool.query(
    `INSERT INTO count_record (source_kind, syndrome, region_code, facility_id, period, count, logged_at, seq)
     SELECT 'pharmacy', 'diarrhoeal', $1, 'F' || f, to_char(DATE '1970-01-01' + d, 'YYYY-MM-DD'),
       1 + (f * 7 + d * 3) % 3 + CASE WHEN f = 5 AND d >= $2 - 3 THEN 15 ELSE 0 END, 1, 1
     FROM generate_series(0, 15) f, generate_series($2 - 60, $2 - 1) d`,
    [county.code, today],
  )
  const analysts = startAnalysts({
    world: line.world,
    connection: { connectionString: postgres.url },
    submit: entries => line.writer.submit(entries),
    now: clock.now,
    onStudied: answer => assert.ok(!('fault' in answer), JSON.stringify(answer)),
    onError: assert.fail,
  })
  const first = await analysts.studyNow()
  assert.ok('found' in first && first.rows >= 960)
  assert.deepEqual(
    first.found.map(found => [found.method, found.subjects]),
    [['scan-permutation', ['F5']]],
  )
  const head = line.writer.getHead().seq
  assert.equal([...line.world.signals.values()].filter(signal => signal.method === 'scan-permutation').length, 1)
  await analysts.studyNow()
  assert.equal(line.writer.getHead().seq, head)
  await analysts.stop()
  await line.writer.stop()
})
