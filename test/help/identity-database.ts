/**
 * A migrated database for the tests of identity: a real PostgreSQL 15, or the embedded one, in a directory of its own.
 * `newPool` is another process's view of it, with its own connections.
 */
import { rmSync } from 'node:fs'
import type pg from 'pg'
import { migrate } from '../../server/database/migrate.ts'
import { openDatabase } from '../../server/database/pool.ts'
import { makeDirectory } from './embedded.ts'
import { startPostgres } from './postgres.ts'

export type IdentityDatabase = { pool: pg.Pool; newPool(): Promise<pg.Pool>; stop(): Promise<void> }

/** Starts a PostgreSQL 15 with the schema of this release. */
export async function startIdentityDatabase(): Promise<IdentityDatabase> {
  const server = await startPostgres()
  const opened: { close(): Promise<void> }[] = []
  const open = async () => {
    const database = await openDatabase({ databaseUrl: server.url, directory: server.directory, poolMax: 8 })
    opened.push(database)
    return database
  }
  try {
    const first = await open()
    await migrate(first)
    return {
      pool: first.pool,
      newPool: async () => (await open()).pool,
      async stop() {
        for (const database of opened) await database.close()
        await server.stop()
      },
    }
  } catch (fault) {
    await server.stop()
    throw fault
  }
}

/** Starts the embedded database with the schema of this release; every pool of it is the one serial session. */
export async function startEmbeddedIdentityDatabase(): Promise<IdentityDatabase> {
  const directory = makeDirectory('identity')
  const database = await openDatabase({ directory })
  await migrate(database)
  return {
    pool: database.pool,
    newPool: async () => database.pool,
    async stop() {
      await database.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
