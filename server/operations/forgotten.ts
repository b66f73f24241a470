/**
 * Forgotten: the list of erasures beside the database, ids alone. A backup of before an erasure brings back what was erased and
 * does not know it; this file does, so that every start applies what it lists again. It belongs with the master key: whoever
 * carries one to a restored city carries the other.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { z } from 'zod'
import { Id } from '#contract/scalars.ts'

const Forgotten = z.object({ recordKind: z.enum(['call', 'incident', 'card']), recordId: Id })
export type Forgotten = z.infer<typeof Forgotten>

/** Erasures read at a start at most. */
export const forgottenMax = 1_000_000

/** Names an erasure: the same record, the same text. */
export function nameForgotten({ recordKind, recordId }: Forgotten): string {
  return `${recordKind}/${recordId}`
}

/** Erasures of the file, each once; a torn last line is left out: the log holds that one. */
export function readForgotten(file: string): Forgotten[] {
  if (!existsSync(file)) return []
  const found = new Map<string, Forgotten>()
  for (const line of readFileSync(file, 'utf8').split('\n').slice(0, forgottenMax)) {
    if (line.trim() === '') continue
    try {
      const one = Forgotten.parse(JSON.parse(line))
      found.set(nameForgotten(one), one)
    } catch {}
  }
  return [...found.values()]
}

/** Adds erasures; synchronous, so that the answer to who asked for one comes after its line. */
export function appendForgotten(file: string, erasures: readonly Forgotten[]): void {
  if (erasures.length === 0) return
  const lines = erasures.map(({ recordKind, recordId }) => `${JSON.stringify({ recordKind, recordId })}\n`)
  // A line of its own, also after a torn one.
  appendFileSync(file, `\n${lines.join('')}`, { mode: 0o600 })
}
