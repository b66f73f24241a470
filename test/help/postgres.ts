/**
 * Starts a real PostgreSQL 15 for a test file, on a unix socket in a directory of its own.
 * A test on the wrong server would be worse than none: the server must name our directory before it is used.
 */
import { execFile, spawn } from 'node:child_process'
import { accessSync, chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'

const run = promisify(execFile)

/** Where Debian keeps the programs of PostgreSQL 15. */
export const postgresFolder = '/usr/lib/postgresql/15/bin'
const startMaxMs = 120_000

/** The account to run as: PostgreSQL refuses to run as root. */
async function findAccount(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {}
  const id = async (flag: string) => Number((await run('id', [flag, 'postgres'])).stdout)
  return { uid: await id('-u'), gid: await id('-g') }
}

/**
 * Creates and starts a server; `stop` ends it and deletes its directory.
 *
 * @throws when the programs are missing or the server does not answer: such a test fails, it is never skipped
 */
export async function startPostgres(): Promise<{ url: string; directory: string; stop(): Promise<void> }> {
  for (const program of ['initdb', 'postgres']) accessSync(join(postgresFolder, program))
  const account = await findAccount()
  const base = mkdtempSync(join(tmpdir(), 'vigil-pg-'))
  if (account.uid !== undefined) chownSync(base, account.uid, account.gid!)
  chmodSync(base, 0o700)
  const directory = join(base, 'cluster')
  const options = { ...account, cwd: base, env: { LANG: 'C.UTF-8', PATH: process.env.PATH ?? '' } }
  await run(
    join(postgresFolder, 'initdb'),
    ['-D', directory, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'],
    options,
  )
  const settings = [`unix_socket_directories=${base}`, 'listen_addresses=', 'timezone=UTC', 'shared_buffers=64MB']
  const server = spawn(join(postgresFolder, 'postgres'), ['-D', directory, ...settings.flatMap(s => ['-c', s])], {
    ...options,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let log = ''
  server.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-4_096)
  })
  const ended = new Promise<void>(resolve => server.once('close', () => resolve()))
  const stop = async () => {
    if (server.exitCode === null && server.signalCode === null) server.kill('SIGINT') // fast shutdown
    await ended
    rmSync(base, { recursive: true, force: true })
  }
  const url = `postgres://postgres@/postgres?host=${encodeURIComponent(base)}`
  const until = performance.now() + startMaxMs
  for (;;) {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => {})
    try {
      await client.connect()
      const { rows } = await client.query('SHOW data_directory')
      await client.end()
      if (rows[0]?.data_directory === directory) return { url, directory, stop }
      throw new Error(`this server has another directory: ${rows[0]?.data_directory}`)
    } catch (error) {
      if (server.exitCode !== null || performance.now() > until || /another directory/.test(String(error))) {
        await stop()
        throw new Error(`PostgreSQL did not start: ${String(error)}\n${log}`)
      }
      await new Promise(resolve => setTimeout(resolve, 100))
    }
  }
}
