// npm run demo: builds the console, starts a server with the embedded database, an edge gateway and the simulated city,
// prints the address and the sign-ins, and keeps running until Ctrl-C. `-- --smoke` does the same on an empty folder, waits until a client has
// seen units move, an incident open and a multi-trigger alert, prints one line and ends.
// It stands outside the house and uses its doors only. A second start takes the city that is there.
//
//   npm run demo [-- --smoke] [--port 8120] [--data .vigil/demo] [--scenario outbreak|quiet-day] [--seed 7] [--pace 360] [--fresh]
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createWriteStream, existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import type { Role } from '#contract/scalars.ts'
import { formatDay, getDayIndex } from '#contract/scalars.ts'
import { listHourFactors, SPEED_KMH, startCity } from './city.ts'
import { DoorClosed, openDoor } from './door.ts'
import { type Edge, enrolTerminals, startEdge } from './edge.ts'
import { drawGazetteer, writeGazetteer } from './gazetteer.ts'
import {
  type Desk,
  enrolDevice,
  type House,
  HouseFault,
  openAccount,
  removeDirectory,
  signIn,
  startHouse,
  takeOver,
  waitUntil,
} from './house.ts'
import { createLines } from './lines.ts'
import { playCity, scenarios } from './play.ts'
import { type City, createChance, packCity, packRoads, seedCity } from './seed.ts'
import { startTelephony, type Telephony } from './telephony.ts'
import { startTerminals, type Terminals } from './terminals.ts'
import { openWatch } from './watch.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const CITY_CODE = '330400'
/** How the city numbers its calls; the telephone system counts on from there. */
const CALL_PREFIX = 'CALL-'
const SMOKE_MAX_MS = 10 * 60_000
const HISTORY_DAYS = 60

/** Who can sign in to the demonstration. */
const PEOPLE: readonly {
  accountId: string
  name: string
  roles: readonly Role[]
  regions: readonly string[]
  unitIds?: readonly string[]
}[] = [
  { accountId: 'desk1', name: '调度员 陈', roles: ['dispatcher'], regions: [CITY_CODE] },
  { accountId: 'desk2', name: '调度员 林', roles: ['dispatcher'], regions: [CITY_CODE] },
  { accountId: 'leader', name: '班长 周', roles: ['shift-leader'], regions: [CITY_CODE] },
  { accountId: 'cdc1', name: '疾控 沈', roles: ['epidemiologist'], regions: [CITY_CODE] },
  { accountId: 'cdc2', name: '疾控 许', roles: ['epidemiologist'], regions: [CITY_CODE] },
  { accountId: 'hospital1', name: '急诊 吴', roles: ['hospital'], regions: ['330402'] },
  { accountId: 'crew1', name: '车组 001', roles: ['crew'], regions: ['330402'], unitIds: ['U-JX-001'] },
  { accountId: 'audit', name: '审计员 郑', roles: ['auditor'], regions: [] },
]

const Kept = z.object({
  password: z.string(),
  playerToken: z.string().optional(),
  gatewayToken: z.string().optional(),
  isReady: z.boolean(),
})
type Kept = z.infer<typeof Kept>
type Furnished = Kept & { playerToken: string; gatewayToken: string }
const Reset = z.object({ initialPassword: z.string() })

const say = (line: string): void => {
  process.stderr.write(`${line}\n`)
}

/** Words that are easy to type and still not guessable: 4 × 5 letters and digits, about 95 bits. */
function makePassword(): string {
  const letters = 'abcdefghjkmnpqrstuvwxyz23456789'
  const picked = [...randomBytes(20)].map(byte => letters[byte % letters.length]!)
  return [0, 5, 10, 15].map(at => picked.slice(at, at + 5).join('')).join('-')
}

async function findNewest(folder: string, depth = 0): Promise<number> {
  let newest = 0
  if (depth > 8) return newest
  for (const item of await readdir(folder, { withFileTypes: true })) {
    if (item.name === 'dist' || item.name === 'node_modules') continue
    const path = join(folder, item.name)
    newest = Math.max(newest, item.isDirectory() ? await findNewest(path, depth + 1) : (await stat(path)).mtimeMs)
  }
  return newest
}

/** Builds the console when its sources are newer than what was built. */
async function buildConsole(signal: AbortSignal): Promise<void> {
  const built = join(root, 'console/dist/index.html')
  if (!existsSync(join(root, 'console/index.html'))) return say('console: no sources here, nothing to build')
  const sources = Math.max(
    await findNewest(join(root, 'console')),
    await findNewest(join(root, 'server/contract')),
    (await stat(join(root, 'package-lock.json'))).mtimeMs,
  )
  if (existsSync(built) && (await stat(built)).mtimeMs >= sources) return say('console: up to date')
  say('console: building …')
  const child = spawn(process.execPath, ['node_modules/vite/bin/vite.js', 'build', 'console'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  })
  const output: string[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => output.push(text.toString()))
  const code = await new Promise<number | null>((done, fail) => {
    child.once('exit', done)
    child.once('error', fail)
  })
  if (code !== 0) throw new HouseFault(`the console could not be built:\n${output.join('').slice(-4_000)}`)
  say('console: built')
}

async function readKept(path: string): Promise<Kept | undefined> {
  if (!existsSync(path)) return undefined
  const parsed = Kept.safeParse(JSON.parse(await readFile(path, 'utf8')))
  return parsed.success ? parsed.data : undefined
}

async function writeKept(path: string, kept: Kept): Promise<void> {
  await writeFile(path, `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600 })
  await chmod(path, 0o600)
}

/** First steps in an empty house: administrator, player, people. Safe to repeat after a crash in between. */
async function furnish(house: House, keptPath: string): Promise<Furnished> {
  const before = await readKept(keptPath)
  if (before?.isReady && before.playerToken && before.gatewayToken) {
    return { ...before, playerToken: before.playerToken, gatewayToken: before.gatewayToken }
  }
  const kept: Kept = before ?? { password: makePassword(), isReady: false }
  // Kept before it is used: a crash in between must not lock everybody out.
  await writeKept(keptPath, kept)
  say('accounts: opening …')
  let admin: Desk
  try {
    admin =
      house.secret === undefined
        ? await signIn(house.url, 'admin', kept.password)
        : await takeOver(house.url, 'admin', house.secret, kept.password)
  } catch (error) {
    throw new HouseFault(
      `the demo's data were left half made; start once more with --fresh (${(error as Error).message})`,
    )
  }
  const made = await admin.ask<{ accounts: { accountId: string }[] }>('GET', '/v1/accounts')
  for (const person of PEOPLE) {
    if (made.accounts.some(account => account.accountId === person.accountId)) {
      const reset = Reset.parse(await admin.ask('PATCH', `/v1/accounts/${person.accountId}`, { resetPassword: true }))
      await takeOver(house.url, person.accountId, reset.initialPassword, kept.password)
    } else await openAccount(admin, person, kept.password)
  }
  const serial = randomBytes(4).toString('hex')
  const regions = [CITY_CODE]
  const player = { deviceId: `player-${serial}`, name: '模拟城市', role: 'player', regions } as const
  const gateway = { deviceId: `gateway-${serial}`, name: '边缘网关', role: 'gateway', regions } as const
  const done = {
    ...kept,
    playerToken: await enrolDevice(admin, player),
    gatewayToken: await enrolDevice(admin, gateway),
    isReady: true,
  }
  await writeKept(keptPath, done)
  return done
}

async function writePack(city: City, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  const day = formatDay(getDayIndex(Date.now()))
  await writeFile(join(folder, 'pack.json'), JSON.stringify(packCity(city, day)))
  const names = writeGazetteer(drawGazetteer(city), `demo-${city.seed}`, day)
  await writeFile(join(folder, 'gazetteer.ndjson'), `${names.join('\n')}\n`)
  await writeFile(join(folder, 'roads.json'), JSON.stringify(packRoads(city, day, SPEED_KMH, listHourFactors())))
}

function printAddress(house: House, password: string): void {
  const people = PEOPLE.map(one => `  ${one.accountId.padEnd(10)} ${one.name}  (${one.roles.join(', ')})`)
  process.stdout.write(
    [
      '',
      `守望 Vigil 演示 demo    ${house.url}`,
      '',
      '账号 sign-ins:',
      `  ${'admin'.padEnd(10)} 管理员  (administrator)`,
      ...people,
      `口令 password, for all: ${password}`,
      '',
      'Ctrl-C 结束 ends it',
      '',
    ].join('\n'),
  )
}

interface Seen {
  units: number
  moving: number
  incidents: number
  alerts: number
  firstMoveS: number
}

/** Waits as two signed-in people would until everything has been seen; undefined when the time is over. */
async function watchSmoke(
  house: House,
  password: string,
  startedAt: number,
  signal: AbortSignal,
): Promise<Seen | undefined> {
  const dispatcher = await signIn(house.url, 'desk1', password)
  const epidemiologist = await signIn(house.url, 'cdc1', password)
  const alerts = new Set<string>()
  const desk = openWatch({ url: house.url, cookie: dispatcher.cookie, onTrouble: say })
  const cdc = openWatch({
    url: house.url,
    cookie: epidemiologist.cookie,
    onTrouble: say,
    onAlert: alert => {
      if (alert.neededSources >= 2 && alert.independentSources >= alert.neededSources) alerts.add(alert.alertId)
    },
  })
  try {
    const hasOpen = (): boolean => [...desk.incidents.values()].some(incident => incident.state === 'open')
    const isSeen = (): boolean => desk.moved.size > 0 && hasOpen() && alerts.size > 0
    if (!(await waitUntil(isSeen, SMOKE_MAX_MS, signal, 200))) {
      say(`smoke: not seen in time: moving=${desk.moved.size} incidents=${desk.incidents.size} alerts=${alerts.size}`)
      return undefined
    }
    return {
      units: desk.units.size,
      moving: desk.moved.size,
      incidents: desk.incidents.size,
      alerts: alerts.size,
      firstMoveS: ((desk.firstMoveAt ?? Date.now()) - startedAt) / 1_000,
    }
  } finally {
    desk.close()
    cdc.close()
  }
}

async function main(): Promise<number> {
  const startedAt = Date.now()
  const { values } = parseArgs({
    options: {
      smoke: { type: 'boolean', default: false },
      port: { type: 'string' },
      data: { type: 'string' },
      scenario: { type: 'string', default: 'outbreak' },
      seed: { type: 'string', default: '7' },
      pace: { type: 'string' },
      fresh: { type: 'boolean', default: false },
    },
  })
  const scenario = scenarios[values.scenario]
  if (!scenario) {
    say(`unknown scenario ${values.scenario}; there are: ${Object.keys(scenarios).join(', ')}`)
    return 2
  }
  const end = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => end.abort())
  const isThrownAway = values.smoke && values.data === undefined
  const dataDirectory = isThrownAway
    ? await mkdtemp(join(tmpdir(), 'vigil-smoke-'))
    : resolve(root, values.data ?? '.vigil/demo')
  if (values.fresh) await removeDirectory(dataDirectory)
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 })
  const logFile = createWriteStream(join(dataDirectory, 'demo.log'), { flags: 'a', mode: 0o600 })
  let house: House | undefined
  let gateway: Edge | undefined
  let terminals: Terminals | undefined
  let telephony: Telephony | undefined
  try {
    await buildConsole(end.signal)
    say('city: drawing …')
    const seed = Number(values.seed)
    const pace = Number(values.pace ?? (values.smoke ? 1_440 : 360))
    const city = seedCity({ seed })
    await writePack(city, join(dataDirectory, 'pack'))
    say('server: starting with the embedded database …')
    house = await startHouse({
      dataDirectory,
      settings: {
        CLOCK: 'wall',
        PAGER: 'dry',
        VIGIL_DEMO: 'true',
        VIGIL_PORT: values.port ?? (values.smoke ? '0' : '8120'),
        VIGIL_REGION_PACK: join(dataDirectory, 'pack'),
        VIGIL_LOG_LEVEL: 'warn',
      },
      onLine: line => logFile.write(`${line}\n`),
      signal: end.signal,
    })
    say(`server: ${house.url}`)
    const kept = await furnish(house, join(dataDirectory, 'sign-ins.json'))
    // Every ambulance speaks as a vehicle terminal does, over TCP to the gateway; a monitor may be plugged in beside.
    const folder = join(dataDirectory, 'gateway')
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const enrolled = await enrolTerminals(city.units, join(folder, 'codes.json'))
    // And every call rings in the telephone system, which tells the gateway (docs/cti.md).
    const telephonyKey = randomBytes(18).toString('hex')
    gateway = await startEdge({
      directory: folder,
      serverUrl: house.url,
      token: kept.gatewayToken,
      terminals: enrolled,
      monitorUnitId: city.units.at(-1)!.id,
      telephony: {
        prefix: CALL_PREFIX,
        key: telephonyKey,
        regionCode: CITY_CODE,
        trunks: Object.fromEntries(city.regions.map(region => [region.code, region.code])),
      },
      onLine: line => logFile.write(`${line}\n`),
    })
    terminals = startTerminals({ host: gateway.host, port: gateway.port, terminals: enrolled })
    if (gateway.telephony) telephony = startTelephony({ ...gateway.telephony, key: telephonyKey })
    say(`gateway: ${enrolled.length} vehicle terminals on ${gateway.host}:${gateway.port}, health ${gateway.health}`)
    if (!values.smoke) printAddress(house, kept.password)
    return await live({
      house,
      city,
      kept,
      terminals,
      telephony,
      seed,
      scenario,
      isSmoke: values.smoke,
      pace,
      startedAt,
      end,
      dataDirectory,
    })
  } finally {
    await terminals?.stop()
    await telephony?.stop()
    await gateway?.stop()
    await house?.stop()
    logFile.end()
    if (isThrownAway) await removeDirectory(dataDirectory)
  }
}

/** Lets the city live in the house until the end, or until the smoke test has seen everything. */
async function live(options: {
  house: House
  city: City
  kept: Furnished
  terminals: Terminals
  telephony: Telephony | undefined
  seed: number
  scenario: NonNullable<(typeof scenarios)[string]>
  isSmoke: boolean
  /** Outbreak minutes that pass in a real minute. */
  pace: number
  startedAt: number
  end: AbortController
  dataDirectory: string
}): Promise<number> {
  const { house, end, kept } = options
  const state = startCity({
    city: options.city,
    chance: createChance(options.seed),
    scenario: options.scenario,
    startAt: Date.now(),
    // A demonstration is watched for minutes: calls come more often, crews work faster, two days of an outbreak pass in
    // eight minutes (two in the smoke test).
    callsPerDay: 2_600,
    firstCallMs: 5_000,
    dwellFactor: 0.35,
    outbreakPace: options.pace,
    fixEveryMs: 3_000,
    reportEveryMs: 60_000,
    manualShare: 0.2,
  })
  // History is told once for each house and day; more days than missing are no harm, a count replaces its period.
  const marker = join(options.dataDirectory, 'history-day')
  const today = formatDay(getDayIndex(state.startAt))
  const told = existsSync(marker) ? (await readFile(marker, 'utf8')).trim() : ''
  const gap =
    told === ''
      ? HISTORY_DAYS
      : Math.min(HISTORY_DAYS, getDayIndex(state.startAt) - getDayIndex(Date.parse(`${told}T00:00:00+08:00`)))
  const common = { url: house.url, token: kept.playerToken, signal: end.signal }
  const door = openDoor({ ...common, epoch: `play-${state.run}` })
  const historyDoor = openDoor({ ...common, epoch: `past-${state.run}` })
  const watch = openWatch({ url: house.url, token: kept.playerToken, onTrouble: why => say(`player: ${why}`) })
  const playing = playCity({
    state,
    door,
    historyDoor,
    clock: 'wall',
    speed: 1,
    historyDays: gap,
    hourlyDays: 0,
    register: true,
    watch,
    terminals: options.terminals,
    ...(options.telephony
      ? { lines: createLines({ telephony: options.telephony, calls: watch.calls, prefix: CALL_PREFIX }) }
      : {}),
    signal: end.signal,
    onProgress: line => say(`city: ${line}`),
  }).then(async () => {
    if (!end.signal.aborted) throw new DoorClosed('the city stopped by itself')
  })
  playing.catch(() => {})
  void writeFile(marker, today)
  try {
    if (!options.isSmoke) {
      await Promise.race([
        playing,
        house.ended.then(code => {
          if (!end.signal.aborted) throw new HouseFault(`the server ended with ${code}; see demo.log`)
        }),
      ])
      return 0
    }
    const seen = await Promise.race([
      watchSmoke(house, kept.password, options.startedAt, end.signal),
      playing.then(() => undefined),
    ])
    if (!seen) return 1
    process.stdout.write(
      `smoke: units=${seen.units} moving=${seen.moving} incidents=${seen.incidents} alerts=${seen.alerts} firstMoveS=${seen.firstMoveS.toFixed(1)}\n`,
    )
    return 0
  } finally {
    end.abort()
    watch.close()
    await playing.catch(error => {
      if (!(error instanceof DoorClosed)) throw error
    })
    for (const one of [...door.totals.refused.values(), ...historyDoor.totals.refused.values()]) {
      say(`refused ${one.count} × ${one.kind} ${one.code}: ${one.zh} / ${one.en}`)
    }
  }
}

process.exitCode = await main().catch(error => {
  say(error instanceof Error ? error.message : String(error))
  return 1
})
