// A whole small house for the simulations' tests: the real door, writer, line and fan-out on a memory log, on loopback.
// Only identity is left out (the one speaker is a player); nothing of ours is imitated.
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import type { Entry } from '#contract/entry.ts'
import { getDayIndex } from '#contract/scalars.ts'
import type { CityView } from '#contract/view.ts'
import { startFanout } from '../../server/fanout/socket.ts'
import type { Speaker } from '../../server/intake/admit.ts'
import { createEpochGate } from '../../server/intake/epochs.ts'
import { registerIntakeRoutes } from '../../server/intake/routes.ts'
import { createMemoryLog } from '../../server/log/memory.ts'
import { startWriter } from '../../server/log/writer.ts'
import { advance } from '../../server/pipeline.ts'
import { getSourceKey } from '../../server/state/sources.ts'
import { createTouched, createWorld, isWithin, type World } from '../../server/state/world.ts'
import type { HouseEyes } from '../../simulations/replay-core.ts'

export interface PlayedHouse {
  url: string
  world: World
  eyes: HouseEyes
  entries: Entry[]
  /** Makes the next requests fail with this answer before they reach the door. */
  failNext(status: number, headers?: Record<string, string>, times?: number): void
  close(): Promise<void>
}

/** Opens the house; with `clock` entries only ticks of the player move its time. */
export async function openPlayedHouse(options: {
  clock: 'wall' | 'entries'
  regions: readonly string[]
}): Promise<PlayedHouse> {
  const world = createWorld()
  const touched = createTouched()
  const log = createMemoryLog()
  const entries: Entry[] = []
  let cityAt = 0
  const now = (): number => (options.clock === 'wall' ? Date.now() : cityAt)
  const app = Fastify({ forceCloseConnections: true })
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  const failures: { status: number; headers: Record<string, string> }[] = []
  app.addHook('onRequest', async (_request, reply) => {
    const failure = failures.shift()
    if (failure)
      return reply.code(failure.status).headers(failure.headers).send({ code: 'LANE_FULL', zh: '满', en: 'full' })
  })
  const speaker: Speaker = {
    source: 'player',
    isRelay: true,
    judge: () => undefined,
    covers: regionCode => options.regions.some(root => isWithin(world, regionCode, root)),
  }
  const city = (): CityView => ({ ...world.city, now: now(), clock: options.clock, pager: 'dry' })
  const fanout = startFanout(app.server, {
    world,
    touched,
    getCity: city,
    incarnation: log.incarnation,
    serverVersion: '0',
    origins: [],
    authenticate: async () => ({
      session: {
        accountId: 'player',
        name: 'player',
        roles: [],
        regions: [],
        expiresAt: Date.UTC(2099, 0, 1),
        mustChangePassword: false,
      },
      scope: { key: 'all', sees: () => true } as never,
    }),
    beforeFlush: () => {},
    watch: () => () => {},
    onGone: () => {},
    isStillSignedIn: async () => true,
    submit: async () => ({ incarnation: log.incarnation, outcomes: [] }),
    onError: error => {
      throw error
    },
  })
  const writer = startWriter(
    {
      log,
      world,
      touched,
      advance,
      clock: {
        now,
        observe: entry => {
          if (entry.kind === 'clock.ticked') cityAt = Math.max(cityAt, entry.occurredAt)
        },
      },
      isAway: () => false,
      isDataFault: () => false,
      onApplied: group => {
        entries.push(...group)
        fanout.onApplied(group)
      },
      onFatal: error => {
        throw error
      },
    },
    await log.getHead(),
  )
  registerIntakeRoutes(app, {
    world,
    incarnation: () => log.incarnation,
    cityNow: now,
    isPlayed: options.clock === 'entries',
    authenticate: async () => speaker,
    isAway: () => false,
    isWriterAway: () => false,
    seal: async items => items.map(item => ({ fields: { ...item.fields } })),
    hashNumber: async () => undefined,
    submit: (admitted, laneOf) => writer.submit(admitted, laneOf),
    hasRoom: counts => writer.hasRoom(counts),
    epochs: createEpochGate((source, epoch) => world.sources.has(getSourceKey(source, epoch))),
    count: () => {},
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    world,
    entries,
    eyes: {
      listAlerts: async () => [...world.alerts.values()],
      listUnits: async () => [...world.units.values()] as never,
      listIncidents: async () => [...world.incidents.values()],
    },
    failNext: (status, headers = {}, times = 1) => {
      for (let i = 0; i < times; i++) failures.push({ status, headers })
    },
    close: async () => {
      await fanout.close()
      await app.close()
      await writer.stop(1_000)
    },
  }
}

/** Day index of an instant, for readable assertions. */
export const dayOf = getDayIndex
