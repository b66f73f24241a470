/**
 * Doors: what people and devices of one process meet: HTTP (intake, query, identity, console) and the sockets of fan-out, over one
 * house. The house is the line of this process or a follower of it in another; the doors cannot tell the difference.
 */
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Server as HttpServer } from 'node:http'
import { join, resolve } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { describeReject, type Reject, reject } from '#contract/errors.ts'
import type { SessionView } from '#contract/view.ts'
import type { BasemapPack, EntriesRequest } from '#contract/wire.ts'
import { startAddresses } from './addresses/thread.ts'
import { findDuplicates } from './advise/duplicates.ts'
import { createApp } from './app.ts'
import { type Config, isServedSecurely } from './config.ts'
import { type Database, getConnection, isDatabaseAway } from './database/pool.ts'
import { judgeSeries } from './detect/band.ts'
import { signPage } from './fanout/pager.ts'
import { registerReceiptRoute } from './fanout/receipts.ts'
import { type Client, type Fanout, startFanout } from './fanout/socket.ts'
import type { Identity } from './identity/identity.ts'
import { findActor, isInScope, listRoles, mayUse, type Principal } from './identity/permissions.ts'
import { registerIdentityRoutes } from './identity/routes.ts'
import { toSessionView } from './identity/sessions.ts'
import { createSight, judgeSaying } from './identity/sight.ts'
import type { Speaker } from './intake/admit.ts'
import { createEpochGate } from './intake/epochs.ts'
import { judgePack } from './intake/packs.ts'
import { findRegionOfPoint } from './intake/places.ts'
import { createMessenger, registerPublicCallRoutes } from './intake/public-calls.ts'
import { type IntakePorts, registerIntakeRoutes, takeEntries } from './intake/routes.ts'
import type { House, OnError } from './line.ts'
import { createAdvisor } from './operations/advice.ts'
import { createDeployment } from './operations/deployment.ts'
import { type DryRuns, registerDryRunRoute } from './operations/dry-run.ts'
import { createMetrics } from './operations/metrics.ts'
import { createOutlook } from './operations/outlook.ts'
import { registerDutyRoutes } from './query/duty-routes.ts'
import { registerReportRoutes } from './query/report-routes.ts'
import { type QueryPorts, registerQueryRoutes } from './query/routes.ts'
import { startRoadThread } from './roads/thread.ts'
import { createTravel } from './roads/travel.ts'
import { getSourceKey } from './state/sources.ts'
import { clearTouched } from './state/world.ts'

export const serverVersion = '0.1.0'
/** Without consoles in this process nobody takes what was touched; it is let go this often. */
const clearEveryMs = 1_000

export type DoorsPorts = {
  config: Config
  database: Database
  identity: Identity
  house: House
  logger: Logger
  onError: OnError
  /** POST /v1/entries is served here. */
  hasIntake: boolean
  /** Sockets are served here. */
  hasFanout: boolean
  /** More for /readyz: the role of the process, how old its world is. */
  describe(): Record<string, unknown>
}

export type Doors = {
  app: FastifyInstance
  url: string
  port: number
  /** From now on /readyz says yes. */
  open(): void
  close(): Promise<void>
}

async function readBasemap(directory: string | undefined): Promise<BasemapPack | undefined> {
  return directory === undefined
    ? undefined
    : (JSON.parse(await readFile(join(directory, 'pack.json'), 'utf8')) as BasemapPack)
}

/** Builds the doors and listens; readiness is said by open(). */
export async function openDoors(ports: DoorsPorts): Promise<Doors> {
  const { config, database, identity, house, logger, onError } = ports
  const { world, touched } = house
  const isSecure = isServedSecurely(config)
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
  const addresses = startAddresses({
    directory: config.regionPack,
    onNames: held => logger.info(held, 'gazetteer'),
    onRefused: refused => logger.error(refused, 'gazetteer refused'),
    onError: onError('addresses'),
  })
  // Where no real caller is: packs without a physician's approval may be asked.
  const mayDrill = config.demo || config.clock === 'entries'
  const outlook = createOutlook({ world, travel })
  const advisor = createAdvisor({ world, travel, outlook, now: () => house.now() })
  const deployment = createDeployment({ world, travel, outlook, now: () => house.now() })

  const toSpeaker = (principal: Principal): Speaker => {
    const actor = findActor(principal)
    return {
      source: principal.type === 'account' ? `desk:${principal.accountId}` : principal.deviceId,
      ...(actor ? { actor } : {}),
      isRelay: principal.type === 'device' && (principal.role === 'gateway' || principal.role === 'player'),
      judge: (kind, body) =>
        judgeSaying(principal, world, config.clock, kind, body) ?? judgePack(world, mayDrill, kind, body),
      covers: regionCode => isInScope(principal, regionCode, world.regions),
    }
  }
  const metrics = createMetrics({
    logSeq: () => house.getHeadSeq(),
    worldSeq: () => world.seq,
    waiting: () => house.getState().waiting,
    commits: () => house.getState().commits,
    clients: () => fanout?.countClients() ?? { clients: 0, behind: 0, packets: 0, updates: 0 },
    openAlerts: () => [...world.alerts.values()].filter(a => a.state === 'open').length,
    quarantined: () => world.city.quarantined,
    tickAgeMs: () => house.now() - world.city.tickedAt,
    projectionWaiting: () => house.projectionWaiting(),
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
    incarnation: () => house.incarnation,
    cityNow: () => house.now(),
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
    isWriterAway: () => house.getState().state === 'away',
    submit: (entries, laneOf) => house.submit(entries, laneOf),
    hasRoom: counts => house.hasRoom(counts),
    epochs: createEpochGate((source, began) => world.sources.has(getSourceKey(source, began))),
    count: metrics.count,
  }

  let isReady = false
  let fanout: Fanout | undefined
  const getPort = (): number => {
    const address = app.server.address()
    return typeof address === 'object' && address ? address.port : config.port
  }
  const getUrl = (): string => `${config.tls ? 'https' : 'http'}://${config.host}:${getPort()}`
  let dryRuns: DryRuns | undefined
  const app = await createApp(
    {
      version: serverVersion,
      ...(config.tls ? { tls: config.tls } : {}),
      consoleDirectory: resolve(import.meta.dirname, '../console/dist'),
      mapbox: config.mapboxToken !== undefined,
      isBehindProxy: config.tls === undefined && isSecure,
      health: () => ({ isAlive: true }),
      readiness: () => ({
        isReady: isReady && house.getState().state === 'ready',
        seq: world.seq,
        logSeq: house.getHeadSeq(),
        lag: house.getHeadSeq() - world.seq,
        database: house.getState().state,
        clock: config.clock,
        pager: house.getCity().pager,
        version: serverVersion,
        ...ports.describe(),
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
      if (!ports.hasIntake && !ports.hasFanout) return
      await app.register(async scope => registerIdentityRoutes(scope, identity))
      if (ports.hasIntake) registerIntakeRoutes(app, intake)
      registerReceiptRoute(app, {
        ...(config.pagerSecret === undefined ? {} : { secret: config.pagerSecret }),
        hasPage: pageId => world.pages.has(pageId),
        say: body => house.say('page.receipted', body),
      })
      await registerPublicCallRoutes(app, {
        isOn: config.publicCalls && ports.hasIntake,
        // Without a secret of the operator's a link ends with this process.
        linkSecret: config.pagerSecret ?? randomUUID(),
        publicUrl: () => config.publicUrl ?? getUrl(),
        async readNumber(request, callId) {
          const foreign = identity.admitOrigin(request.headers)
          if (foreign) return foreign
          const principal = await admitRoute(request.headers, 'POST /v1/calls/:callId/position-link')
          if ('code' in principal) return principal
          if (principal.type !== 'account') return reject('ROLE_FORBIDDEN')
          // Said to who has signed in alone, and before anything is opened.
          if (!config.publicCalls) return reject('PUBLIC_CALLS_OFF')
          const call = world.calls.get(callId)
          if (!call || !createSight(principal, world).sees('calls', call)) return reject('CALL_UNKNOWN', { callId })
          // A call without personal fields has no record: the link can still be read out.
          if (call.numberHash === undefined) return {}
          const person = await identity.readPerson(principal, 'call', callId)
          if ('code' in person) return person
          const number = person.fields.callerNumber
          return number === undefined ? {} : { number }
        },
        intake,
        world,
        findRegion: point => findRegionOfPoint(point, world.regions, basemap),
        now: () => house.now(),
        ...(house.getCity().pager === 'live' && config.pagerSmsUrl !== undefined
          ? { sendMessage: createMessenger(config.pagerSmsUrl, body => signPage(config.pagerSecret, body)) }
          : {}),
        onError: onError('public calls'),
      })
      dryRuns = registerDryRunRoute(app, {
        world,
        connection: getConnection(database, config.databaseUrl),
        now: () => house.now(),
        async authenticate(request) {
          const foreign = identity.admitOrigin(request.headers)
          if (foreign) return foreign
          const principal = await admitRoute(request.headers, 'POST /v1/rules/dry-run')
          return 'code' in principal ? principal : createSight(principal, world)
        },
        onError: onError('dry-run'),
      })
      const queryPorts: QueryPorts = {
        pool: database.pool,
        world,
        basemap,
        now: () => house.now(),
        settings: () => ({
          version: serverVersion,
          demo: config.demo,
          publicCalls: config.publicCalls,
          clock: config.clock,
          pager: house.getCity().pager,
        }),
        mapboxToken: config.mapboxToken,
        async authenticate(request, route) {
          const principal = await admitRoute(request.headers, route)
          return 'code' in principal ? principal : createSight(principal, world)
        },
        judge: judgeSeries,
        findDuplicates: (call, sees) => findDuplicates(world, call, sees),
        advise: advisor.advise,
        addresses,
        mayDrill,
        ...deployment,
      }
      registerQueryRoutes(app, queryPorts)
      registerReportRoutes(app, queryPorts)
      registerDutyRoutes(app, queryPorts)
    },
  )
  await app.ready()

  const clients = new WeakMap<Client, Principal>()
  const openFanout = () =>
    startFanout(app.server as HttpServer, {
      world,
      touched,
      getCity: () => house.getCity(),
      incarnation: house.incarnation,
      serverVersion,
      origins: config.publicUrl === undefined ? [] : [new URL(config.publicUrl).origin],
      beforeFlush: () => house.beforeFlush(),
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
  fanout = ports.hasFanout ? openFanout() : undefined
  if (fanout) house.onApplied(fanout.onApplied)
  const clearing = fanout ? undefined : setInterval(() => clearTouched(touched), clearEveryMs)
  await app.listen({ host: config.host, port: config.port })
  const port = getPort()
  const url = getUrl()
  return {
    app,
    url,
    port,
    open() {
      isReady = true
    },
    async close() {
      isReady = false
      clearInterval(clearing)
      await fanout?.close()
      await app.close()
      await dryRuns?.stop()
      await addresses.stop()
      await travel.stop()
    },
  }
}
