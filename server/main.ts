/**
 * Main: builds the line, opens the doors, closes them in reverse. No logic: every decision stands in the part it joins.
 *
 *   all        database → line → identity → doors, in one process
 *   line       the appender of a city, or its standby; doors of other processes reach it by the bus
 *   intake     the door in; fanout: the door out; both over a follower of the log
 */
import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { type Logger, pino } from 'pino'
import { kinds } from '#contract/entry.ts'
import { underWayMax } from './bus/bus.ts'
import { startFollower } from './bus/follower.ts'
import { openRedisBus } from './bus/redis.ts'
import { type Config, isServedSecurely, loadConfig, maskConfig } from './config.ts'
import { migrate } from './database/migrate.ts'
import { type Database, isDatabaseAway, openDatabase } from './database/pool.ts'
import { openDoors, serverVersion } from './doors.ts'
import { createIdentity, type Identity } from './identity/identity.ts'
import { loadMasterKey } from './identity/master-key.ts'
import { createVoice, describeCity, type House, type Line, type OnError, openLine } from './line.ts'
import type { Log } from './log/log.ts'
import { openPostgresLog } from './log/postgres.ts'
import type { Writer } from './log/writer.ts'
import { createEntriesClock, createWallClock } from './operations/clock.ts'
import { settleForgotten } from './operations/forgotten.ts'
import { findSealedRecord, listForgotten } from './operations/records.ts'
import { isRestored } from './operations/sql.ts'
import { advance } from './pipeline.ts'
import type { World } from './state/world.ts'

export { serverVersion } from './doors.ts'

export type Server = {
  app: FastifyInstance
  url: string
  port: number
  world: World
  identity: Identity
  database: Database
  stop(): Promise<void>
}
/** A server that is the line and the doors in one. */
export type WholeServer = Server & {
  log: Log
  writer: Writer
  /** The first administrator, at the first start of an empty database; shown once. */
  first: { accountId: string; secret: string } | undefined
  makeCheckpoint(): Promise<unknown>
}

type Ground = { config: Config; database: Database; logger: Logger; onError: OnError }

async function openGround(config: Config): Promise<Ground> {
  mkdirSync(config.dataDirectory, { recursive: true, mode: 0o700 })
  const logger = pino({ level: config.logLevel, base: { app: 'vigil', role: config.role } })
  logger.info({ config: maskConfig(config) }, 'starting')
  const database = await openDatabase({
    ...(config.databaseUrl === undefined ? {} : { databaseUrl: config.databaseUrl }),
    directory: join(config.dataDirectory, 'database'),
    ...(config.embeddedPort === undefined ? {} : { port: config.embeddedPort }),
    onState: (state, detail) => logger.warn({ state, detail }, 'database'),
  })
  await migrate(database)
  const onError: OnError = where => error => {
    const { name, code, message } = error as Error & { code?: string }
    logger.error({ err: { name, code, message } }, where)
  }
  return { config, database, logger, onError }
}

async function openIdentity({ config, database, onError }: Ground, house: House): Promise<Identity> {
  return createIdentity({
    pool: database.pool,
    masterKey: await loadMasterKey(config.masterKeyFile, { create: database.kind === 'embedded' }),
    say: ({ kind, body, actor }) => house.say(kind, body, actor),
    findSealed: (recordKind, recordId) => findSealedRecord(database.pool, house.world, recordKind, recordId),
    regions: () => house.world.regions,
    isSecure: isServedSecurely(config),
    origins: config.publicUrl === undefined ? [] : [new URL(config.publicUrl).origin],
    onFault: onError('identity'),
  })
}

/** Opens identity beside a line: the first administrator, and what a restore brought back although it was forgotten. */
async function settleIdentity({ config, database }: Ground, line: Line, identity: Identity) {
  const { first } = await identity.open()
  await settleForgotten(join(config.dataDirectory, 'forgotten.jsonl'), await listForgotten(database.pool), {
    forget: erasures => identity.sealer.forgetMany(erasures),
    say: body => line.say('person.forgotten', body),
  })
  return first
}

/** Starts a whole server on a configuration. `onFatal` ends the process (a bug, or a lost lease). */
export async function startServer(
  config: Config,
  onFatal: (error: Error) => void = () => process.exit(70),
): Promise<WholeServer> {
  const ground = await openGround(config)
  const line = await openLine({ ...ground, onFatal, standsBy: false })
  const identity = await openIdentity(ground, line)
  const first = await settleIdentity(ground, line, identity)
  const doors = await openDoors({
    ...ground,
    identity,
    house: line,
    hasIntake: true,
    hasFanout: true,
    describe: () => ({ role: 'all' }),
  })
  line.run(doors.url, true)
  doors.open()
  ground.logger.info({ url: doors.url, seq: line.world.seq }, 'ready')
  return {
    ...pickServer(ground, line, identity, doors),
    log: line.log,
    writer: line.writer,
    first,
    makeCheckpoint: line.makeCheckpoint,
    stop: once(async () => {
      await doors.close()
      await line.stop()
      identity.close()
      await ground.database.close()
      ground.logger.info({ seq: line.world.seq }, 'stopped')
    }),
  }
}

/** Starts the line of a city alone: it waits as a standby until the lease is free, and serves the doors of other processes. */
export async function startLine(
  config: Config,
  onFatal: (error: Error) => void = () => process.exit(70),
  onStandby: () => void = () => undefined,
): Promise<WholeServer> {
  const ground = await openGround(config)
  const { logger, onError } = ground
  const line = await openLine({ ...ground, onFatal, standsBy: true, onStandby })
  const bus = await openRedisBus({
    url: config.redisUrl!,
    city: line.incarnation,
    onState: state => logger.warn({ state }, 'bus'),
    onError: onError('bus'),
  })
  line.onApplied(entries => bus.publish({ entries }))
  const stopServing = bus.serve((entries, lanes) => {
    const laneOf = new Map(entries.map((entry, i) => [entry, lanes[i]!]))
    return line.submit(entries, entry => laneOf.get(entry)!)
  })
  const identity = await openIdentity(ground, line)
  const first = await settleIdentity(ground, line, identity)
  const doors = await openDoors({
    ...ground,
    identity,
    house: line,
    hasIntake: false,
    hasFanout: false,
    describe: () => ({ role: 'line', bus: bus.getState() }),
  })
  line.run(doors.url, false)
  doors.open()
  logger.info({ url: doors.url, seq: line.world.seq }, 'leads')
  return {
    ...pickServer(ground, line, identity, doors),
    log: line.log,
    writer: line.writer,
    first,
    makeCheckpoint: line.makeCheckpoint,
    stop: once(async () => {
      await stopServing()
      await doors.close()
      await line.stop()
      await bus.close()
      identity.close()
      await ground.database.close()
    }),
  }
}

/** Starts doors of a city whose line runs elsewhere. */
export async function startFollowing(
  config: Config,
  onFatal: (error: Error) => void = () => process.exit(70),
): Promise<Server> {
  const ground = await openGround(config)
  const { database, logger, onError } = ground
  const log = await openPostgresLog(database.linePool)
  const bus = await openRedisBus({
    url: config.redisUrl!,
    city: log.incarnation,
    onState: state => logger.warn({ state }, 'bus'),
    onError: onError('bus'),
  })
  const listeners = new Set<Parameters<House['onApplied']>[0]>()
  const follower = await startFollower({
    log,
    bus,
    advance,
    isAway: isDatabaseAway,
    onApplied: entries => {
      for (const listener of listeners) listener(entries)
    },
    onAway: onError('following'),
    onFatal: error => {
      logger.fatal({ err: error }, 'following stops')
      onFatal(error)
    },
  })
  const { world, touched } = follower
  const clock = config.clock === 'wall' ? createWallClock(world.city.now) : createEntriesClock(world.city.tickedAt)
  listeners.add(entries => {
    for (const entry of entries) clock.observe(entry)
  })
  const pager =
    config.pager === 'live' && config.clock === 'wall' && !(await isRestored(database.pool)) ? 'live' : 'dry'
  const now = () => clock.now()
  const submit: House['submit'] = (entries, laneOf = entry => kinds[entry.kind].lane) =>
    bus.submit(entries, entries.map(laneOf))
  const epoch = `boot-${randomUUID()}`
  const house: House = {
    world,
    touched,
    incarnation: log.incarnation,
    epoch,
    now,
    submit,
    hasRoom: counts => bus.countUnderWay() + counts.urgent + counts.live + counts.backfill <= underWayMax,
    getHeadSeq: () => world.seq,
    getState: () => ({
      state: bus.getState() === 'ready' ? 'ready' : 'away',
      waiting: { urgent: 0, live: bus.countUnderWay(), backfill: 0 },
      commits: 0,
    }),
    say: createVoice(epoch, now, submit),
    onApplied: listener => void listeners.add(listener),
    getCity: () => describeCity(world, now(), config.clock, pager),
    beforeFlush: () => undefined,
    projectionWaiting: () => 0,
  }
  const identity = await openIdentity(ground, house)
  const doors = await openDoors({
    ...ground,
    identity,
    house,
    hasIntake: config.role === 'intake',
    hasFanout: config.role === 'fanout',
    describe: () => ({ role: config.role, bus: bus.getState(), worldAgeMs: Date.now() - follower.getLevelAt() }),
  })
  doors.open()
  logger.info({ url: doors.url, seq: world.seq }, 'follows')
  return {
    ...pickServer(ground, house, identity, doors),
    stop: once(async () => {
      await doors.close()
      await follower.stop()
      await bus.close()
      identity.close()
      await database.close()
    }),
  }
}

function pickServer(
  { database }: Ground,
  { world }: House,
  identity: Identity,
  { app, url, port }: Awaited<ReturnType<typeof openDoors>>,
): Omit<Server, 'stop'> {
  return { app, url, port, world, identity, database }
}

function once(work: () => Promise<void>): () => Promise<void> {
  let under: Promise<void> | undefined
  return () => (under ??= work())
}

/** Starts what the configuration says this process is. */
function startRole(config: Config): Promise<Server & { first?: WholeServer['first'] }> {
  if (config.role === 'all') return startServer(config)
  if (config.role !== 'line') return startFollowing(config)
  return startLine(config, undefined, () => process.stdout.write('待命 standby: another process leads this city\n'))
}

if (import.meta.main) {
  const server = await startRole(loadConfig()).catch(error => {
    process.stderr.write(`${(error as Error).message}\n`)
    process.exit(78)
  })
  if (server.first)
    process.stdout.write(
      `\n首位管理员 first administrator: ${server.first.accountId}\n一次性口令 one-time password: ${server.first.secret}\n(只显示一次 shown once)\n\n`,
    )
  process.stdout.write(`守望 Vigil ${serverVersion}  ${server.url}\n`)
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void server.stop().then(() => process.exit(0)))
}
