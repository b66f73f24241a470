/**
 * A PostgreSQL of the test's own with the tables of identity: real server, private directory, unix socket, no network port.
 * Promises: the server belongs to this test alone (its system identifier is the one initdb just made) before any DDL runs,
 * and it is gone when the test is over.
 */
import { spawn, spawnSync } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'

export type IdentityDatabase = { pool: pg.Pool; newPool(): pg.Pool; stop(): Promise<void> }

const migration = new URL('../../server/database/migrations/0002-identity.sql', import.meta.url)
const startAttemptsMax = 200

function getBinaries(): string {
  const root = '/usr/lib/postgresql'
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : []
  const found = versions.map(version => join(root, version, 'bin')).find(path => existsSync(join(path, 'initdb')))
  if (!found) throw new Error('PostgreSQL is not installed: apt-get install postgresql')
  return found
}

function findPostgresUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find(one => one.startsWith('postgres:'))
  if (!line) throw new Error('root cannot run PostgreSQL and there is no user postgres')
  const [, , uid, gid] = line.split(':')
  return { uid: Number(uid), gid: Number(gid) }
}

/** Starts a server, creates the tables of identity in it, and answers a pool on it. */
export async function startIdentityDatabase(): Promise<IdentityDatabase> {
  const binaries = getBinaries()
  const user = findPostgresUser()
  const home = mkdtempSync(join(tmpdir(), 'vigil-identity-'))
  if (user) chownSync(home, user.uid, user.gid)
  const as = { ...(user ?? {}), cwd: home, env: { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8' } }
  const data = join(home, 'data')
  const made = spawnSync(
    join(binaries, 'initdb'),
    ['-D', data, '-U', 'vigil', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '-N'],
    { ...as, encoding: 'utf8' },
  )
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`)
  const control = spawnSync(join(binaries, 'pg_controldata'), ['-D', data], { ...as, encoding: 'utf8' }).stdout
  const identifier = /system identifier:\s*(\d+)/.exec(control)?.[1]
  const server = spawn(
    join(binaries, 'postgres'),
    ['-D', data, '-k', home, '-c', 'listen_addresses=', '-c', 'fsync=off', '-c', 'max_connections=60'],
    { ...as, stdio: 'ignore' },
  )
  const ended = new Promise<void>(resolve => server.once('exit', () => resolve()))
  const pools: pg.Pool[] = []
  const newPool = () => {
    const pool = new pg.Pool({ host: home, user: 'vigil', database: 'postgres', max: 8 })
    pool.on('error', () => undefined)
    pools.push(pool)
    return pool
  }
  const stop = async () => {
    await Promise.all(pools.map(pool => pool.end()))
    server.kill('SIGINT')
    await ended
    rmSync(home, { recursive: true, force: true })
  }
  try {
    const pool = newPool()
    await answerOf(pool, server)
    const { rows } = await pool.query('select system_identifier::text as identifier from pg_control_system()')
    if (rows[0]?.identifier !== identifier) throw new Error('this is not the server that was just made')
    await pool.query(readFileSync(migration, 'utf8'))
    return { pool, newPool, stop }
  } catch (fault) {
    await stop()
    throw fault
  }
}

async function answerOf(pool: pg.Pool, server: { exitCode: number | null }): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await pool.query('select 1')
      return
    } catch (fault) {
      if (attempt === startAttemptsMax || server.exitCode !== null) throw fault
      await wait(50)
    }
  }
}
