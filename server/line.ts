/**
 * Line: the one appender of a city, running in this process: database log → boot (checkpoint and tail) → writer → ticker, pager,
 * projections, checkpoints, jobs. At most one a city holds the lease; a second one stands by with a warm world.
 * What the doors need of it is the port `House`, which a follower of another process (doors.ts) offers just the same.
 */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Entry, Kind, Lane } from '#contract/entry.ts'
import type { CityView } from '#contract/view.ts'
import { startAnalysts } from './analysts/analysts.ts'
import type { Config } from './config.ts'
import { type Database, getConnection, isDatabaseAway, isDataFault } from './database/pool.ts'
import { defaultCalendar } from './detect/default-calendar.ts'
import { defaultRules } from './detect/default-rules.ts'
import { startPager } from './fanout/pager.ts'
import { levelCounts } from './fanout/sql.ts'
import { startTables } from './fanout/tables.ts'
import { foldTail, openCheckpoint, rebuildWorld, storeUndecided } from './log/boot.ts'
import { hashSlices, sliceWorld } from './log/checkpoint.ts'
import type { Log } from './log/log.ts'
import { endBackends, openPostgresLog, releaseLease, takeLease } from './log/postgres.ts'
import { startWriter, type Told, type Writer } from './log/writer.ts'
import { startCheckpoints } from './operations/checkpoints.ts'
import { createEntriesClock, createWallClock } from './operations/clock.ts'
import { defaultPacks } from './operations/default-packs.ts'
import { noteForgotten } from './operations/forgotten.ts'
import { startJobs } from './operations/jobs.ts'
import { isRestored } from './operations/sql.ts'
import { startTicker } from './operations/ticker.ts'
import { advance, coreVersion } from './pipeline.ts'
import { clearTouched, createTouched, type Touched, type World } from './state/world.ts'

/** A restart waits this long for the former holder's lease to end; a standby waits for ever. */
const leaseWaitMaxMs = 20_000
/** Without consoles in this process what was touched is handed to the projections this often. */
const noteEveryMs = 250

export type OnError = (where: string) => (error: unknown) => void

/** A city as the doors see it: its world, and the way to say something. Given by the line itself or by a follower. */
export type House = {
  world: World
  touched: Touched
  incarnation: string
  epoch: string
  now(): number
  submit(entries: readonly Entry[], laneOf?: (entry: Entry) => Lane): Promise<Told[]>
  hasRoom(counts: Readonly<Record<Lane, number>>): boolean
  /** Newest seq of the log this process knows of. */
  getHeadSeq(): number
  getState(): { state: 'ready' | 'away' | 'stopped'; waiting: Record<Lane, number>; commits: number }
  /** The house says something about itself; throws when it could not be made durable. */
  say(kind: Kind, body: unknown, actor?: Entry['actor']): Promise<void>
  onApplied(listener: (entries: readonly Entry[]) => void): void
  getCity(): CityView
  /** Called before fan-out clears what was touched. */
  beforeFlush(): void
  projectionWaiting(): number
}

/** Makes the voice of a house: entries of its own, counted up under an epoch of this process. */
export function createVoice(epoch: string, now: () => number, submit: House['submit']): House['say'] {
  let ownSeq = 0
  return async (kind, body, actor) => {
    ownSeq++
    const at = now()
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
    const [told] = await submit([entry as unknown as Entry])
    if (told!.result !== 'done') throw new Error(`${kind}: ${told!.reject?.code ?? 'refused'}`)
  }
}

/** What every console is told of the city. */
export function describeCity(world: World, now: number, clock: CityView['clock'], pager: CityView['pager']): CityView {
  const { quarantined, lastTickGapMs, rulesVersion, regionsVersion, packsVersion } = world.city
  return {
    now,
    clock,
    pager,
    quarantined,
    lastTickGapMs,
    rulesVersion,
    regionsVersion,
    ...(packsVersion === undefined ? {} : { packsVersion }),
  }
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

export type LinePorts = {
  config: Config
  database: Database
  logger: Logger
  onError: OnError
  /** A bug or a lost lease: the process must end. */
  onFatal(error: Error): void
  /** A standby follows while it waits and never gives up; else the start fails after some seconds. */
  standsBy: boolean
  /** Told once when the lease is held by another and this process begins to wait. */
  onStandby?: () => void
}

export type Line = House & {
  log: Log
  writer: Writer
  makeCheckpoint(): Promise<unknown>
  /** Starts what runs beside the writer, after the doors are open: ticker, pager, checkpoints, jobs. */
  run(publicUrl: string, hasFanout: boolean): void
  stop(): Promise<void>
}

/** Folds along while another holds the lease, so that a takeover finds the world nearly level. */
async function standBy(log: Log, isWaiting: () => boolean): Promise<World | undefined> {
  try {
    const world = await openCheckpoint(log)
    while (isWaiting()) {
      const skipped = new Set((await log.listQuarantined()).map(row => row.seq))
      await foldTail(log, advance, world, skipped)
      await new Promise(resolve => setTimeout(resolve, noteEveryMs))
    }
    return world
  } catch {
    // The database was away, or an entry throws: a cold boot after the takeover deals with either.
    return undefined
  }
}

/** Takes the lease and boots the line. */
export async function openLine(ports: LinePorts): Promise<Line> {
  const { config, database, logger, onError } = ports
  const { holder } = database
  let isWaiting = true
  let warm: Promise<World | undefined> | undefined
  const fence = await takeLease(
    database.linePool,
    'line',
    holder,
    ports.standsBy ? Number.POSITIVE_INFINITY : leaseWaitMaxMs,
    () => {
      if (!ports.standsBy || warm) return
      ports.onStandby?.()
      warm = openPostgresLog(database.linePool).then(log => standBy(log, () => isWaiting))
    },
  )
  isWaiting = false
  // What the former holder still has under way ends before the head is read: nothing of it may land afterwards.
  if (fence.formerHolder !== undefined && fence.formerHolder !== holder)
    await endBackends(database.linePool, fence.formerHolder)
  const log = await openPostgresLog(database.linePool, fence)
  const warmed = await warm
  const rebuilt = await rebuildWorld(log, advance, false, warmed)
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
        ports.onFatal(error)
      },
      onState: state => logger.warn({ state }, 'writer'),
    },
    head,
  )
  const now = () => clock.now()
  const say = createVoice(epoch, now, entries => writer.submit(entries))
  const forgottenFile = join(config.dataDirectory, 'forgotten.jsonl')
  appliedListeners.add(entries => noteForgotten(forgottenFile, entries, onError('forgotten')))
  for (const poison of rebuilt.quarantined)
    await say('entry.quarantined', { entrySeq: poison.seq, kind: poison.kind, fault: poison.fault })
  if (world.city.rulesVersion === 0) await say('rule.published', { version: 1, rules: defaultRules })
  if (!world.city.packsVersion) for (const pack of defaultPacks) await say('pack.published', pack)
  if (!world.city.calendarVersion) await say('calendar.published', { version: 1, spans: defaultCalendar })

  // A restored or replayed city is dry: it knows pages that were sent long ago, from where the live city now is.
  const pagerMode =
    config.pager === 'live' && config.clock === 'wall' && !(await isRestored(database.pool)) ? 'live' : 'dry'
  if (config.pager !== pagerMode) logger.warn({ pager: pagerMode }, 'this city is restored or played: pages stay dry')

  await levelCounts(database.pool)
  const tables = startTables(database.pool, world, onError('tables'))
  appliedListeners.add(entries => tables.onApplied(entries))
  const checkpoints = startCheckpoints({
    connection: getConnection(database, config.databaseUrl),
    everyEntries: config.checkpointEntries,
    fromSeq: rebuilt.fromCheckpointSeq,
    anchorFile: join(config.dataDirectory, 'anchors.jsonl'),
    incarnation: log.incarnation,
    getHead: () => writer.getHead(),
    getSettledSeq: () => writer.getSettledSeq(),
    onMade: answer => logger.info(answer, 'checkpoint'),
    onError: onError('checkpoint'),
  })
  /** Parts that run beside the writer, stopped in reverse. */
  const running: (() => Promise<void> | void)[] = []
  return {
    world,
    touched,
    incarnation: log.incarnation,
    epoch,
    now,
    submit: (entries, laneOf) => writer.submit(entries, laneOf),
    hasRoom: counts => writer.hasRoom(counts),
    getHeadSeq: () => writer.getHead().seq,
    getState: () => writer.getState(),
    say,
    onApplied: listener => void appliedListeners.add(listener),
    getCity: () => describeCity(world, clock.now(), config.clock, pagerMode),
    beforeFlush: () => tables.note(touched),
    projectionWaiting: () => tables.waiting(),
    log,
    writer,
    makeCheckpoint: checkpoints.makeNow,
    run(publicUrl, hasFanout) {
      const stopPager = startPager(epoch, {
        world,
        isLive: pagerMode === 'live',
        ...(config.pagerSmsUrl === undefined ? {} : { smsUrl: config.pagerSmsUrl }),
        ...(config.pagerWebhookUrl === undefined ? {} : { webhookUrl: config.pagerWebhookUrl }),
        ...(config.pagerSecret === undefined ? {} : { secret: config.pagerSecret }),
        publicUrl: config.publicUrl ?? publicUrl,
        now,
        mayPage: () => !isFencedOut && writer.getState().state === 'ready',
        submit: entries => writer.submit(entries),
        fetch: (target, init) => fetch(target, init),
        onError: onError('pager'),
      })
      const stopJobs = startJobs({
        pool: database.pool,
        timescale: database.timescale,
        retentionDays: config.retentionDays,
        cityNow: now,
        log,
        makeCheckpoint: checkpoints.makeNow,
        onError: onError('jobs'),
        onDone: (job, detail) => logger.info({ job, ...detail }, 'job'),
      })
      const stopTicker =
        config.clock === 'wall'
          ? startTicker(epoch, {
              now,
              lastTickAt: () => world.city.tickedAt,
              submit: entries => writer.submit(entries),
              onError: onError('ticker'),
            })
          : () => undefined
      const analysts = startAnalysts({
        world,
        connection: getConnection(database, config.databaseUrl),
        submit: entries => writer.submit(entries),
        now,
        onStudied: answer =>
          'fault' in answer
            ? logger.error(answer, 'analysts')
            : logger.info({ rows: answer.rows, found: answer.found.length, tookMs: answer.tookMs }, 'analysts'),
        onError: onError('analysts'),
      })
      appliedListeners.add(analysts.onApplied)
      running.push(stopPager, stopJobs, stopTicker, analysts.stop)
      if (hasFanout) return
      const timer = setInterval(() => {
        tables.note(touched)
        clearTouched(touched)
      }, noteEveryMs)
      running.push(() => clearInterval(timer))
    },
    async stop() {
      for (const end of running.reverse()) await end()
      await writer.stop()
      tables.note(touched)
      await tables.close()
      await checkpoints.stop()
      await releaseLease(database.linePool, fence).catch(onError('lease'))
    },
  }
}
