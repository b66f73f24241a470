/**
 * Chain: the tamper evidence of the log. Every group commit has one row with the hash of its canonical bytes and of the row
 * before, so that an edit, a deletion or a reordering is found; the hourly anchor (operations/) shows a truncated tail.
 * Canonical bytes do not depend on key order or on which storage gave the entry back.
 */
import { createHash } from 'node:crypto'
import type { Entry, Outcome } from '#contract/entry.ts'

/** Hash before the first commit. */
export const genesisHash = '0'.repeat(64)

/** JSON with sorted keys and without undefined members: one text per value. */
export function canonicalise(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(item => canonicalise(item === undefined ? null : item)).join(',')}]`
  const record = value as Record<string, unknown>
  let text = '{'
  for (const key of Object.keys(record).sort()) {
    const member = record[key]
    if (member === undefined) continue
    text += `${text.length > 1 ? ',' : ''}${JSON.stringify(key)}:${canonicalise(member)}`
  }
  return `${text}}`
}

/** What a sender said, without what the house added: equal for a resend, different for a reused key. */
export function canonicaliseContent(entry: Entry): string {
  return `${entry.kind}|${entry.source}|${entry.occurredAt}|${canonicalise(entry.body)}`
}

/** One line of the chain for an entry. */
export function canonicaliseEntry(entry: Entry): string {
  const rare =
    entry.uuid || entry.actor || entry.expects || entry.expiresAt !== undefined
      ? canonicalise([entry.uuid, entry.actor, entry.expects, entry.expiresAt])
      : ''
  return `${entry.seq}|${entry.loggedAt}|${entry.receivedAt}|${entry.epoch ?? ''}|${entry.sourceSeq ?? ''}|${rare}|${canonicaliseContent(entry)}`
}

/** One line of the chain for a stored outcome. */
export function canonicaliseOutcome(seq: number, outcome: Outcome): string {
  return outcome.result === 'done'
    ? `${seq}|done`
    : `${seq}|refused|${outcome.code}|${canonicalise(outcome.params ?? null)}`
}

/** Hash of a group commit, hex. */
export function hashCommit(previousHash: string, commitNo: number, lines: readonly string[]): string {
  const hash = createHash('sha256')
  hash.update(`${previousHash}\n${commitNo}\n`)
  hash.update(lines.join('\n'))
  return hash.digest('hex')
}
