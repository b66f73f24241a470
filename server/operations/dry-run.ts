/**
 * Dry run: POST /v1/rules/dry-run, what a list of rules would have raised over a past period. One at a time, in a thread below the
 * line, bounded in entries and in time; nothing is stored. The answer holds alerts of the asker's regions alone.
 */
import { Worker } from 'node:worker_threads'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { PoolConfig } from 'pg'
import { DryRunRequest, DryRunView, dryRunDaysMax } from '#contract/dry-run.ts'
import { type Reject, reject, sendReject } from '#contract/errors.ts'
import type { Rule } from '#contract/rule.ts'
import { getDayIndex, parseDay } from '#contract/scalars.ts'
import { ErrorResponse } from '#contract/wire.ts'
import type { World } from '../state/world.ts'
import type { DryRunAnswer, DryRunOrder } from './dry-run-worker.ts'

/** Longest run, in milliseconds. */
export const dryRunMsMax = 60_000
/** A second asker is told to come back after this. */
const retryAfterS = 15

export type DryRunPorts = {
  world: World
  connection: PoolConfig
  now(): number
  /** Judges the route, then says which regions the asker covers. */
  authenticate(request: FastifyRequest): Promise<{ covers(regionCode: string): boolean } | Reject>
  onError(error: Error): void
}

export type DryRuns = {
  run(
    request: DryRunRequest,
    covers: (regionCode: string) => boolean,
  ): Promise<{ view: DryRunView } | { refused: Reject }>
  stop(): Promise<void>
}

/** The refusal of a period; undefined when it is sound. Today is not over and is never judged. */
function findBadPeriod({ fromDay, untilDay, planted }: DryRunRequest, now: number): Reject | undefined {
  for (const day of [fromDay, untilDay, ...planted.flatMap(outbreak => [outbreak.fromDay, outbreak.untilDay])])
    if (parseDay(day) === undefined) return reject('DAY_INVALID', { day })
  const days = parseDay(untilDay)! - parseDay(fromDay)! + 1
  const isSound = days >= 1 && days <= dryRunDaysMax && parseDay(untilDay)! < getDayIndex(now)
  return isSound ? undefined : reject('DRY_RUN_PERIOD', { max: dryRunDaysMax })
}

/** Starts nothing by itself: a thread lives only as long as a run. */
export function createDryRuns(ports: Pick<DryRunPorts, 'world' | 'connection' | 'now' | 'onError'>): DryRuns {
  let running: Worker | undefined
  return {
    async run(request, covers) {
      const refused =
        findBadPeriod(request, ports.now()) ??
        request.planted
          .filter(outbreak => !covers(outbreak.regionCode))
          .map(({ regionCode }) => reject('REGION_FOREIGN', { regionCode }))[0]
      if (refused) return { refused }
      if (running) return { refused: reject('DRY_RUN_BUSY', { retryAfterS }) }
      const { world } = ports
      const order: DryRunOrder = {
        connection: ports.connection,
        request,
        current: { version: world.city.rulesVersion, rules: [...world.rules.values()] as Rule[] },
        regionCodes: [...world.regions.keys()].filter(covers),
      }
      const worker = new Worker(new URL('./dry-run-worker.ts', import.meta.url), { workerData: order })
      running = worker
      try {
        const answer = await new Promise<DryRunAnswer>(resolve => {
          const timer = setTimeout(
            () => resolve({ refused: reject('DRY_RUN_TOO_SLOW', { maxS: dryRunMsMax / 1_000 }) }),
            dryRunMsMax,
          )
          const end = (told: DryRunAnswer) => {
            clearTimeout(timer)
            resolve(told)
          }
          worker.once('message', end)
          worker.once('error', error => end({ fault: (error as Error).message }))
          worker.once('exit', () => end({ fault: 'the dry-run worker ended' }))
        })
        if ('fault' in answer) {
          const fault = new Error(answer.fault)
          ports.onError(fault)
          throw fault
        }
        return answer
      } finally {
        running = undefined
        await worker.terminate()
      }
    },
    async stop() {
      await running?.terminate()
    },
  }
}

/** The path of the first fault zod found and what it says. */
function describeIssue(issue: { path: PropertyKey[]; message: string } | undefined): Reject {
  return reject('SHAPE_INVALID', { path: issue?.path.map(String).join('.') ?? '', why: issue?.message ?? '' })
}

/** Registers the route on the app. */
export function registerDryRunRoute(app: FastifyInstance, ports: DryRunPorts): DryRuns {
  const runs = createDryRuns(ports)
  app.post('/v1/rules/dry-run', {
    schema: {
      summary: 'What a list of rules would have raised over a past period, beside the rules in force',
      description:
        'Body: DryRunRequest (rules as rule.published carries them, fromDay, untilDay, planted). Every moment is judged by what had been received until then.',
      tags: ['rules'],
      response: { 200: DryRunView, '4xx': ErrorResponse, '5xx': ErrorResponse },
    },
    handler: async (request, reply) => {
      const asker = await ports.authenticate(request)
      if ('code' in asker) return sendReject(reply, asker)
      const parsed = DryRunRequest.safeParse(request.body)
      if (!parsed.success) return sendReject(reply, describeIssue(parsed.error.issues[0]))
      // The connection says nothing while the thread works: it must not be taken for a dead one.
      request.raw.socket.setTimeout(dryRunMsMax * 2)
      const answer = await runs.run(parsed.data, regionCode => asker.covers(regionCode))
      return 'refused' in answer ? sendReject(reply, answer.refused) : answer.view
    },
  })
  return runs
}
