/**
 * One command that verifies the log of the configured database: `npm run audit:verify [-- --anchors FILE]`.
 * Reads only; recomputes the chain, compares it with the anchors kept beside the database (a truncated tail shows there),
 * prints one line a finding and one line in all. Ends with 0 when nothing was found, 1 when something was, 2 when it could
 * not look. The embedded database has one owner: stop the server first, or give a copy.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { loadConfig } from '../config.ts'
import { createFault } from '../database/fault.ts'
import { type Database, openDatabase } from '../database/pool.ts'
import { openPostgresLog } from '../log/postgres.ts'
import { type Anchor, type AuditResult, verifyLog } from './audit.ts'
import { getDatabaseDirectory } from './backup.ts'
import { findCutSeq, hasLog } from './sql.ts'

/** Newest anchors read: one an hour and one a stop, ten years. */
export const anchorsMax = 200_000

const AnchorLine = z.object({
  at: z.int(),
  /** Absent in anchors of before it was written down. */
  incarnation: z.string().optional(),
  commitNo: z.int().min(1),
  hash: z.string(),
})
export type AnchorLine = z.infer<typeof AnchorLine>

/** Anchors of a file, oldest first; a line that cannot be read is counted, a torn last line after a crash is one. */
export function parseAnchors(text: string): { anchors: AnchorLine[]; unreadable: number } {
  const anchors: AnchorLine[] = []
  let unreadable = 0
  for (const line of text.split('\n').slice(-anchorsMax)) {
    if (line.trim() === '') continue
    try {
      anchors.push(AnchorLine.parse(JSON.parse(line)))
    } catch {
      unreadable++
    }
  }
  return { anchors, unreadable }
}

/**
 * Verifies a database's log against anchors. Anchors of an earlier incarnation that name commits beyond the end are no
 * finding: a restore has gone back before them; their number is told.
 */
export async function auditDatabase(
  database: Database,
  lines: readonly AnchorLine[],
): Promise<AuditResult & { restoredPast: number }> {
  const log = await openPostgresLog(database.pool)
  const head = await log.getHead()
  const kept: Anchor[] = []
  let restoredPast = 0
  for (const line of lines) {
    const isFormer = line.incarnation !== undefined && line.incarnation !== log.incarnation
    if (!isFormer) kept.push(line)
    else if (line.commitNo > head.commitNo) restoredPast++
  }
  return { ...(await verifyLog(log, kept, await findCutSeq(database.pool))), restoredPast }
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { anchors: { type: 'string' } } })
  const config = loadConfig()
  const { dataDirectory } = config
  const directory = getDatabaseDirectory(dataDirectory)
  const isServer = config.databaseUrl !== undefined
  if (!isServer && !existsSync(join(directory, 'postgres')))
    throw createFault('NO_DATABASE', `${dataDirectory} 中没有数据库`, `there is no database in ${dataDirectory}`)
  const anchorFile = values.anchors ?? join(dataDirectory, 'anchors.jsonl')
  const { anchors, unreadable } = existsSync(anchorFile)
    ? parseAnchors(readFileSync(anchorFile, 'utf8'))
    : { anchors: [], unreadable: 0 }
  const database = await openDatabase({ directory, ...(isServer ? { databaseUrl: config.databaseUrl! } : {}) })
  try {
    if (!(await hasLog(database.pool)))
      throw createFault('NO_LOG', '该数据库中没有日志', 'this database holds no log of ours')
    const result = await auditDatabase(database, anchors)
    for (const finding of result.findings) console.log(`${finding.problem}: ${finding.text}`)
    if (anchors.length === 0) console.log('no anchor: a truncated tail would not be seen / 没有锚点,无法发现尾部被截断')
    if (unreadable > 0) console.log(`anchors: ${unreadable} lines cannot be read`)
    if (result.restoredPast > 0)
      console.log(`anchors: ${result.restoredPast} of before a restore name commits the restored log does not have`)
    console.log(
      `audit: commits=${result.commits} entries=${result.entries} expired=${result.expired} anchors=${anchors.length} findings=${result.findings.length} head=${result.head.commitNo}/${result.head.hash.slice(0, 16)}`,
    )
    return result.findings.length === 0 ? 0 : 1
  } finally {
    await database.close()
  }
}

if (import.meta.main) {
  main().then(
    code => {
      process.exitCode = code
    },
    error => {
      console.error(error.zh ? `${error.zh}\n${error.en}` : error)
      process.exitCode = 2
    },
  )
}
