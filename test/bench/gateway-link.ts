/**
 * Bench of the gateway as a process before a real server (embedded database, in this process): simulated terminals at 1 Hz over
 * TCP until the log, then a backlog drained after the link was shut. Prints what was lost (nothing), the gateway's own CPU and
 * the rate of the drain. `node test/bench/gateway-link.ts [terminals] [seconds] [backlog seconds]`.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { GatewayHealth } from '../../edge-gateway/health.ts'
import { startTerminals } from '../../simulations/terminals.ts'
import { makeCity } from '../help/line.ts'
import { startTestServer } from '../help/server.ts'

const root = resolve(import.meta.dirname, '../..')
/** Clock ticks of /proc in a second: a constant of Linux's user interface. */
const ticksPerSecond = 100
const waitMs = (ms: number) => new Promise(done => setTimeout(done, ms))

/** CPU seconds a process has used. */
function readCpuS(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

const [terminalsCount = 500, seconds = 20, backlogS = 40] = process.argv.slice(2).map(Number)
const directory = mkdtempSync(join(tmpdir(), 'vigil-link-'))
const server = await startTestServer({ directory: join(directory, 'server') })
const now = Date.now()
const city = makeCity(terminalsCount)
for (let from = 0; from < city.length; from += 1_000)
  await server.writer.submit(city.slice(from, from + 1_000).map(e => ({ ...e, occurredAt: now, receivedAt: now })))
const made = await server.identity.devices.enrol(
  { deviceId: 'gateway-1', name: 'gateway', role: 'gateway', regions: ['330400'], unitIds: [] },
  'bench',
)
if ('code' in made) throw new Error(made.code)
const tokenFile = join(directory, 'token')
writeFileSync(tokenFile, made.token, { mode: 0o600 })
const enrolled = Array.from({ length: terminalsCount }, (_, index) => ({
  number: String(13_900_000_001 + index),
  unitId: `U${index + 1}`,
  authCode: `bench-${index}`,
}))
const configFile = join(directory, 'gateway.json')
writeFileSync(
  configFile,
  JSON.stringify({
    server: { urls: [server.url], tokenFile },
    spool: { directory: 'spool' },
    health: { port: 0 },
    limits: { strangersMax: terminalsCount + 10 },
    sources: [{ kind: 'jt808', port: 0, terminals: enrolled }],
  }),
)
const child = spawn(process.execPath, ['edge-gateway/main.ts', '--config', configFile], {
  cwd: root,
  stdio: ['ignore', 'pipe', 'ignore'],
})
try {
  const ready = await new Promise<{ health: string; listeners: { port: number }[] }>(done => {
    let said = ''
    child.stdout.on('data', chunk => {
      said += chunk
      const told = /^gateway ready (.*)$/m.exec(said)
      if (told) done(JSON.parse(told[1]!))
    })
  })
  const read = async () => (await (await fetch(`${ready.health}/healthz`)).json()) as GatewayHealth
  const terminals = startTerminals({ host: '127.0.0.1', port: ready.listeners[0]!.port, terminals: enrolled })
  while (terminals.totals().connected < terminalsCount) await waitMs(50)
  const place = (index: number, n: number) => ({ lon: 120.5 + index / 1e4, lat: 30.5 + n / 1e5 })

  const cpuBefore = readCpuS(child.pid!)
  const startedAt = Date.now()
  for (let n = 0; n < seconds; n++) {
    const at = startedAt + n * 1_000
    await waitMs(Math.max(0, at - Date.now()))
    // the protocol counts whole seconds
    for (const [index, { unitId }] of enrolled.entries())
      terminals.report(unitId, { at: Math.floor(at / 1_000) * 1_000, ...place(index, n) })
  }
  const sent = terminalsCount * seconds
  while ((await read()).uplink.done < sent) await waitMs(50)
  const tookS = (Date.now() - startedAt) / 1_000
  const gatewayCpuS = readCpuS(child.pid!) - cpuBefore

  writeFileSync(tokenFile, 'shut-shut-shut-shut')
  const pastAt = Math.floor(now / 1_000) * 1_000 - 3_600_000
  for (let n = 0; n < backlogS; n++) {
    for (const [index, { unitId }] of enrolled.entries())
      terminals.report(unitId, { at: pastAt + n * 1_000, ...place(index, n) })
    while (terminals.totals().kept > terminalsCount * 5) await waitMs(5)
  }
  while (terminals.totals().kept > 0) await waitMs(50)
  const backlog = (await read()).spool.waitingCount
  writeFileSync(tokenFile, made.token)
  const before = (await read()).uplink.done
  let first: number | undefined
  let health = await read()
  const cpuDrain = readCpuS(child.pid!)
  for (; health.spool.waitingCount > 0; health = await read()) {
    if (first === undefined && health.uplink.done > before) first = Date.now()
    await waitMs(20)
  }
  const drainS = (Date.now() - (first ?? Date.now())) / 1_000
  const drainCpuS = readCpuS(child.pid!) - cpuDrain
  const { rows } = await server.database.pool.query<{ n: string; d: string }>(
    'SELECT count(*) AS n, count(DISTINCT (unit_id, occurred_at)) AS d FROM position',
  )
  console.log(
    JSON.stringify(
      {
        load: loadavg()[0],
        live: {
          terminals: terminalsCount,
          seconds,
          sent,
          tookS,
          gatewayCpuS,
          cpuMsPerEntry: (gatewayCpuS * 1_000) / sent,
        },
        drain: { backlog, drainS, entriesPerS: Math.round(backlog / drainS), gatewayCpuS: drainCpuS },
        log: {
          positions: Number(rows[0]!.n),
          distinct: Number(rows[0]!.d),
          expected: sent + terminalsCount * backlogS,
        },
        refused: health.uplink.refused,
        terminals: terminals.totals(),
      },
      null,
      2,
    ),
  )
  await terminals.stop()
} finally {
  child.kill('SIGTERM')
  await new Promise(done => child.once('exit', done))
  await server.stop()
  rmSync(directory, { recursive: true, force: true })
}
