/**
 * Starts an embedded database in a fresh directory for one test file and takes both away afterwards.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import {
  type EmbeddedDatabase,
  type EmbeddedSettings,
  SOCKET_PORT,
  startEmbedded,
} from '../../server/database/embedded/embedded.ts'

/** Makes an empty directory for a test. */
export function makeDirectory(name: string): string {
  return mkdtempSync(join(tmpdir(), `vigil-test-${name}-`))
}

/** Starts an embedded database in its own directory; `remove` stops it and deletes the directory. */
export async function startEmbeddedForTest(
  settings: Partial<EmbeddedSettings> = {},
): Promise<EmbeddedDatabase & { remove(): Promise<void> }> {
  const directory = settings.directory ?? makeDirectory('embedded')
  const embedded = await startEmbedded({ ...settings, directory })
  return {
    ...embedded,
    async remove() {
      await embedded.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** Opens one client of an embedded database; the caller ends it. */
export async function connectEmbedded(embedded: EmbeddedDatabase): Promise<pg.Client> {
  const client = new pg.Client({
    host: embedded.host,
    port: SOCKET_PORT,
    user: embedded.user,
    database: embedded.database,
  })
  client.on('error', () => {})
  await client.connect()
  return client
}
