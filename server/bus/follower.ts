/**
 * Follower: the world of a process that does not write it. It boots like the line (checkpoint and tail), then folds what the line
 * commits, in order, through the same pure pipeline: the same world, a moment later. What the bus loses it reads from the log,
 * so that it also goes on, slower, while the carrier is away.
 */
import type { Entry, Outcome } from '#contract/entry.ts'
import { rebuildWorld } from '../log/boot.ts'
import type { Log } from '../log/log.ts'
import { createTouched, type Touched, type World } from '../state/world.ts'
import type { Bus, Group } from './bus.ts'

/** Without news from the bus the log is asked this often. */
export const askLogEveryMs = 1_000
/** Groups waiting to be folded at most; beyond it they are dropped and read from the log. */
export const groupsWaitingMax = 500

export type FollowerPorts = {
  log: Log
  bus: Bus
  advance: (world: World, entry: Entry, touched: Touched, stored?: Outcome) => Outcome
  onApplied(entries: readonly Entry[]): void
  /** True for errors that mean the database is away. */
  isAway(error: unknown): boolean
  /** The log cannot be read now; the world stands still and ages. */
  onAway(error: Error): void
  /** A throw of the core: the process ends, boot steps over what the line has quarantined. */
  onFatal(error: Error): void
}

export type Follower = {
  world: World
  touched: Touched
  /** Epoch ms by this machine's clock at which the world was last known to be level with the log. */
  getLevelAt(): number
  stop(): Promise<void>
}

/** Boots a world from the log and keeps it level. */
export async function startFollower(ports: FollowerPorts): Promise<Follower> {
  const { log, bus, advance } = ports
  const touched = createTouched()
  const { world } = await rebuildWorld(log, advance)
  let waiting: Group[] = []
  let isBehind = true
  let isStopped = false
  let levelAt = Date.now()
  let heardAt = Date.now()
  let wake: (() => void) | undefined

  const fold = (entries: readonly Entry[], outcomeOf?: (entry: Entry) => Outcome | undefined) => {
    const fresh = entries.filter(entry => entry.seq > world.seq)
    for (const entry of fresh) advance(world, entry, touched, outcomeOf?.(entry))
    if (fresh.length > 0) ports.onApplied(fresh)
  }
  const catchUp = async () => {
    for (;;) {
      const page = await log.list(world.seq)
      if (page.length === 0 || isStopped) return
      const outcomes = new Map(page.map(({ entry, outcome }) => [entry.seq, outcome]))
      fold(
        page.map(({ entry }) => entry),
        entry => outcomes.get(entry.seq),
      )
    }
  }
  const stopHearing = bus.follow(group => {
    heardAt = Date.now()
    if (waiting.length >= groupsWaitingMax) {
      waiting = []
      isBehind = true
    } else waiting.push(group)
    wake?.()
  })
  const run = async () => {
    while (!isStopped) {
      try {
        const group = waiting.shift()
        if (group && group.entries[0]!.seq > world.seq + 1) isBehind = true
        if (isBehind || (!group && Date.now() - heardAt >= askLogEveryMs)) {
          isBehind = false
          await catchUp()
          levelAt = Date.now()
        }
        if (group) {
          fold(group.entries)
          levelAt = Date.now()
          continue
        }
      } catch (error) {
        if (isStopped) return
        if (!ports.isAway(error)) {
          ports.onFatal(error as Error)
          return
        }
        isBehind = true
        ports.onAway(error as Error)
      }
      if (waiting.length === 0)
        await new Promise<void>(resolve => {
          const timer = setTimeout(resolve, askLogEveryMs)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      wake = undefined
    }
  }
  const running = run()
  return {
    world,
    touched,
    getLevelAt: () => levelAt,
    async stop() {
      isStopped = true
      wake?.()
      await stopHearing()
      await running
    },
  }
}
