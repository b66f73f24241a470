/**
 * Who is signed in at this browser: read once from the server, changed only by signing in, changing the password and
 * signing out. The cookie is the server's; nothing secret is kept here.
 */
import { useQuery } from '@tanstack/react-query'
import type { SessionView } from '#contract/view.ts'
import { type Answer, ask, read } from '../live/http.ts'

/** GET /v1/settings: what the operator has set for consoles. */
export type Settings = {
  pager: 'live' | 'dry'
  clock: 'wall' | 'entries'
  mapboxToken?: string
  demo: boolean
  version: string
}

/** Reads the session; undefined when nobody is signed in. */
export async function findSession(): Promise<Answer<SessionView | undefined>> {
  const answer = await ask<SessionView>('GET', '/v1/session')
  return !answer.ok && answer.http === 401 ? { ok: true, value: undefined } : answer
}

/** Signs in; the answer is the session or the refusal in words. */
export function signIn(accountId: string, password: string): Promise<Answer<SessionView>> {
  return ask<SessionView>('POST', '/v1/session', { accountId, password })
}

/** Changes the own password; every other session of the account ends. */
export function changePassword(current: string, next: string): Promise<Answer<unknown>> {
  return ask('POST', '/v1/session/password', { current, next })
}

/** Ends the session at the server. */
export function signOut(): Promise<Answer<unknown>> {
  return ask('DELETE', '/v1/session')
}

/** The operator's settings; undefined until read or when the server has none. */
export function useSettings(): Settings | undefined {
  return useQuery({ queryKey: ['settings'], queryFn: () => read<Settings>('/v1/settings'), staleTime: 300_000 }).data
}
