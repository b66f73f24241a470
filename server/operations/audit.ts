/**
 * Audit: reads the whole log and recomputes its chain. Finds an edited, deleted or reordered entry or outcome, a broken chain
 * row, and, with an anchor kept elsewhere, a truncated tail. Ranges whose big rows retention has taken are counted apart.
 */
import type { Entry } from '#contract/entry.ts'
import { canonicaliseEntry, canonicaliseOutcome, genesisHash, hashCommit } from '../log/chain.ts'
import type { CommitRow, Log } from '../log/log.ts'

export type Finding = { commitNo: number; problem: 'edited' | 'missing' | 'chain' | 'truncated' | 'gap'; text: string }
export type AuditResult = {
  commits: number
  entries: number
  expired: number
  head: { commitNo: number; hash: string }
  findings: Finding[]
}

/** A head written down outside the database: operations/anchor writes one an hour. */
export type Anchor = { commitNo: number; hash: string }

const findingsMax = 100
const pageMax = 500

/**
 * Verifies the log. `expiredBefore` is the first seq whose big rows must still be there: commits before it are checked by
 * their chain alone when rows are missing.
 */
export async function verifyLog(log: Log, anchors: readonly Anchor[] = [], expiredBefore = 0): Promise<AuditResult> {
  const result: AuditResult = {
    commits: 0,
    entries: 0,
    expired: 0,
    head: { commitNo: 0, hash: genesisHash },
    findings: [],
  }
  const add = (finding: Finding) => {
    if (result.findings.length < findingsMax) result.findings.push(finding)
  }
  const anchored = new Map(anchors.map(a => [a.commitNo, a.hash]))
  let previous = genesisHash
  let nextSeq = 1
  for (let from = 1; ; ) {
    const rows: CommitRow[] = await log.listCommits(from, pageMax)
    if (rows.length === 0) break
    for (const row of rows) {
      if (row.commitNo !== from) add({ commitNo: from, problem: 'missing', text: `commit ${from} is missing` })
      from = row.commitNo + 1
      if (row.previousHash !== previous)
        add({
          commitNo: row.commitNo,
          problem: 'chain',
          text: `commit ${row.commitNo} does not follow the hash before it`,
        })
      if (row.firstSeq !== nextSeq)
        add({
          commitNo: row.commitNo,
          problem: 'gap',
          text: `commit ${row.commitNo} starts at seq ${row.firstSeq}, expected ${nextSeq}`,
        })
      await verifyCommit(log, row, result, add, expiredBefore)
      const anchor = anchored.get(row.commitNo)
      if (anchor !== undefined && anchor !== row.hash)
        add({ commitNo: row.commitNo, problem: 'chain', text: `commit ${row.commitNo} differs from its anchor` })
      previous = row.hash
      nextSeq = row.firstSeq + row.entryCount
      result.commits++
      result.head = { commitNo: row.commitNo, hash: row.hash }
    }
  }
  for (const anchor of anchors)
    if (anchor.commitNo > result.head.commitNo)
      add({
        commitNo: anchor.commitNo,
        problem: 'truncated',
        text: `the log ends at commit ${result.head.commitNo}, an anchor names ${anchor.commitNo}`,
      })
  const stray = await log.list(nextSeq - 1, 1)
  if (stray.length > 0)
    add({
      commitNo: result.head.commitNo,
      problem: 'edited',
      text: `entry ${stray[0]!.entry.seq} belongs to no commit`,
    })
  return result
}

async function verifyCommit(
  log: Log,
  row: CommitRow,
  result: AuditResult,
  add: (finding: Finding) => void,
  expiredBefore: number,
): Promise<void> {
  const entries: Entry[] = []
  if (row.entryCount > 0) for (const { entry } of await log.list(row.firstSeq - 1, row.entryCount)) entries.push(entry)
  const outcomes = row.outcomeCount > 0 ? await log.listOutcomes(row.commitNo) : []
  result.entries += entries.length
  if (entries.length !== row.entryCount && row.firstSeq < expiredBefore) {
    result.expired += row.entryCount - entries.length
    return
  }
  if (entries.length !== row.entryCount || outcomes.length !== row.outcomeCount) {
    add({
      commitNo: row.commitNo,
      problem: 'missing',
      text: `commit ${row.commitNo} holds ${entries.length} of ${row.entryCount} entries and ${outcomes.length} of ${row.outcomeCount} outcomes`,
    })
    return
  }
  const lines = [...entries.map(canonicaliseEntry), ...outcomes.map(o => canonicaliseOutcome(o.seq, o.outcome))]
  if (hashCommit(row.previousHash, row.commitNo, lines) !== row.hash)
    add({
      commitNo: row.commitNo,
      problem: 'edited',
      text: `commit ${row.commitNo} (seq ${row.firstSeq} to ${row.firstSeq + row.entryCount - 1}) does not fit its hash`,
    })
}
