/**
 * Commands: what every command is judged by before its own rules: its expiry on loggedAt and the version its sender saw.
 */
import { commandLifeMs, type Entry, kinds, type Outcome } from '#contract/entry.ts'

/** True when a version was expected and another stands. */
export function isCommandStale(expected: number | undefined, version: number): boolean {
  return expected !== undefined && expected !== version
}

/** The refusal of a command that came too late to be safe; undefined for facts and for commands in time. */
export function findExpiry(entry: Entry): Outcome | undefined {
  if (kinds[entry.kind].family === 'fact') return undefined
  if (entry.loggedAt <= (entry.expiresAt ?? entry.receivedAt + commandLifeMs)) return undefined
  return { result: 'refused', code: 'COMMAND_EXPIRED' }
}
