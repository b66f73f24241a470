/** Brings the schema of the configured database up to this release and ends: `node server/operations/migrate.ts`. */
import { join } from 'node:path'
import { loadConfig } from '../config.ts'
import { migrate } from '../database/migrate.ts'
import { openDatabase } from '../database/pool.ts'

const config = loadConfig()
const database = await openDatabase({
  ...(config.databaseUrl === undefined ? {} : { databaseUrl: config.databaseUrl }),
  directory: join(config.dataDirectory, 'database'),
})
try {
  const applied = await migrate(database)
  process.stdout.write(applied.length === 0 ? 'level: nothing to apply\n' : `${applied.join('\n')}\n`)
} finally {
  await database.close()
}
