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

/** Number fields of a position, in the order of canonicalise() around unitId, the last. */
const positionNumbers = ['accuracyM', 'altitudeM', 'courseDeg', 'lat', 'lon', 'speedKmh'] as const

/**
 * The same text as canonicalise() for an ordinary position, which is nearly all there is; undefined for anything else, so that
 * a foreign field or a number that became a text can never hide from the chain.
 */
export function findPositionText(body: Readonly<Record<string, unknown>>): string | undefined {
  const { unitId } = body
  if (typeof unitId !== 'string') return undefined
  let known = 1
  let text = '{'
  for (const name of positionNumbers) {
    const value = body[name]
    if (value === undefined) continue
    if (typeof value !== 'number' || !Number.isFinite(value)) return undefined
    text += `"${name}":${value},`
    known++
  }
  for (const _key in body) known--
  return known === 0 ? `${text}"unitId":${JSON.stringify(unitId)}}` : undefined
}

/** An entry's content as it stands in the log. */
export function canonicaliseContent(entry: Entry): string {
  const body = (entry.kind === 'unit.position' ? findPositionText(entry.body) : undefined) ?? canonicalise(entry.body)
  return `${entry.kind}|${entry.source}|${entry.occurredAt}|${body}`
}

/**
 * What a sender said, without what the house added: equal for a resend, different for a reused key. The code of a complaint whose
 * text stands beside it is the door's own; a newer dictionary may code the same words differently.
 */
export function canonicaliseSaid(entry: Entry): string {
  const { body } = entry
  if (!('complaint' in body) || !('complaintText' in body) || body.complaintText === undefined)
    return canonicaliseContent(entry)
  const { complaint: _coded, ...said } = body
  return canonicaliseContent({ ...entry, body: said } as Entry)
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
