/**
 * Brings a database's schema to this release: runs the files `NNNN-name.sql` of a folder, in order, each once.
 * Runs at every start, before anything reads or writes. One schema serves both kinds of database by marked blocks:
 *
 *     -- timescale            only where TimescaleDB is there
 *     -- end timescale
 *     -- plain                only on a PostgreSQL without it
 *     -- end plain
 *
 * Promises: a file and its record are one transaction; a file that was applied never changes and never disappears, or
 * the start is refused; two servers starting at once on one real server wait for each other.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type pg from 'pg'
import { createFault } from './fault.ts'
import { type Database, transaction } from './pool.ts'

/** The schema's own folder. */
export const migrationsFolder = fileURLToPath(new URL('./migrations', import.meta.url))
export const migrationsMax = 10_000 // NNNN

const FILE_NAME = /^\d{4}-[a-z0-9-]+\.sql$/
/** Any fixed number will do, it only must be the same in every server: the bytes of "vigil" and a zero. */
const LOCK_KEY = 0x766967696c00

type Migration = { name: string; text: string; checksum: string }

/**
 * Applies what is missing and says what that was.
 *
 * @returns the names of the files applied now, in order
 * @throws MIGRATION_CHANGED, MIGRATION_MISSING, MIGRATION_NAME, MIGRATION_ORDER, MIGRATION_BLOCK, or MIGRATION_FAILED
 */
export async function migrate(database: Database, directory: string = migrationsFolder): Promise<string[]> {
  const known = listMigrations(directory)
  await transaction(database, async client => {
    await lock(database, client) // CREATE IF NOT EXISTS of two servers at once can still collide
    await client.query(`CREATE TABLE IF NOT EXISTS schema_migration (
      name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`)
  })
  const appliedNow: string[] = []
  for (const migration of known) {
    await transaction(database, async client => {
      await lock(database, client)
      const applied = await readApplied(client)
      checkApplied(known, applied)
      if (applied.has(migration.name)) return
      const sql = selectBlocks(migration.name, migration.text, database.timescale)
      try {
        await client.query(sql)
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error)
        throw createFault(
          'MIGRATION_FAILED',
          `数据库结构变更 ${migration.name} 失败，已撤销：${text}`,
          `migration ${migration.name} failed and was undone: ${text}`,
          error,
        )
      }
      await client.query('INSERT INTO schema_migration (name, checksum) VALUES ($1, $2)', [
        migration.name,
        migration.checksum,
      ])
      appliedNow.push(migration.name)
    })
  }
  if (known.length === 0) checkApplied(known, await readApplied(database.pool))
  return appliedNow
}

async function lock(database: Database, client: pg.PoolClient): Promise<void> {
  // The embedded session is one and has one server; an advisory lock would exclude nobody there.
  if (database.kind !== 'server') return
  // A long index build, or waiting for another server's, is no runaway query.
  await client.query(`SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '10min'`)
  await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK_KEY])
}

async function readApplied(client: Pick<pg.PoolClient, 'query'>): Promise<Map<string, string>> {
  const { rows } = await client.query(
    `SELECT name, checksum FROM schema_migration ORDER BY name LIMIT ${migrationsMax}`,
  )
  return new Map(rows.map(row => [row.name, row.checksum]))
}

/** Reads the folder's files in order of their numbers; refuses strange names and a number used twice. */
export function listMigrations(directory: string): Migration[] {
  const names = readdirSync(directory)
    .filter(name => name.endsWith('.sql'))
    .sort()
  const numbers = new Set<string>()
  return names.map(name => {
    if (!FILE_NAME.test(name) || numbers.has(name.slice(0, 4))) {
      throw createFault(
        'MIGRATION_NAME',
        `数据库结构变更文件名应为 NNNN-name.sql 且编号不重复：${name}`,
        `a migration is named NNNN-name.sql with a number of its own, not ${name}`,
      )
    }
    numbers.add(name.slice(0, 4))
    const text = readFileSync(join(directory, name), 'utf8')
    return { name, text, checksum: createHash('sha256').update(text).digest('hex') }
  })
}

function checkApplied(known: Migration[], applied: Map<string, string>): void {
  const byName = new Map(known.map(migration => [migration.name, migration]))
  let lastApplied = ''
  for (const [name, checksum] of applied) {
    const migration = byName.get(name)
    if (!migration) {
      throw createFault(
        'MIGRATION_MISSING',
        `数据库已执行 ${name}，但本版本没有该文件：可能是旧版本程序连接了新版本的数据库，拒绝启动。`,
        `the database has applied ${name}, which this release does not have: is it older than the database? Not starting.`,
      )
    }
    if (migration.checksum !== checksum) {
      throw createFault(
        'MIGRATION_CHANGED',
        `已执行的 ${name} 内容被修改，拒绝启动；请恢复原文件，并用新文件表达新的变更。`,
        `${name} was changed after it had been applied. Not starting: restore it and write a new file for the new change.`,
      )
    }
    lastApplied = name
  }
  const late = known.find(migration => !applied.has(migration.name) && migration.name < lastApplied)
  if (late) {
    throw createFault(
      'MIGRATION_ORDER',
      `${late.name} 的编号早于已执行的 ${lastApplied}，拒绝启动；请使用更大的编号。`,
      `${late.name} comes before ${lastApplied}, which is applied already. Not starting: give it a later number.`,
    )
  }
}

const BLOCK_LINE = /^--\s*(end\s+)?(timescale|plain)\s*$/

/** Keeps the blocks meant for this kind of database; lines left out stay as empty lines, so error positions hold. */
export function selectBlocks(name: string, text: string, timescale: boolean): string {
  let block: string | undefined
  const lines = text.split('\n').map((line, index) => {
    const [, end, word] = BLOCK_LINE.exec(line.trim()) ?? []
    if (word) {
      if (end ? block !== word : block !== undefined) throw describeBlock(name, index + 1)
      block = end ? undefined : word
      return ''
    }
    if (block === undefined) return line
    return (block === 'timescale') === timescale ? line : ''
  })
  if (block !== undefined) throw describeBlock(name, lines.length)
  return lines.join('\n')
}

function describeBlock(name: string, line: number) {
  return createFault(
    'MIGRATION_BLOCK',
    `${name} 第 ${line} 行：timescale/plain 块没有正确开始或结束`,
    `${name} line ${line}: a timescale or plain block does not begin or end as it should`,
  )
}
