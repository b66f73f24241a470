/**
 * Forgotten: the list of erasures beside the database, ids alone. A backup of before an erasure brings back what was erased and
 * does not know it; this file does, so that every start applies what it lists again. It belongs with the master key: whoever
 * carries one to a restored city carries the other.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { z } from 'zod'
import type { Entry } from '#contract/entry.ts'
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

/**
 * At a start: applies every erasure the log knows again, says and applies those that only the file knows (the log of an older
 * backup does not), and writes down what the file lacked.
 */
export async function settleForgotten(
  file: string,
  inLog: readonly Forgotten[],
  ports: {
    forget(erasures: readonly Forgotten[]): Promise<void>
    say(body: Forgotten & { reason: string }): Promise<void>
  },
): Promise<void> {
  await ports.forget(inLog)
  const namesInLog = new Set(inLog.map(nameForgotten))
  const inFile = readForgotten(file)
  for (const erasure of inFile.filter(one => !namesInLog.has(nameForgotten(one)))) {
    await ports.say({ ...erasure, reason: '恢复备份后再次执行 applied again after a restore' })
    await ports.forget([erasure])
  }
  const namesInFile = new Set(inFile.map(nameForgotten))
  appendForgotten(
    file,
    inLog.filter(one => !namesInFile.has(nameForgotten(one))),
  )
}

/** Writes down the erasures among entries just applied. The log holds them: a full disk here must not stop the line. */
export function noteForgotten(file: string, entries: readonly Entry[], onError: (error: Error) => void): void {
  try {
    for (const entry of entries) if (entry.kind === 'person.forgotten') appendForgotten(file, [entry.body])
  } catch (error) {
    onError(error as Error)
  }
}
