/**
 * Edge: an edge gateway as a process of its own, beside a house, for the demonstration: writes its configuration and starts
 * `edge-gateway/main.ts` on it. Stands outside the gateway and uses its command line only. Promises: secrets lie in files of
 * mode 0600; the gateway is ended in order.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type { Terminal } from './terminals.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const startMaxMs = 30_000
const stopMaxMs = 20_000
const linesKeptMax = 40

const Ready = z.object({
  health: z.url(),
  listeners: z.array(z.object({ kind: z.string(), transport: z.string(), host: z.string(), port: z.int() })),
})
const Codes = z.record(z.string(), z.string())

export interface Edge {
  /** Where the terminals connect to. */
  host: string
  port: number
  /** Where the telephone system connects to, when one was asked for. */
  telephony?: { host: string; port: number }
  /** GET {health}/healthz and /metrics. */
  health: string
  /** Ends when the gateway has ended; the exit code, or null for a signal. */
  ended: Promise<number | null>
  stop(): Promise<void>
}

/** The gateway did not start; the text holds its last lines. */
export class EdgeFault extends Error {
  override name = 'EdgeFault'
}

/**
 * Numbers a city's units as terminals: 11 digits from 13900000001 on, with an authentication code each that is kept in
 * `codesFile` (mode 0600) over restarts.
 */
export async function enrolTerminals(
  units: readonly { id: string; plate: string }[],
  codesFile: string,
): Promise<(Terminal & { authCode: string })[]> {
  const kept = existsSync(codesFile) ? Codes.parse(JSON.parse(await readFile(codesFile, 'utf8'))) : {}
  const terminals = units.map((unit, index) => ({
    number: String(13_900_000_001 + index),
    unitId: unit.id,
    plate: unit.plate,
    authCode: (kept[unit.id] ??= randomBytes(9).toString('hex')),
  }))
  await writeSecret(codesFile, kept)
  return terminals
}

async function writeSecret(path: string, content: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 })
  await chmod(path, 0o600)
}

/**
 * Starts a gateway for a house on this machine and waits until it listens. `token` is of a device with the role `gateway` for
 * the units' regions. `port` 0 takes a free one.
 */
export async function startEdge(options: {
  directory: string
  serverUrl: string
  token: string
  terminals: readonly (Terminal & { authCode: string })[]
  port?: number
  /** A unit whose monitor may connect by HL7 over MLLP, from this machine, on a free port. */
  monitorUnitId?: string
  /** A telephone system may connect, from this machine, on a free port (docs/cti.md). */
  telephony?: { prefix: string; key: string; regionCode: string; trunks?: Readonly<Record<string, string>> }
  onLine?: (line: string) => void
}): Promise<Edge> {
  await mkdir(options.directory, { recursive: true, mode: 0o700 })
  const configFile = join(options.directory, 'gateway.json')
  await writeSecret(configFile, {
    server: { urls: [options.serverUrl], token: options.token },
    spool: { directory: 'spool' },
    health: { port: 0 },
    logLevel: 'warn',
    sources: [
      {
        kind: 'jt808',
        host: '127.0.0.1',
        port: options.port ?? 0,
        terminals: options.terminals.map(({ number, unitId, authCode }) => ({
          number,
          unitId,
          authCode,
          networks: ['127.0.0.0/8', '::1'],
          isRegistrationOpen: true,
        })),
      },
      ...(options.monitorUnitId === undefined
        ? []
        : [{ kind: 'mllp', port: 0, monitors: [{ unitId: options.monitorUnitId, networks: ['127.0.0.1'] }] }]),
      ...(options.telephony === undefined
        ? []
        : [{ kind: 'cti', port: 0, networks: ['127.0.0.1'], ...options.telephony }]),
    ],
  })
  const child: ChildProcess = spawn(process.execPath, ['edge-gateway/main.ts', '--config', configFile], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that Ctrl-C reaches the owner first and the gateway is stopped in order.
    detached: true,
  })
  const kept: string[] = []
  let ready: z.infer<typeof Ready> | undefined
  const ended = new Promise<number | null>(resolve => {
    child.once('exit', code => resolve(code))
    child.once('error', error => {
      kept.push(error.message)
      resolve(1)
    })
  })
  const started = new Promise<void>(resolve => {
    const read = (line: string): void => {
      const told = /^gateway ready (\{.*\})$/.exec(line)
      if (told) {
        ready = Ready.parse(JSON.parse(told[1]!))
        resolve()
        return
      }
      kept.push(line)
      if (kept.length > linesKeptMax) kept.shift()
      if (line !== '') options.onLine?.(line)
    }
    for (const stream of [child.stdout!, child.stderr!]) createInterface({ input: stream }).on('line', read)
    void ended.then(() => resolve())
  })
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), stopMaxMs)
    await ended
    clearTimeout(timer)
  }
  const late = setTimeout(() => child.kill('SIGTERM'), startMaxMs)
  await started
  clearTimeout(late)
  const listener = ready?.listeners[0]
  if (!ready || !listener) {
    await stop()
    throw new EdgeFault(`the gateway did not start:\n${kept.join('\n')}`)
  }
  const line = ready.listeners.find(one => one.kind === 'cti')
  return {
    host: listener.host,
    port: listener.port,
    ...(line ? { telephony: { host: line.host, port: line.port } } : {}),
    health: ready.health,
    ended,
    stop,
  }
}
