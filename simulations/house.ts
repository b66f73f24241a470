// A house of its own for a demonstration or a replay: the server as a child process, and the first steps an administrator
// would take over HTTP: take the one-time password, change it, enrol devices, open accounts, sign in.
// It promises that the child is stopped when its owner stops, and that no secret is printed or put on a command line.
import { type ChildProcess, spawn } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type { Role } from '#contract/scalars.ts'
import { ErrorResponse } from '#contract/wire.ts'
import { sleepFor } from './door.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const Opened = z.object({ initialPassword: z.string() })
const Enrolled = z.object({ token: z.string() })
const STOP_MAX_MS = 60_000
const START_MAX_MS = 180_000
const LINES_KEPT_MAX = 40

export interface House {
  url: string
  /** The first administrator's one-time password, at the first start of an empty data directory only. */
  secret: string | undefined
  /** Ends when the server has ended; the exit code, or null for a signal. */
  ended: Promise<number | null>
  stop(): Promise<void>
}

/** The server did not start; the text holds its last lines. */
export class HouseFault extends Error {
  override name = 'HouseFault'
}

/**
 * Starts the server on a data directory and a free or given port, and waits until it answers.
 * An outside DATABASE_URL or REDIS_URL is taken away: these houses are made to be thrown away.
 */
export async function startHouse(options: {
  dataDirectory: string
  settings: Readonly<Record<string, string>>
  onLine?: (line: string) => void
  signal?: AbortSignal
}): Promise<House> {
  const settings = Object.entries({ VIGIL_DATA: options.dataDirectory, ...options.settings })
  const child: ChildProcess = spawn(
    'env',
    [
      '-u',
      'DATABASE_URL',
      '-u',
      'REDIS_URL',
      ...settings.map(([name, value]) => `${name}=${value}`),
      process.execPath,
      'server/main.ts',
    ],
    // A group of its own, so that Ctrl-C reaches the owner first and the server is stopped in order.
    { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  )
  const kept: string[] = []
  let url: string | undefined
  let secret: string | undefined
  const ended = new Promise<number | null>(resolve => {
    child.once('exit', code => resolve(code))
    child.once('error', error => {
      kept.push(error.message)
      resolve(1)
    })
  })
  const started = new Promise<void>(resolve => {
    const read = (line: string): void => {
      const password = /one-time password: (\S+)/.exec(line)
      const address = /^守望 Vigil \S+ +(https?:\/\/\S+)$/.exec(line)
      if (password) secret = password[1]
      else {
        kept.push(line)
        if (kept.length > LINES_KEPT_MAX) kept.shift()
        if (line !== '') options.onLine?.(line)
      }
      if (address) {
        url = address[1]
        resolve()
      }
    }
    for (const stream of [child.stdout!, child.stderr!]) createInterface({ input: stream }).on('line', read)
    void ended.then(() => resolve())
  })
  let isTold = false
  /** Once only: a second SIGTERM would end the server in the middle of its orderly stop. */
  const tellToStop = (): void => {
    if (!isTold) child.kill('SIGTERM')
    isTold = true
  }
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    tellToStop()
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MAX_MS)
    await ended
    clearTimeout(timer)
  }
  const late = setTimeout(tellToStop, START_MAX_MS)
  options.signal?.addEventListener('abort', tellToStop, { once: true })
  await started
  clearTimeout(late)
  // From here on the owner stops it, after everybody who still speaks to it.
  options.signal?.removeEventListener('abort', tellToStop)
  if (url === undefined) throw new HouseFault(`the server did not start:\n${kept.join('\n')}`)
  return { url, secret, ended, stop }
}

/** A person signed in over HTTP. */
export interface Desk {
  url: string
  cookie: string
  /** JSON request with the session; throws HouseFault with the refusal's texts. */
  ask<T>(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<T>
}

async function request(
  url: string,
  method: string,
  path: string,
  cookie: string,
  body?: unknown,
): Promise<{ answer: unknown; cookie: string }> {
  const response = await fetch(new URL(path, url), {
    method,
    headers: {
      origin: new URL(url).origin,
      ...(cookie ? { cookie } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  })
  const text = await response.text()
  const answer: unknown = text === '' ? undefined : JSON.parse(text)
  if (!response.ok) {
    const refusal = ErrorResponse.safeParse(answer)
    const why = refusal.success
      ? `${refusal.data.code} ${refusal.data.zh} / ${refusal.data.en}`
      : `HTTP ${response.status}`
    throw new HouseFault(`${method} ${path}: ${why}`)
  }
  const set = response.headers.getSetCookie()[0]?.split(';')[0]
  return { answer, cookie: set ?? cookie }
}

/** Signs in. Throws HouseFault with the house's refusal. */
export async function signIn(url: string, accountId: string, password: string): Promise<Desk> {
  const { cookie } = await request(url, 'POST', '/v1/session', '', { accountId, password })
  return openDesk(url, cookie)
}

function openDesk(url: string, cookie: string): Desk {
  return {
    url,
    cookie,
    ask: async <T>(method: string, path: string, body?: unknown) =>
      (await request(url, method, path, cookie, body)).answer as T,
  }
}

/** Signs in with a first password and changes it, as the house demands; the desk goes on with the new session. */
export async function takeOver(url: string, accountId: string, first: string, password: string): Promise<Desk> {
  const { cookie } = await request(url, 'POST', '/v1/session', '', { accountId, password: first })
  const changed = await request(url, 'POST', '/v1/session/password', cookie, { current: first, next: password })
  return openDesk(url, changed.cookie)
}

/** Enrols a device and returns its token. */
export async function enrolDevice(
  admin: Desk,
  device: { deviceId: string; name: string; role: 'player' | 'gateway' | 'feed'; regions: readonly string[] },
): Promise<string> {
  return Enrolled.parse(await admin.ask('POST', '/v1/devices', device)).token
}

/** Opens an account and gives it its password; nobody has to change it at the first sign-in any more. */
export async function openAccount(
  admin: Desk,
  account: {
    accountId: string
    name: string
    roles: readonly Role[]
    regions: readonly string[]
    unitIds?: readonly string[]
  },
  password: string,
): Promise<Desk> {
  const made = Opened.parse(await admin.ask('POST', '/v1/accounts', account))
  return takeOver(admin.url, account.accountId, made.initialPassword, password)
}

/** Waits until something holds, asking again each `everyMs`; false when the time is over. */
export async function waitUntil(
  holds: () => boolean,
  maxMs: number,
  signal?: AbortSignal,
  everyMs = 50,
): Promise<boolean> {
  const end = Date.now() + maxMs
  while (!holds()) {
    if (Date.now() > end) return false
    await sleepFor(everyMs, signal)
  }
  return true
}

/** Removes a directory of a house that has been stopped; what is still being let go is tried again for some seconds. */
export async function removeDirectory(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 40, retryDelay: 100 })
}
