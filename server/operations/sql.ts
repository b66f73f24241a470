/**
 * SQL of operations/: retention, compression, the erasures to apply again, and the few statements of backup and restore.
 * Short statements only: on the embedded database each blocks all.
 */
import type { Pool } from 'pg'
import type { Entry, RecordKind } from '#contract/entry.ts'
import type { Database } from '../database/pool.ts'

/** Rows one DELETE takes from a plain table. */
export const deleteMax = 5_000

export type BigTable = 'position' | 'vitals' | 'tick'
export const bigTables: readonly BigTable[] = ['position', 'vitals', 'tick']

/** Erasures the log remembers, oldest first. */
export async function listForgottenRows(pool: Pool): Promise<{ recordKind: RecordKind; recordId: string }[]> {
  const rows = await pool.query<{ recordKind: RecordKind; recordId: string }>(
    `SELECT body ->> 'recordKind' AS "recordKind", body ->> 'recordId' AS "recordId" FROM entry WHERE kind = 'person.forgotten' ORDER BY seq`,
  )
  return rows.rows
}

/** Newest seq logged before an instant in the chain; 0 when none. */
export async function findSeqBefore(pool: Pool, loggedBefore: number): Promise<number> {
  const row = await pool.query<{ seq: number | null }>(
    'SELECT max(first_seq + entry_count - 1) AS seq FROM log_commit WHERE entry_count > 0 AND logged_to < $1',
    [loggedBefore],
  )
  return Number(row.rows[0]?.seq ?? 0)
}

/** Names of chunks that end before an instant, oldest first. */
export async function listChunks(
  pool: Pool,
  table: BigTable,
  endBefore: number,
  isCompressed: boolean | undefined,
  max: number,
): Promise<string[]> {
  const rows = await pool.query<{ name: string }>(
    `SELECT format('%I.%I', chunk_schema, chunk_name) AS name FROM timescaledb_information.chunks
     WHERE hypertable_name = $1 AND range_end_integer <= $2 AND ($3::boolean IS NULL OR is_compressed = $3)
     ORDER BY range_end_integer LIMIT $4`,
    [table, endBefore, isCompressed ?? null, max],
  )
  return rows.rows.map(row => row.name)
}

/** Compresses one chunk. */
export async function compressChunk(pool: Pool, chunk: string): Promise<void> {
  await pool.query('SELECT compress_chunk($1::regclass, if_not_compressed => true)', [chunk])
}

/** Drops the chunks of a hypertable that end before an instant. */
export async function dropChunks(pool: Pool, table: BigTable, endBefore: number): Promise<number> {
  const rows = await pool.query(`SELECT drop_chunks($1::regclass, older_than => $2::bigint)`, [table, endBefore])
  return rows.rowCount ?? 0
}

/** Deletes old rows of a plain table, one slice; answers how many. */
export async function deleteSlice(pool: Pool, table: BigTable, loggedBefore: number): Promise<number> {
  const rows = await pool.query(
    `DELETE FROM ${table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM ${table} WHERE logged_at < $1 LIMIT ${deleteMax}))`,
    [loggedBefore],
  )
  return rows.rowCount ?? 0
}

/** Reads the versions a backup must name. */
export async function getVersions(database: Database): Promise<{ postgres: string; timescale: string | null }> {
  const { rows } = await database.pool.query<{ version: string }>(
    `SELECT extversion AS version FROM pg_extension WHERE extname = 'timescaledb'`,
  )
  return { postgres: database.version, timescale: rows[0]?.version ?? null }
}

/** Finds one relation that is neither the system's nor an extension's; undefined when the database is empty. */
export async function findOwnRelation(database: Database): Promise<string | undefined> {
  const { rows } = await database.pool.query<{ name: string }>(
    `SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
       AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
         AND d.deptype = 'e') LIMIT 1`,
  )
  return rows[0]?.name
}

/**
 * Runs a restore between the two calls TimescaleDB asks for; they set the database, so every new session obeys.
 * @source TimescaleDB documentation, "Logical backup with pg_dump and pg_restore"
 */
export async function runTimescaleRestore(database: Database, restore: () => Promise<void>): Promise<void> {
  await database.pool.query('SELECT timescaledb_pre_restore()')
  try {
    await restore()
  } finally {
    await database.pool.query('SELECT timescaledb_post_restore()')
  }
}

/** Gives the restored log another id, so that sources know that what it acknowledged before may be gone. */
export async function beginIncarnation(database: Database): Promise<void> {
  const { rows } = await database.pool.query<{ there: boolean }>(`SELECT to_regclass('log_state') IS NOT NULL AS there`)
  if (!rows[0]?.there) return
  // A backup of an earlier release has no such column yet; its migration finds it there then.
  await database.pool.query('ALTER TABLE log_state ADD COLUMN IF NOT EXISTS restored_at timestamptz')
  await database.pool.query('UPDATE log_state SET incarnation = gen_random_uuid(), restored_at = now()')
}

/** True for a log that came out of a backup and that nobody has armed since: its pages stay dry. */
export async function isRestored(pool: Pool): Promise<boolean> {
  const { rows } = await pool.query<{ restored: boolean }>('SELECT restored_at IS NOT NULL AS restored FROM log_state')
  return rows[0]?.restored === true
}

/** An operator says that this restored city is the live one; counts from the next start of the server. */
export async function armPager(database: Database): Promise<void> {
  await database.pool.query('UPDATE log_state SET restored_at = NULL')
}

/** First seq whose big rows must still be there: what lies before was cut by retention; 0 when nothing was. */
export async function findCutSeq(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ seq: number | null }>(
    "SELECT max(opening_seq) AS seq FROM era WHERE reason LIKE 'retention %'",
  )
  return Number(rows[0]?.seq ?? 0)
}

/** True when the tables of the log are there. */
export async function hasLog(pool: Pool): Promise<boolean> {
  const { rows } = await pool.query<{ there: boolean }>(`SELECT to_regclass('log_commit') IS NOT NULL AS there`)
  return rows[0]!.there
}

/** Entries of the small table that are judged anew at most per read. */
export const pastPageMax = 5_000

type PastSpan = { afterSeq: number; untilSeq: number; kinds: readonly string[] }

/** Small entries of some kinds within seqs, at most `max` counted: more is told as one more. */
export async function countPastEntries(pool: Pool, span: PastSpan, max: number): Promise<number> {
  const rows = await pool.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM
       (SELECT 1 FROM entry WHERE kind = ANY($1) AND seq > $2 AND seq <= $3 LIMIT $4) AS few`,
    [span.kinds, span.afterSeq, span.untilSeq, max + 1],
  )
  return rows.rows[0]?.n ?? 0
}

/** Small entries of some kinds in the order of the log, refused ones left out; names and texts in them are sealed. */
export async function listPastEntries(pool: Pool, span: PastSpan): Promise<Entry[]> {
  const rows = await pool.query<{
    seq: string | number
    loggedAt: string | number
    occurredAt: string | number
    receivedAt: string | number
    kind: string
    source: string
    body: unknown
  }>(
    `SELECT e.seq, e.logged_at AS "loggedAt", e.occurred_at AS "occurredAt", e.received_at AS "receivedAt", e.kind, e.source, e.body
     FROM entry e LEFT JOIN outcome o ON o.seq = e.seq
     WHERE e.kind = ANY($1) AND e.seq > $2 AND e.seq <= $3 AND coalesce(o.result, 'done') = 'done'
     ORDER BY e.seq LIMIT ${pastPageMax}`,
    [span.kinds, span.afterSeq, span.untilSeq],
  )
  return rows.rows.map(
    row =>
      ({
        ...row,
        seq: Number(row.seq),
        loggedAt: Number(row.loggedAt),
        occurredAt: Number(row.occurredAt),
        receivedAt: Number(row.receivedAt),
      }) as unknown as Entry,
  )
}

/** Alerts raised in a span that a person confirmed: what rules should not miss. */
export async function listConfirmedAlerts(
  pool: Pool,
  fromAt: number,
  untilAt: number,
  max: number,
): Promise<{ alertId: string; regionCode: string; syndrome?: string; raisedAt: number }[]> {
  const rows = await pool.query<{ id: string; regionCode: string; syndrome: string | null; at: string | number }>(
    `SELECT id, region_code AS "regionCode", view ->> 'syndrome' AS syndrome, at FROM alert_record
     WHERE at >= $1 AND at < $2
       AND 'confirmed' IN (view ->> 'verdict', view -> 'verification' ->> 'verdict')
     ORDER BY at, id LIMIT $3`,
    [fromAt, untilAt, max],
  )
  return rows.rows.map(({ id, regionCode, syndrome, at }) => ({
    alertId: id,
    regionCode,
    raisedAt: Number(at),
    ...(syndrome === null ? {} : { syndrome }),
  }))
}
