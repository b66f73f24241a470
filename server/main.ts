/**
 * Main: builds the line, opens the doors, closes them in reverse. No logic: every decision stands in the part it joins.
 *
 *   database → log → boot (checkpoint + tail) → writer → identity → intake, query, fan-out, pager, projections → ticker
 */
import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Server as HttpServer } from 'node:http'
import { join, resolve } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import type { Entry, Kind } from '#contract/entry.ts'
import { describeReject, type Reject, reject } from '#contract/errors.ts'
import type { CityView, SessionView } from '#contract/view.ts'
import type { BasemapPack, EntriesRequest } from '#contract/wire.ts'
import { createApp } from './app.ts'
import { type Config, loadConfig, maskConfig } from './config.ts'
import { SOCKET_PORT } from './database/embedded/embedded.ts'
import { migrate } from './database/migrate.ts'
import { type Database, isDatabaseAway, isDataFault, openDatabase } from './database/pool.ts'
import { judgeSeries } from './detect/band.ts'
import { defaultCalendar } from './detect/default-calendar.ts'
import { defaultRules } from './detect/default-rules.ts'
import { startPager } from './fanout/pager.ts'
import { registerReceiptRoute } from './fanout/receipts.ts'
import { type Client, startFanout } from './fanout/socket.ts'
import { levelCounts } from './fanout/sql.ts'
import { startTables } from './fanout/tables.ts'
import { createIdentity, type Identity } from './identity/identity.ts'
import { loadMasterKey } from './identity/master-key.ts'
import { findActor, isInScope, listRoles, mayUse, type Principal } from './identity/permissions.ts'
import { registerIdentityRoutes } from './identity/routes.ts'
import { createSight, judgeSaying } from './identity/sight.ts'
import type { Speaker } from './intake/admit.ts'
import { createEpochGate } from './intake/epochs.ts'
import { type IntakePorts, registerIntakeRoutes, takeEntries } from './intake/routes.ts'
import { rebuildWorld, storeUndecided } from './log/boot.ts'
import { hashSlices, sliceWorld } from './log/checkpoint.ts'
import type { Log } from './log/log.ts'
import { openPostgresLog, releaseLease, takeLease } from './log/postgres.ts'
import { startWriter, type Writer } from './log/writer.ts'
import { createAdvisor } from './operations/advice.ts'
import { startCheckpoints } from './operations/checkpoints.ts'
import { createEntriesClock, createWallClock } from './operations/clock.ts'
import { noteForgotten, settleForgotten } from './operations/forgotten.ts'
import { startJobs } from './operations/jobs.ts'
import { createMetrics } from './operations/metrics.ts'
import { findSealedRecord, listForgotten } from './operations/records.ts'
import { isRestored } from './operations/sql.ts'
import { startTicker } from './operations/ticker.ts'
import { advance, coreVersion } from './pipeline.ts'
import { registerDutyRoutes } from './query/duty-routes.ts'
import { registerReportRoutes } from './query/report-routes.ts'
import { type QueryPorts, registerQueryRoutes } from './query/routes.ts'
import { startRoadThread } from './roads/thread.ts'
import { createTravel } from './roads/travel.ts'
import { getSourceKey } from './state/sources.ts'
import { createTouched, type World } from './state/world.ts'

export const serverVersion = '0.1.0'
/** A standby or a restart waits this long for the former holder's lease to end. */
const leaseWaitMaxMs = 20_000

export type Server = {
  app: FastifyInstance
  url: string
  port: number
  world: World
  log: Log
  writer: Writer
  identity: Identity
  database: Database
  /** The first administrator, at the first start of an empty database; shown once. */
  first: { accountId: string; secret: string } | undefined
  makeCheckpoint(): Promise<unknown>
  stop(): Promise<void>
}

async function readBasemap(directory: string | undefined): Promise<BasemapPack | undefined> {
  return directory === undefined
    ? undefined
    : (JSON.parse(await readFile(join(directory, 'pack.json'), 'utf8')) as BasemapPack)
}

/** Opens the era of a fresh log, or a new one when this release folds differently from the one that wrote the log. */
async function openEra(log: Log, world: World): Promise<void> {
  const era = await log.findEra()
  if (era?.coreVersion === coreVersion) return
  const eraNo = (era?.eraNo ?? 0) + 1
  if (era) {
    const slices = [...sliceWorld(world)]
    await log.saveCheckpoint({ seq: world.seq, eraNo, coreVersion, hash: hashSlices(slices), slices })
  }
  await log.startEra({
    eraNo,
    openingSeq: world.seq,
    coreVersion,
    reason: era ? `core ${era.coreVersion} → ${coreVersion}` : 'first start',
  })
}

/** Starts a whole server on a configuration. `onFatal` ends the process (a bug, or a lost lease). */
export async function startServer(
  config: Config,
  onFatal: (error: Error) => void = () => process.exit(70),
): Promise<Server> {
  mkdirSync(config.dataDirectory, { recursive: true, mode: 0o700 })
  const logger = pino({ level: config.logLevel, base: { app: 'vigil' } })
  logger.info({ config: maskConfig(config) }, 'starting')
  const onError = (where: string) => (error: unknown) =>
    logger.error(
      {
        err: {
          name: (error as Error).name,
          code: (error as { code?: string }).code,
          message: (error as Error).message,
        },
      },
      where,
    )

  const database = await openDatabase({
    ...(config.databaseUrl === undefined ? {} : { databaseUrl: config.databaseUrl }),
    directory: join(config.dataDirectory, 'database'),
    ...(config.embeddedPort === undefined ? {} : { port: config.embeddedPort }),
    onState: (state, detail) => logger.warn({ state, detail }, 'database'),
  })
  await migrate(database)
  const holder = database.kind === 'embedded' ? 'embedded' : randomUUID()
  const fence = await takeLease(database.linePool, 'line', holder, leaseWaitMaxMs)
  const log = await openPostgresLog(database.linePool, fence)

  const rebuilt = await rebuildWorld(log, advance)
  const { world } = rebuilt
  if (rebuilt.damagedSeqs.length > 0)
    logger.error({ seqs: rebuilt.damagedSeqs }, 'checkpoints damaged: an older one was used')
  const head = await storeUndecided(log, await log.getHead(), rebuilt.undecided)
  await openEra(log, world)
  logger.info(
    { seq: world.seq, replayed: rebuilt.replayed, fromCheckpointSeq: rebuilt.fromCheckpointSeq },
    'world rebuilt',
  )

  const clock =
    config.clock === 'wall'
      ? createWallClock(head.loggedAt)
      : createEntriesClock(world.city.tickedAt || Date.UTC(2000, 0, 1))
  const touched = createTouched()
  const epoch = `boot-${randomUUID()}`
  let isFencedOut = false
  const appliedListeners = new Set<(entries: readonly Entry[]) => void>()
  const writer = startWriter(
    {
      log,
      world,
      touched,
      advance,
      clock,
      isAway: isDatabaseAway,
      isDataFault,
      onApplied: entries => {
        for (const listener of appliedListeners) listener(entries)
      },
      onFatal: (error, entry) => {
        isFencedOut = true
        logger.fatal({ err: error, seq: entry?.seq, kind: entry?.kind }, 'the line stops')
        onFatal(error)
      },
      onState: state => logger.warn({ state }, 'writer'),
    },
    head,
  )

  let ownSeq = 0
  /** The house says something about itself; throws when it could not be made durable. */
  const say = async (kind: Kind, body: unknown, actor?: Entry['actor']): Promise<void> => {
    ownSeq++
    const at = clock.now()
    const entry = {
      seq: 0,
      loggedAt: 0,
      kind,
      source: 'house',
      epoch,
      sourceSeq: ownSeq,
      ...(actor ? { actor } : {}),
      occurredAt: at,
      receivedAt: at,
      body,
    }
    const [told] = await writer.submit([entry as unknown as Entry])
    if (told!.result !== 'done') throw new Error(`${kind}: ${told!.reject?.code ?? 'refused'}`)
  }

  const isSecure = config.tls !== undefined || config.publicUrl?.startsWith('https:') === true
  const identity = createIdentity({
    pool: database.pool,
    masterKey: await loadMasterKey(config.masterKeyFile, { create: database.kind === 'embedded' }),
    say: ({ kind, body, actor }) => say(kind, body, actor),
    findSealed: (recordKind, recordId) => findSealedRecord(database.pool, world, recordKind, recordId),
    regions: () => world.regions,
    isSecure,
    origins: config.publicUrl === undefined ? [] : [new URL(config.publicUrl).origin],
    onFault: onError('identity'),
  })
  const { first } = await identity.open()
  const forgottenFile = join(config.dataDirectory, 'forgotten.jsonl')
  await settleForgotten(forgottenFile, await listForgotten(database.pool), {
    forget: erasures => identity.sealer.forgetMany(erasures),
    say: body => say('person.forgotten', body),
  })
  appliedListeners.add(entries => noteForgotten(forgottenFile, entries, onError('forgotten')))
  for (const poison of rebuilt.quarantined)
    await say('entry.quarantined', { entrySeq: poison.seq, kind: poison.kind, fault: poison.fault })

  if (world.city.rulesVersion === 0) await say('rule.published', { version: 1, rules: defaultRules })
  if (!world.city.calendarVersion) await say('calendar.published', { version: 1, spans: defaultCalendar })

  // A restored or replayed city is dry: it knows pages that were sent long ago, from where the live city now is.
  const pagerMode =
    config.pager === 'live' && config.clock === 'wall' && !(await isRestored(database.pool)) ? 'live' : 'dry'
  if (config.pager !== pagerMode) logger.warn({ pager: pagerMode }, 'this city is restored or played: pages stay dry')
  const getCity = (): CityView => ({
    now: clock.now(),
    clock: config.clock,
    pager: pagerMode,
    quarantined: world.city.quarantined,
    lastTickGapMs: world.city.lastTickGapMs,
    rulesVersion: world.city.rulesVersion,
    regionsVersion: world.city.regionsVersion,
  })
  const basemap = await readBasemap(config.regionPack)
  // A pack of roads that is refused stops nobody: advice goes by the straight line and says why.
  const roads =
    config.regionPack === undefined
      ? undefined
      : startRoadThread({
          directory: config.regionPack,
          onRoads: held => logger.info(held, 'roads'),
          onRefused: refused => logger.error(refused, 'roads refused'),
          onError: onError('roads'),
        })
  const travel = createTravel(roads)
  const advisor = createAdvisor({ world, travel, now: () => clock.now() })

  const toSpeaker = (principal: Principal): Speaker => {
    const actor = findActor(principal)
    return {
      source: principal.type === 'account' ? `desk:${principal.accountId}` : principal.deviceId,
      ...(actor ? { actor } : {}),
      isRelay: principal.type === 'device' && (principal.role === 'gateway' || principal.role === 'player'),
      judge: (kind, body) => judgeSaying(principal, world, config.clock, kind, body),
      covers: regionCode => isInScope(principal, regionCode, world.regions),
    }
  }
  const metrics = createMetrics({
    logSeq: () => writer.getHead().seq,
    worldSeq: () => world.seq,
    waiting: () => writer.getState().waiting,
    commits: () => writer.getState().commits,
    clients: () => fanout.countClients(),
    openAlerts: () => [...world.alerts.values()].filter(a => a.state === 'open').length,
    quarantined: () => world.city.quarantined,
    tickAgeMs: () => clock.now() - world.city.tickedAt,
    projectionWaiting: () => tables.waiting(),
  })
  const admitRoute = async (
    headers: Parameters<Identity['authenticate']>[0],
    route: string,
  ): Promise<Principal | Reject> => {
    const principal = await identity.authenticate(headers)
    if ('code' in principal) return principal
    return mayUse(principal, route) ? principal : reject('ROLE_FORBIDDEN')
  }
  const intake: IntakePorts = {
    world,
    incarnation: () => log.incarnation,
    cityNow: () => clock.now(),
    isPlayed: config.clock === 'entries',
    async authenticate(request) {
      const foreign = identity.admitOrigin(request.headers)
      if (foreign) return foreign
      const principal = await admitRoute(request.headers, 'POST /v1/entries')
      return 'code' in principal ? principal : toSpeaker(principal)
    },
    seal: items => identity.sealer.sealMany(items),
    hashNumber: text => identity.sealer.hashNumber(text),
    isAway: isDatabaseAway,
    isWriterAway: () => writer.getState().state === 'away',
    submit: (entries, laneOf) => writer.submit(entries, laneOf),
    hasRoom: counts => writer.hasRoom(counts),
    epochs: createEpochGate((source, began) => world.sources.has(getSourceKey(source, began))),
    count: metrics.count,
  }

  await levelCounts(database.pool)
  const tables = startTables(database.pool, world, onError('tables'))
  let isReady = false
  const app = await createApp(
    {
      version: serverVersion,
      ...(config.tls ? { tls: config.tls } : {}),
      consoleDirectory: resolve(import.meta.dirname, '../console/dist'),
      mapbox: config.mapboxToken !== undefined,
      isBehindProxy: config.tls === undefined && isSecure,
      health: () => ({ isAlive: true }),
      readiness: () => ({
        isReady: isReady && writer.getState().state === 'ready',
        seq: world.seq,
        logSeq: writer.getHead().seq,
        lag: writer.getHead().seq - world.seq,
        database: writer.getState().state,
        clock: config.clock,
        pager: getCity().pager,
        version: serverVersion,
      }),
      metrics: metrics.read,
      isAway: isDatabaseAway,
      async guard(request, route) {
        const isLoopback = request.ip === '127.0.0.1' || request.ip === '::1'
        if (mayUse(undefined, route, isLoopback)) return undefined
        const principal = await identity.authenticate(request.headers)
        if ('code' in principal) return principal
        return mayUse(principal, route, isLoopback) ? undefined : reject('ROLE_FORBIDDEN')
      },
      onFault(error, request) {
        const incident = request.id
        logger.error(
          {
            err: {
              name: error.name,
              code: (error as { code?: string }).code,
              stack: error.stack?.split('\n').slice(1, 6),
            },
            incident,
            route: request.routeOptions?.url,
          },
          'request failed',
        )
        return incident
      },
    },
    async app => {
      await app.register(async scope => registerIdentityRoutes(scope, identity))
      registerIntakeRoutes(app, intake)
      registerReceiptRoute(app, {
        ...(config.pagerSecret === undefined ? {} : { secret: config.pagerSecret }),
        hasPage: pageId => world.pages.has(pageId),
        say: body => say('page.receipted', body),
      })
      const queryPorts: QueryPorts = {
        pool: database.pool,
        world,
        basemap,
        now: () => clock.now(),
        settings: () => ({
          version: serverVersion,
          demo: config.demo,
          clock: config.clock,
          pager: getCity().pager,
        }),
        mapboxToken: config.mapboxToken,
        async authenticate(request, route) {
          const principal = await admitRoute(request.headers, route)
          return 'code' in principal ? principal : createSight(principal, world)
        },
        judge: judgeSeries,
        advise: advisor.advise,
      }
      registerQueryRoutes(app, queryPorts)
      registerReportRoutes(app, queryPorts)
      registerDutyRoutes(app, queryPorts)
    },
  )
  await app.ready()

  const clients = new WeakMap<Client, Principal>()
  const fanout = startFanout(app.server as HttpServer, {
    world,
    touched,
    getCity,
    incarnation: log.incarnation,
    serverVersion,
    origins: config.publicUrl === undefined ? [] : [new URL(config.publicUrl).origin],
    beforeFlush: () => tables.note(touched),
    async authenticate(headers) {
      const foreign = identity.admitOrigin(headers as Parameters<Identity['admitOrigin']>[0])
      if (foreign) return foreign
      const principal = await admitRoute(headers as Parameters<Identity['authenticate']>[0], 'GET /v1/socket')
      if ('code' in principal) return principal
      const client: Client = {
        session: await describeSession(headers, principal),
        scope: createSight(principal, world),
      }
      clients.set(client, principal)
      return client
    },
    watch: (client, onEnd) => identity.watch(clients.get(client)!, onEnd),
    onGone: client => clients.delete(client),
    async isStillSignedIn(client) {
      await identity.touch(clients.get(client)!)
      return clients.has(client)
    },
    async submit(client, request: EntriesRequest) {
      const principal = clients.get(client)!
      const take = mayUse(principal, 'POST /v1/entries')
        ? takeEntries(request.entries, toSpeaker(principal), intake)
        : Promise.resolve({ refused: reject('ROLE_FORBIDDEN') })
      // A click is always answered, also when something broke on the way.
      const answer = await take.catch(error => {
        const incident = randomUUID()
        onError(`submit ${incident}`)(error)
        return { refused: isDatabaseAway(error) ? reject('DATABASE_AWAY') : reject('INTERNAL', { incident }) }
      })
      if (!('refused' in answer)) return answer
      const { http: _http, ...text } = describeReject(answer.refused)
      return text
    },
    onError: onError('fanout'),
  })
  const describeSession = async (
    headers: Parameters<Identity['findSession']>[0],
    principal: Principal,
  ): Promise<SessionView> => {
    const { toSessionView } = await import('./identity/sessions.ts')
    const row = principal.type === 'account' ? await identity.findSession(headers) : undefined
    if (row) return toSessionView(row)
    const id = principal.type === 'device' ? principal.deviceId : principal.accountId
    return {
      accountId: id,
      name: id,
      roles: [...listRoles(principal)],
      regions: [...principal.regions],
      expiresAt: Date.UTC(2099, 0, 1),
      mustChangePassword: false,
    }
  }
  appliedListeners.add(entries => {
    fanout.onApplied(entries)
    tables.onApplied(entries)
  })

  await app.listen({ host: config.host, port: config.port })
  const address = app.server.address()
  const port = typeof address === 'object' && address ? address.port : config.port
  const url = `${config.tls ? 'https' : 'http'}://${config.host}:${port}`

  const stopPager = startPager(epoch, {
    world,
    isLive: getCity().pager === 'live',
    ...(config.pagerSmsUrl === undefined ? {} : { smsUrl: config.pagerSmsUrl }),
    ...(config.pagerWebhookUrl === undefined ? {} : { webhookUrl: config.pagerWebhookUrl }),
    ...(config.pagerSecret === undefined ? {} : { secret: config.pagerSecret }),
    publicUrl: config.publicUrl ?? url,
    now: () => clock.now(),
    mayPage: () => !isFencedOut && writer.getState().state === 'ready',
    submit: entries => writer.submit(entries),
    fetch: (target, init) => fetch(target, init),
    onError: onError('pager'),
  })
  const checkpoints = startCheckpoints({
    connection: database.embedded
      ? {
          host: database.embedded.host,
          port: SOCKET_PORT,
          user: database.embedded.user,
          database: database.embedded.database,
        }
      : { connectionString: config.databaseUrl! },
    everyEntries: config.checkpointEntries,
    fromSeq: rebuilt.fromCheckpointSeq,
    anchorFile: join(config.dataDirectory, 'anchors.jsonl'),
    incarnation: log.incarnation,
    getHead: () => writer.getHead(),
    getSettledSeq: () => writer.getSettledSeq(),
    onMade: answer => logger.info(answer, 'checkpoint'),
    onError: onError('checkpoint'),
  })
  const stopJobs = startJobs({
    pool: database.pool,
    timescale: database.timescale,
    retentionDays: config.retentionDays,
    cityNow: () => clock.now(),
    log,
    makeCheckpoint: checkpoints.makeNow,
    onError: onError('jobs'),
    onDone: (job, detail) => logger.info({ job, ...detail }, 'job'),
  })
  const stopTicker =
    config.clock === 'wall'
      ? startTicker(epoch, {
          now: () => clock.now(),
          lastTickAt: () => world.city.tickedAt,
          submit: entries => writer.submit(entries),
          onError: onError('ticker'),
        })
      : () => undefined
  isReady = true
  logger.info({ url, seq: world.seq }, 'ready')

  let stopping: Promise<void> | undefined
  const stop = async () => {
    isReady = false
    stopTicker()
    await stopJobs()
    await stopPager()
    await fanout.close()
    await app.close()
    await travel.stop()
    await writer.stop()
    await tables.close()
    await checkpoints.stop()
    identity.close()
    await releaseLease(database.linePool, fence).catch(onError('lease'))
    await database.close()
    logger.info({ seq: world.seq }, 'stopped')
  }
  return {
    app,
    url,
    port,
    world,
    log,
    writer,
    identity,
    database,
    first,
    makeCheckpoint: checkpoints.makeNow,
    stop: () => (stopping ??= stop()),
  }
}

if (import.meta.main) {
  const server = await startServer(loadConfig()).catch(error => {
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
