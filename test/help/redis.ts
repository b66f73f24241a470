/**
 * Starts a real Redis for a test file, on a unix socket in a directory of its own, without a file to remember anything in.
 * `stop` and `start` again stand for a Redis that is away and comes back empty; `pause` for one that hangs.
 */
import { spawn } from 'node:child_process'
import { accessSync, mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Where Debian keeps the server. */
const program = '/usr/bin/redis-server'
const startMaxMs = 20_000

export type TestRedis = {
  url: string
  /** Ends the server at once; what it held is gone. */
  kill(): Promise<void>
  start(): Promise<void>
  /** Hangs and wakes the process. */
  pause(): void
  wake(): void
  /** Ends it and deletes its directory. */
  remove(): Promise<void>
}

/** True when a server answers PING on the socket. */
function isAnswering(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(path)
    const end = (is: boolean) => {
      socket.destroy()
      resolve(is)
    }
    socket.setTimeout(500, () => end(false))
    socket.once('error', () => end(false))
    socket.once('connect', () => socket.write('PING\r\n'))
    socket.once('data', data => end(data.toString().startsWith('+PONG')))
  })
}

/** @throws when the program is missing or does not answer: such a test fails, it is never skipped */
export async function startRedis(): Promise<TestRedis> {
  accessSync(program)
  const directory = mkdtempSync(join(tmpdir(), 'vigil-redis-'))
  const path = join(directory, 'redis.sock')
  let server: ReturnType<typeof spawn> | undefined
  const start = async () => {
    const options = ['--port', '0', '--unixsocket', path, '--save', '', '--appendonly', 'no', '--dir', directory]
    server = spawn(program, options, { stdio: 'ignore' })
    const until = performance.now() + startMaxMs
    while (!(await isAnswering(path))) {
      if (performance.now() > until || server.exitCode !== null) throw new Error('redis-server does not answer')
      await new Promise(resolve => setTimeout(resolve, 25))
    }
  }
  const kill = async () => {
    const ending = server
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return
    const ended = new Promise(resolve => ending.once('exit', resolve))
    ending.kill('SIGKILL')
    await ended
  }
  await start()
  return {
    url: `unix://${path}`,
    start,
    kill,
    pause: () => void server?.kill('SIGSTOP'),
    wake: () => void server?.kill('SIGCONT'),
    async remove() {
      server?.kill('SIGCONT')
      await kill()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
