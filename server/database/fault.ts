/**
 * The faults of the database side: the world's failures, told in two languages, thrown and retried with a limit by
 * whoever asked. Promises a stable code and texts that say what to do.
 */

/** An error with a stable code and its text in both languages. */
export type DatabaseFault = Error & { code: string; zh: string; en: string }

/** Builds a fault to throw; its message is the English text. */
export function createFault(code: string, zh: string, en: string, cause?: unknown): DatabaseFault {
  return Object.assign(new Error(en, cause === undefined ? undefined : { cause }), { code, zh, en })
}
