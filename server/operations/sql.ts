/**
 * The few statements of backup and restore: what a database is, whether it is empty, and how its log begins anew.
 * Called by backup.ts and restore.ts only.
 */
import type { Database } from '../database/pool.ts'

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
  if (rows[0]?.there) await database.pool.query('UPDATE log_state SET incarnation = gen_random_uuid()')
}
