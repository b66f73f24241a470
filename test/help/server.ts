/**
 * Server: a whole server in this process for tests and benches, on port 0, with a device token for a player and accounts for
 * people; on the embedded database or a URL. Everything is the product's own; nothing is replaced.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EntriesResponse } from '#contract/wire.ts'
import { loadConfig } from '../../server/config.ts'
import { startServer, type WholeServer } from '../../server/main.ts'

export type TestServer = WholeServer & {
  directory: string
  token: string
  post(entries: readonly unknown[], token?: string): Promise<{ status: number; body: EntriesResponse }>
  addPerson(accountId: string, roles: string[], regions: string[]): Promise<{ accountId: string; password: string }>
  signIn(accountId: string, password: string): Promise<string>
  /** Stops the server and deletes its directory. */
  remove(): Promise<void>
}

export type TestServerOptions = {
  databaseUrl?: string
  directory?: string
  environment?: Record<string, string>
  onFatal?: (error: Error) => void
}

/** Starts a server; with `directory` it continues what is there. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'vigil-server-'))
  const masterKeyFile = join(directory, 'master.key')
  if (options.databaseUrl && !options.directory)
    writeFileSync(masterKeyFile, randomBytes(32).toString('hex'), { mode: 0o600 })
  const config = loadConfig({
    VIGIL_DATA: directory,
    VIGIL_PORT: '0',
    VIGIL_LOG_LEVEL: 'silent',
    ...(options.databaseUrl ? { DATABASE_URL: options.databaseUrl, VIGIL_MASTER_KEY_FILE: masterKeyFile } : {}),
    ...options.environment,
  })
  const server = await startServer(config, options.onFatal ?? (error => Promise.reject(error)))
  const deviceId = `player-${randomBytes(4).toString('hex')}`
  const made = await server.identity.devices.enrol(
    { deviceId, name: deviceId, role: 'player', regions: ['330400'], unitIds: [] },
    'test',
  )
  if ('code' in made) throw new Error(made.code)
  const { token } = made
  return {
    ...server,
    directory,
    token,
    async post(entries, bearer = token) {
      const answer = await fetch(`${server.url}/v1/entries`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${bearer}` },
        body: JSON.stringify({ entries }),
      })
      return { status: answer.status, body: (await answer.json()) as EntriesResponse }
    },
    async addPerson(accountId, roles, regions) {
      const password = `pass-${randomBytes(9).toString('base64url')}`
      const made = await server.identity.accounts.create(
        { accountId, name: accountId, roles: roles as never, regions, unitIds: [] },
        undefined,
      )
      if ('code' in made) throw new Error(made.code)
      await server.identity.accounts.setPassword(accountId, password)
      return { accountId, password }
    },
    async signIn(accountId, password) {
      const answer = await fetch(`${server.url}/v1/session`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ accountId, password }),
      })
      if (answer.status !== 200) throw new Error(`sign-in: ${answer.status} ${await answer.text()}`)
      return answer.headers
        .getSetCookie()
        .map(c => c.split(';')[0])
        .join('; ')
    },
    async remove() {
      await server.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
