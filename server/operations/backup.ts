/**
 * One command that saves the whole database to one verified file: `npm run backup -- --out FILE [--directory DIR]`. Without
 * DIR it is the database of the server's data directory (VIGIL_DATA); with it, the embedded database in that folder.
 * The embedded database is stopped for the copy (CHECKPOINT, stop, archive, start), a server is dumped while it works.
 * Promises: the file appears under its name only when it is complete and has been compared with its source.
 */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { loadConfig } from '../config.ts'
import { createFault } from '../database/fault.ts'
import { type Database, openDatabase } from '../database/pool.ts'
import { type Manifest, runTool, writeArchive } from './archive.ts'
import { getVersions } from './sql.ts'

export const DUMP_FOLDER = 'dump'
export const DUMP_FILE = 'database.dump'

/** Saves whichever database this is into a file. */
export async function backupDatabase(database: Database, file: string): Promise<Manifest> {
  return database.kind === 'embedded' ? backupEmbedded(database, file) : backupServer(database, file)
}

/**
 * Saves the embedded database of a running server: its clients are away for the length of the copy and come back by
 * themselves.
 */
export async function backupEmbedded(database: Database, file: string): Promise<Manifest> {
  const { embedded } = database
  if (!embedded) throw createFault('NOT_EMBEDDED', '这不是嵌入式数据库', 'this is not an embedded database')
  const versions = await getVersions(database)
  return embedded.runStopped(clusterDirectory =>
    writeArchive(file, dirname(clusterDirectory), 'postgres', { kind: 'embedded', versions }),
  )
}

async function backupServer(database: Database, file: string): Promise<Manifest> {
  const versions = await getVersions(database)
  const staging = await mkdtemp(join(dirname(resolve(file)), '.dump-'))
  try {
    const dump = join(staging, DUMP_FOLDER, DUMP_FILE)
    await withToolUrl(database, staging, async url => {
      await mkdir(join(staging, DUMP_FOLDER))
      await runTool('pg_dump', ['--format=custom', '--no-owner', `--file=${dump}`, `--dbname=${url}`])
      await runTool('pg_restore', ['--list', dump])
    })
    return await writeArchive(file, staging, DUMP_FOLDER, { kind: 'server', versions })
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

/**
 * Gives PostgreSQL's own programs the address of a database without showing its password in the process list: it goes
 * through a file only this user can read.
 */
export async function withToolUrl(
  database: Database,
  folder: string,
  use: (url: string) => Promise<void>,
): Promise<void> {
  const { connectionString } = database.pool.options
  if (!connectionString) throw createFault('NO_DATABASE_URL', '缺少数据库地址', 'the database has no address')
  // A URL without a host (…@/name?host=/folder) is libpq's own form and unknown to the WHATWG parser.
  const [, scheme, login, rest] = /^(postgres(?:ql)?:\/\/)(?:([^@/]*)@)?(.*)$/s.exec(connectionString) ?? []
  if (!scheme || rest === undefined) throw createFault('NO_DATABASE_URL', '数据库地址无效', 'the address is not valid')
  const [user = '', ...secret] = (login ?? '').split(':')
  const address = `${scheme}${login === undefined ? '' : `${user}@`}${rest}`
  if (secret.length === 0) return use(address)
  const passwordFile = join(folder, 'pgpass')
  const password = decodeURIComponent(secret.join(':')).replace(/[\\:]/g, '\\$&')
  await writeFile(passwordFile, `*:*:*:*:${password}\n`, { mode: 0o600 })
  try {
    await use(`${address}${rest.includes('?') ? '&' : '?'}passfile=${encodeURIComponent(passwordFile)}`)
  } finally {
    await rm(passwordFile, { force: true })
  }
}

/** Where a server keeps the embedded database inside its data directory. */
export function getDatabaseDirectory(dataDirectory: string): string {
  return join(dataDirectory, 'database')
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { out: { type: 'string' }, directory: { type: 'string' } } })
  if (!values.out)
    throw createFault('USAGE', '用法：--out 文件 [--directory 目录]', 'usage: --out FILE [--directory DIR]')
  const config = loadConfig()
  const directory = values.directory ?? getDatabaseDirectory(config.dataDirectory)
  const isServer = config.databaseUrl !== undefined && values.directory === undefined
  // Opening would make a new, empty database and save that.
  if (!isServer && !existsSync(join(directory, 'postgres')))
    throw createFault('NO_DATABASE', `${directory} 中没有数据库`, `there is no database in ${directory}`)
  let database: Database
  try {
    database = await openDatabase({
      directory,
      ...(isServer ? { databaseUrl: config.databaseUrl! } : {}),
    })
  } catch (error) {
    if ((error as { code?: string }).code !== 'DATABASE_OWNED') throw error
    const { zh, en } = error as { zh: string; en: string }
    throw createFault(
      'DATABASE_OWNED',
      `${zh}正在运行的服务可以自己备份：请由管理员在服务上发起备份，或先停止服务再运行本命令。`,
      `${en} A running server can save itself: have an administrator ask it, or stop it and run this command again.`,
    )
  }
  try {
    const manifest = await backupDatabase(database, values.out)
    console.log(`${values.out}: ${manifest.kind}, ${Object.keys(manifest.files).length} files, verified`)
  } finally {
    await database.close()
  }
}

if (import.meta.main) {
  main().catch(error => {
    console.error(error.zh ? `${error.zh}\n${error.en}` : error)
    process.exitCode = 1
  })
}
