/**
 * How a desk says something: one entry with a UUID, the city's time and the versions it was decided on. An unanswered send
 * is repeated with the same UUID, which the house counts once. What came of it stays in a store by subject, so that a
 * refusal is shown beside the thing refused until the next try or a dismissal, never in a toast that leaves.
 */
import { create } from 'zustand'
import { type BodyInputOf, commandLifeMs, type Expects, type Kind } from '#contract/entry.ts'
import type { EntriesRequest, EntriesResponse } from '#contract/wire.ts'
import { getCityNow } from './clock.ts'
import { ask, type Refusal, unreachable } from './http.ts'

export type Sent =
  | { step: 'sending'; kind: Kind; sentMs: number }
  | { step: 'done'; kind: Kind; sentMs: number; seq?: number }
  | { step: 'refused'; kind: Kind; sentMs: number; refusal: Refusal }

/** Subjects remembered at once; the oldest answered ones leave first. */
export const subjectsMax = 400
/** Tries of one command with the same UUID, within its life. */
export const sendAttemptsMax = 3

export const useSent = create<{ bySubject: ReadonlyMap<string, Sent> }>()(() => ({ bySubject: new Map() }))

function note(subject: string, sent: Sent): void {
  const bySubject = new Map(useSent.getState().bySubject)
  bySubject.delete(subject)
  bySubject.set(subject, sent)
  for (const [id, each] of bySubject) {
    if (bySubject.size <= subjectsMax) break
    if (each.step !== 'sending') bySubject.delete(id)
  }
  useSent.setState({ bySubject })
}

/** Takes the mark of a subject away; true when there was a refusal. */
export function dismissSent(subject: string): boolean {
  const bySubject = new Map(useSent.getState().bySubject)
  const was = bySubject.get(subject)
  if (!was || was.step === 'sending') return false
  bySubject.delete(subject)
  useSent.setState({ bySubject })
  return was.step === 'refused'
}

/** Notes a refusal the console itself gives before anything is sent, in the same place as the server's. */
export function noteRefusal(subject: string, kind: Kind, refusal: Refusal): void {
  note(subject, { step: 'refused', kind, sentMs: performance.now(), refusal })
}

/** What came of the newest command on a subject, drawn again when it changes. */
export function useSentOn(subject: string): Sent | undefined {
  return useSent(state => state.bySubject.get(subject))
}

/** A version 4 UUID; on plain http the browser has no randomUUID, only random bytes. */
export function createUuid(): string {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID()
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[6] = (bytes[6]! & 0x0f) | 0x40
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = [...bytes].map(byte => byte.toString(16).padStart(2, '0')).join('')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

function wait(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

/**
 * Sends one command and notes what came of it under `subject`; resolves to undefined when it was done, else the refusal.
 * Tries again only when the server was not reached or asked for patience, and never beyond the life of the command.
 */
export async function say<K extends Kind>(
  subject: string,
  kind: K,
  body: BodyInputOf<K>,
  expects?: Expects,
): Promise<Refusal | undefined> {
  const sentMs = performance.now()
  note(subject, { step: 'sending', kind, sentMs })
  const request: EntriesRequest = {
    entries: [
      {
        kind,
        uuid: createUuid(),
        occurredAt: getCityNow(),
        ...(expects ? { expects } : {}),
        body: body as Record<string, unknown>,
      },
    ],
  }
  let refusal: Refusal = unreachable
  for (let attempt = 1; attempt <= sendAttemptsMax; attempt++) {
    const answer = await ask<EntriesResponse>('POST', '/v1/entries', request)
    if (answer.ok) {
      const outcome = answer.value.outcomes[0]
      if (outcome?.result === 'done') {
        note(subject, { step: 'done', kind, sentMs, ...(outcome.seq === undefined ? {} : { seq: outcome.seq }) })
        return undefined
      }
      refusal = {
        code: outcome?.code ?? 'INTERNAL',
        zh: outcome?.zh ?? unreachable.zh,
        en: outcome?.en ?? unreachable.en,
        ...(outcome?.params ? { params: outcome.params } : {}),
      }
      break
    }
    refusal = answer.refusal
    const patient = !answer.reached || answer.http === 503 || answer.http === 429
    if (!patient || performance.now() - sentMs > commandLifeMs / 2) break
    if (attempt < sendAttemptsMax) await wait(400 * attempt)
  }
  note(subject, { step: 'refused', kind, sentMs, refusal })
  return refusal
}
