/**
 * The console's one way to ask the server over HTTP: same origin, session cookie, JSON both ways. An answer is a value or
 * a refusal in words; a network that does not answer is a refusal too, so that every screen can say why beside the thing
 * that was refused. Nothing here retries; who sends commands decides that (commands.ts).
 */
import type { ErrorResponse } from '#contract/wire.ts'

export type Refusal = ErrorResponse

export type Answer<T> =
  | { ok: true; value: T }
  | { ok: false; refusal: Refusal; http: number /** False when the server was never reached. */; reached: boolean }

/** Milliseconds after which a request counts as unanswered: commands get DATABASE_AWAY within 2 s, searches are slower. */
export const requestLimitMs = 12_000

export const unreachable: Refusal = {
  code: 'UNREACHABLE',
  zh: '服务器没有应答,尚不能确认是否已执行',
  en: 'The server did not answer; whether it was carried out is not known',
}

function isErrorResponse(value: unknown): value is ErrorResponse {
  const given = value as Partial<ErrorResponse> | null
  return typeof given === 'object' && given !== null && typeof given.code === 'string' && typeof given.zh === 'string'
}

/** Sends one request and returns its value or its refusal; never throws for what a server or a network can do. `limitMs` is for slow work alone. */
export async function ask<T>(
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  body?: unknown,
  limitMs: number = requestLimitMs,
): Promise<Answer<T>> {
  let response: Response
  try {
    response = await fetch(path, {
      method,
      credentials: 'same-origin',
      cache: 'no-store',
      signal: AbortSignal.timeout(limitMs),
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  } catch {
    return { ok: false, refusal: unreachable, http: 0, reached: false }
  }
  const text = await response.text().catch(() => '')
  let value: unknown
  try {
    value = text === '' ? undefined : JSON.parse(text)
  } catch {
    value = undefined
  }
  if (response.ok) return { ok: true, value: value as T }
  if (isErrorResponse(value)) return { ok: false, refusal: value, http: response.status, reached: true }
  const refusal = {
    code: `HTTP_${response.status}`,
    zh: `服务器答复 ${response.status},没有说明原因`,
    en: `The server answered ${response.status} without a reason`,
  }
  return { ok: false, refusal, http: response.status, reached: response.status !== 502 && response.status !== 504 }
}

/** A refusal on its way through code that reports failures by throwing (react-query). */
export class RefusedError extends Error {
  readonly refusal: Refusal
  readonly http: number
  constructor(refusal: Refusal, http: number) {
    super(refusal.code)
    this.refusal = refusal
    this.http = http
  }
}

/** GET for react-query: the value, or a RefusedError with the server's words. */
export async function read<T>(path: string): Promise<T> {
  const answer = await ask<T>('GET', path)
  if (answer.ok) return answer.value
  throw new RefusedError(answer.refusal, answer.http)
}

/** The refusal behind whatever a query or a mutation threw. */
export function toRefusal(thrown: unknown): Refusal {
  return thrown instanceof RefusedError ? thrown.refusal : unreachable
}

/** Query string of the parameters that have a value. */
export function writeQuery(params: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined && value !== '') query.set(name, String(value))
  }
  const text = query.toString()
  return text === '' ? '' : `?${text}`
}
