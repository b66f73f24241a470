/**
 * One command that builds a database from a backup file: `npm run restore -- --from FILE --directory DIR` (by default the
 * folder `database` of VIGIL_DATA), or into the empty database of DATABASE_URL. A restored city pages nobody until an operator says
 * that it is the live one now: `npm run restore -- --arm-pager [--directory DIR]`, then start the server.
 * Promises: nothing that holds something is overwritten; every file is checked before it is used; the restored log has a
 * new incarnation, so that gateways and tablets offer again what the backup does not know.
 */
import { mkdir, mkdtemp, readdir, rename, rm, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { loadConfig } from '../config.ts'
import { createFault } from '../database/fault.ts'
import { openDatabase } from '../database/pool.ts'
import { type Manifest, readManifest, runTool, unpackArchive } from './archive.ts'
import { DUMP_FILE, DUMP_FOLDER, getDatabaseDirectory, withToolUrl } from './backup.ts'
import { armPager, beginIncarnation, findOwnRelation, runTimescaleRestore } from './sql.ts'

export type RestoreOrder = {
  from: string
  /** The target of an embedded backup: must not exist or be empty. */
  directory: string
  /** The target of a server's backup: must hold no tables. */
  databaseUrl?: string
}

/**
 * Restores a backup into an empty target.
 *
 * @throws RESTORE_NOT_EMPTY, RESTORE_KIND, RESTORE_NEEDS_TIMESCALE, ARCHIVE_UNREADABLE, ARCHIVE_BROKEN, TOOL_FAILED
 */
export async function restoreDatabase(order: RestoreOrder): Promise<Manifest> {
  const manifest = await readManifest(order.from)
  if (manifest.kind === 'embedded') {
    if (order.databaseUrl) throw describeKind('嵌入式', 'an embedded database: leave out DATABASE_URL')
    await restoreEmbedded(order, manifest)
  } else {
    if (!order.databaseUrl) throw describeKind('服务器', 'a server: set DATABASE_URL')
    await restoreServer(order.from, order.databaseUrl, manifest)
  }
  return manifest
}

async function restoreEmbedded(order: RestoreOrder, manifest: Manifest): Promise<void> {
  const directory = resolve(order.directory)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  if ((await readdir(directory)).length > 0) throw describeNotEmpty(directory)
  const staging = await mkdtemp(join(dirname(directory), `.${basename(directory)}-`))
  try {
    await unpackArchive(order.from, manifest, staging, 'postgres')
    await rmdir(directory) // fails when something came into it meanwhile
    await rename(staging, directory)
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
  const database = await openDatabase({ directory }) // also proves that this release can open it
  try {
    await beginIncarnation(database)
  } finally {
    await database.close()
  }
}

async function restoreServer(from: string, databaseUrl: string, manifest: Manifest): Promise<void> {
  const database = await openDatabase({ databaseUrl, directory: '' })
  const staging = await mkdtemp(join(tmpdir(), 'vigil-restore-'))
  try {
    const found = await findOwnRelation(database)
    if (found) throw describeNotEmpty(found)
    const withTimescale = manifest.versions.timescale !== null
    if (withTimescale && !database.timescale) {
      throw createFault(
        'RESTORE_NEEDS_TIMESCALE',
        '备份来自带 TimescaleDB 的数据库，目标服务器没有该扩展',
        'the backup is of a database with TimescaleDB, which the target does not have',
      )
    }
    await unpackArchive(from, manifest, staging, DUMP_FOLDER)
    await withToolUrl(database, staging, async url => {
      const dump = join(staging, DUMP_FOLDER, DUMP_FILE)
      const flags = ['--no-owner', '--exit-on-error', `--dbname=${url}`]
      if (withTimescale) await runTimescaleRestore(database, () => restoreDump([...flags, dump]))
      else await restoreDump([...flags, '--single-transaction', dump])
    })
    await beginIncarnation(database)
  } finally {
    await rm(staging, { recursive: true, force: true })
    await database.close()
  }
}

async function restoreDump(flags: string[]): Promise<void> {
  await runTool('pg_restore', flags)
}

function describeNotEmpty(what: string) {
  return createFault('RESTORE_NOT_EMPTY', `恢复目标不是空的：${what}`, `the target of a restore must be empty: ${what}`)
}

function describeKind(zh: string, en: string) {
  return createFault('RESTORE_KIND', `该备份属于${zh}数据库，与目标类型不符`, `this backup is of ${en}`)
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { from: { type: 'string' }, directory: { type: 'string' }, 'arm-pager': { type: 'boolean' } },
  })
  const config = loadConfig()
  if (values['arm-pager']) {
    const database = await openDatabase({
      directory: values.directory ?? getDatabaseDirectory(config.dataDirectory),
      ...(config.databaseUrl && !values.directory ? { databaseUrl: config.databaseUrl } : {}),
    })
    try {
      await armPager(database)
    } finally {
      await database.close()
    }
    console.log('armed: with PAGER=live this city pages from the next start of the server')
    return
  }
  // Without --directory it is the database of VIGIL_DATA; a target that is not empty is refused in any case.
  if (!values.from) {
    throw createFault(
      'USAGE',
      '用法：--from 文件 [--directory 目录] | --arm-pager',
      'usage: --from FILE [--directory DIR] | --arm-pager',
    )
  }
  const manifest = await restoreDatabase({
    from: values.from,
    directory: values.directory ?? getDatabaseDirectory(config.dataDirectory),
    ...(config.databaseUrl && !values.directory ? { databaseUrl: config.databaseUrl } : {}),
  })
  const saved = new Date(manifest.createdAt).toISOString()
  console.log('pages stay dry until: npm run restore -- --arm-pager')
  console.log(`restored ${manifest.kind} backup of ${saved}, ${Object.keys(manifest.files).length} files checked`)
}

if (import.meta.main) {
  main().catch(error => {
    console.error(error.zh ? `${error.zh}\n${error.en}` : error)
    process.exitCode = 1
  })
}
