/**
 * Routes of duty: hand-overs, paper slips, quality control and replay. GET only and bounded; each answer passes the asker's regions.
 */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { formatCsv } from '#contract/csv.ts'
import {
  defaultScoreSheet,
  HandoverView,
  ReviewView as ReviewShape,
  ReviewTrigger,
  type ReviewView,
  ScoreSheet,
  SlipRangeView,
} from '#contract/duty.ts'
import { type Reject, reject, sendReject } from '#contract/errors.ts'
import { Day, dayMs, EpochMs, getDayStartAt, Id, parseDay, RegionCode } from '#contract/scalars.ts'
import { IncidentView } from '#contract/view.ts'
import { ErrorResponse } from '#contract/wire.ts'
import type { Incident, World } from '../state/world.ts'
import { formatInstant, sendCsv } from './report-routes.ts'
import { type Asker, listBelow, type QueryPorts } from './routes.ts'
import { drawSamples } from './samples.ts'
import { findRecord, listHandovers, listIncidents, listReviews, listTracks, pageMax, trackRowsMax } from './sql.ts'

/** Longest stretch of a replay. */
export const replayMaxMs = 4 * 3_600_000
/** Fixes are thinned to at most this many a unit and stretch; the step is told. */
const fixesPerUnitMax = 720
/** Cases of one day that samples are drawn from: twenty pages. */
const dayCasesMax = 20 * pageMax

const HandoverQuery = z.object({
  region: RegionCode.optional(),
  limit: z.coerce.number().int().min(1).max(pageMax).default(30),
  before: z
    .string()
    .regex(/^\d{1,15}~[A-Za-z0-9_.:-]{1,64}$/)
    .optional(),
})
const SampleQuery = z.object({
  day: Day,
  region: RegionCode.optional(),
  seed: z.coerce
    .number()
    .int()
    .min(0)
    .max(2 ** 31)
    .default(1),
})
const ReviewQuery = z.object({
  month: z.string().regex(/^(19|20)\d\d-(0[1-9]|1[0-2])$/),
  region: RegionCode.optional(),
})
const TrackQuery = z.object({
  from: z.coerce.number().pipe(EpochMs),
  to: z.coerce.number().pipe(EpochMs),
  region: RegionCode.optional(),
  unitId: z.union([Id, z.array(Id).max(64)]).optional(),
})

const SampleRow = z.object({
  incidentId: Id,
  sample: z.enum(['random', 'triggered']),
  triggers: z.array(ReviewTrigger),
  incident: IncidentView,
  /** Names of recordings of its calls, as the recorder knows them. */
  recordings: z.array(z.string()),
  review: ReviewShape.optional(),
})

/** All versions of the score sheet, newest first. */
export function listSheets(world: Pick<World, 'scoreSheets'>): ScoreSheet[] {
  const own = [...world.scoreSheets.values()]
  const all = own.some(sheet => sheet.version === defaultScoreSheet.version) ? own : [defaultScoreSheet, ...own]
  return all.sort((a, b) => b.version - a.version)
}

/** First instant of a month `2026-11` and of the one after, Shanghai. */
export function findMonth(month: string): { from: number; to: number } {
  const [year, number] = month.split('-').map(Number) as [number, number]
  const next = number === 12 ? `${year + 1}-01` : `${year}-${String(number + 1).padStart(2, '0')}`
  return { from: getDayStartAt(parseDay(`${month}-01`)!), to: getDayStartAt(parseDay(`${next}-01`)!) }
}

export type MonthReport = {
  month: string
  reviews: number
  random: number
  triggered: number
  passed: number
  meanShare: number | undefined
  appealed: number
  changed: number
  items: { itemId: string; sheetVersion: number; n: number; meanShare: number }[]
  subjects: { subject: string; n: number; passed: number; meanShare: number }[]
}

/** The monthly report of quality control, from its reviews; an item's share is of its full points. */
export function summariseMonth(
  month: string,
  reviews: readonly ReviewView[],
  sheets: readonly ScoreSheet[],
): MonthReport {
  const mean = (values: readonly number[]) =>
    values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length
  const items = new Map<string, { itemId: string; sheetVersion: number; shares: number[] }>()
  const subjects = new Map<string, ReviewView[]>()
  for (const review of reviews) {
    const sheet = sheets.find(each => each.version === review.sheetVersion)
    for (const { itemId, points } of review.scores) {
      const full = sheet?.items.find(item => item.itemId === itemId)?.points
      if (full === undefined) continue
      const key = `${review.sheetVersion}|${itemId}`
      const row = items.get(key) ?? { itemId, sheetVersion: review.sheetVersion, shares: [] }
      row.shares.push(points / full)
      items.set(key, row)
    }
    subjects.set(review.subject, [...(subjects.get(review.subject) ?? []), review])
  }
  return {
    month,
    reviews: reviews.length,
    random: reviews.filter(review => review.sample === 'random').length,
    triggered: reviews.filter(review => review.sample === 'triggered').length,
    passed: reviews.filter(review => review.isPassed).length,
    meanShare: mean(reviews.map(review => review.share)),
    appealed: reviews.filter(review => review.appeal !== undefined).length,
    changed: reviews.filter(review => review.decision?.verdict === 'changed').length,
    items: [...items.values()].map(({ shares, ...row }) => ({ ...row, n: shares.length, meanShare: mean(shares)! })),
    subjects: [...subjects]
      .map(([subject, of]) => ({
        subject,
        n: of.length,
        passed: of.filter(review => review.isPassed).length,
        meanShare: mean(of.map(review => review.share))!,
      }))
      .sort((a, b) => a.meanShare - b.meanShare),
  }
}

const MonthView = z.object({
  month: z.string(),
  reviews: z.int(),
  random: z.int(),
  triggered: z.int(),
  passed: z.int(),
  meanShare: z.number().optional(),
  appealed: z.int(),
  changed: z.int(),
  items: z.array(z.object({ itemId: Id, sheetVersion: z.int(), n: z.int(), meanShare: z.number() })),
  subjects: z.array(z.object({ subject: z.string(), n: z.int(), passed: z.int(), meanShare: z.number() })),
})

export function registerDutyRoutes(app: FastifyInstance, ports: QueryPorts): void {
  const { pool, world } = ports
  const errors = { '4xx': ErrorResponse, '5xx': ErrorResponse }

  const get = <Q>(
    url: string,
    documented: { summary: string; tag: string; querystring: z.ZodType<Q>; response: z.ZodType },
    work: (asker: Asker, query: Q) => Promise<unknown> | unknown,
  ) => {
    app.get(url, {
      schema: {
        summary: documented.summary,
        tags: [documented.tag],
        querystring: documented.querystring,
        response: { 200: documented.response, ...errors },
      },
      handler: async (request, reply) => {
        const asker = await ports.authenticate(request, `GET ${url}`)
        if ('code' in asker) return sendReject(reply, asker)
        const answer = (await work(asker, request.query as Q)) as Reject | Record<string, unknown>
        return 'code' in answer ? sendReject(reply, answer as Reject) : answer
      },
    })
  }
  const judgeRegion = (asker: Asker, region: string | undefined): Reject | undefined =>
    region !== undefined && !asker.covers(region) ? reject('REGION_FOREIGN', { regionCode: region }) : undefined

  get(
    '/v1/handovers',
    {
      summary: 'Shift hand-overs, newest first, each with its sheet',
      tag: 'duty',
      querystring: HandoverQuery,
      response: z.object({ handovers: z.array(HandoverView), next: z.string().optional() }),
    },
    async (asker, query) => {
      const foreign = judgeRegion(asker, query.region)
      if (foreign) return foreign
      const regionCodes = listBelow(world, asker.covers, query.region)
      const found = await listHandovers(pool, {
        regionCodes,
        limit: query.limit ?? 30,
        ...(query.before === undefined ? {} : { before: query.before }),
      })
      // The table is behind by at most a second: what the world holds is newer.
      const seen = new Map(found.rows.map(row => [row.handoverId, row]))
      if (query.before === undefined)
        for (const held of world.handovers.values())
          if (regionCodes.includes(held.regionCode)) seen.set(held.handoverId, held)
      const handovers = [...seen.values()].sort((a, b) => b.offeredAt - a.offeredAt).slice(0, query.limit ?? 30)
      return { handovers, ...(found.next === undefined ? {} : { next: found.next }) }
    },
  )

  get(
    '/v1/slips',
    {
      summary: 'Ranges of paper slips and which were entered',
      tag: 'duty',
      querystring: z.object({}),
      response: z.object({ ranges: z.array(SlipRangeView) }),
    },
    asker => ({
      ranges: [...world.slipRanges.values()].filter(range => asker.covers(range.regionCode)).toReversed(),
    }),
  )

  /** Closed cases of a day, by the time they were opened. */
  const listDayCases = async (regionCodes: readonly string[], day: string): Promise<IncidentView[]> => {
    const from = getDayStartAt(parseDay(day)!)
    const cases: IncidentView[] = []
    let before: string | undefined
    while (cases.length < dayCasesMax) {
      const page = await listIncidents(pool, {
        state: 'closed',
        regionCodes,
        from,
        to: from + dayMs,
        limit: pageMax,
        ...(before === undefined ? {} : { before }),
      })
      cases.push(...page.rows)
      if (page.next === undefined) break
      before = page.next
    }
    return cases
  }

  get(
    '/v1/reviews/samples',
    {
      summary: 'Cases of a day to be looked at: triggered, and drawn at random by day and seed',
      tag: 'quality',
      querystring: SampleQuery,
      response: z.object({
        day: Day,
        seed: z.int(),
        cases: z.int(),
        triggered: z.int(),
        samples: z.array(SampleRow),
        sheet: ScoreSheet,
      }),
    },
    async (asker, query) => {
      const foreign = judgeRegion(asker, query.region)
      if (foreign) return foreign
      if (parseDay(query.day) === undefined) return reject('DAY_INVALID', { day: query.day })
      const seed = query.seed ?? 1
      const cases = await listDayCases(listBelow(world, asker.covers, query.region), query.day)
      const wishes = new Map<string, z.infer<typeof ReviewTrigger>[]>()
      for (const wish of world.reviewWishes.values())
        wishes.set(wish.incidentId, [...(wishes.get(wish.incidentId) ?? []), wish.trigger])
      const drawn = drawSamples(cases, query.day, seed, wishes)
      const byId = new Map(cases.map(incident => [incident.incidentId, incident]))
      const reviewOf = new Map([...world.reviews.values()].map(review => [review.incidentId, review]))
      return {
        day: query.day,
        seed,
        cases: drawn.cases,
        triggered: drawn.triggered,
        samples: drawn.samples.map(sample => {
          const incident = byId.get(sample.incidentId)!
          const review = reviewOf.get(sample.incidentId)
          return {
            ...sample,
            incident,
            recordings: incident.callIds.flatMap(callId => world.calls.get(callId)?.recordingRef ?? []),
            ...(review ? { review } : {}),
          }
        }),
        sheet: listSheets(world)[0]!,
      }
    },
  )

  const readMonth = async (asker: Asker, query: z.infer<typeof ReviewQuery>) => {
    const { from, to } = findMonth(query.month)
    const regionCodes = listBelow(world, asker.covers, query.region)
    const seen = new Map<string, ReviewView>()
    let before: string | undefined
    do {
      const page = await listReviews(pool, {
        regionCodes,
        from,
        to,
        limit: pageMax,
        ...(before === undefined ? {} : { before }),
      })
      for (const review of page.rows) seen.set(review.reviewId, review)
      before = page.next
    } while (before !== undefined && seen.size < dayCasesMax)
    for (const held of world.reviews.values())
      if (held.scoredAt >= from && held.scoredAt < to && regionCodes.includes(held.regionCode))
        seen.set(held.reviewId, held)
    return [...seen.values()].sort((a, b) => b.scoredAt - a.scoredAt)
  }

  get(
    '/v1/reviews',
    {
      summary: 'Reviews of a month and their summary',
      tag: 'quality',
      querystring: ReviewQuery,
      response: z.object({ reviews: z.array(ReviewShape), report: MonthView, sheets: z.array(ScoreSheet) }),
    },
    async (asker, query) => {
      const foreign = judgeRegion(asker, query.region)
      if (foreign) return foreign
      const all = await readMonth(asker, query)
      // Scores are about people's work: whoever does not lead sees his own.
      const reviews = asker.kinds.has('review.scored') ? all : all.filter(review => review.subject === asker.name)
      const sheets = listSheets(world)
      return { reviews, report: summariseMonth(query.month, reviews, sheets), sheets }
    },
  )

  app.get('/v1/reviews.csv', {
    schema: {
      summary: 'Reviews of a month as CSV',
      tags: ['quality'],
      querystring: ReviewQuery,
      response: { 200: z.string(), ...errors },
    },
    handler: async (request, reply) => {
      const asker = await ports.authenticate(request, 'GET /v1/reviews.csv')
      if ('code' in asker) return sendReject(reply, asker)
      const query = request.query as z.infer<typeof ReviewQuery>
      const foreign = judgeRegion(asker, query.region)
      if (foreign) return sendReject(reply, foreign)
      const reviews = await readMonth(asker, query)
      const rows = reviews.map(review => [
        review.reviewId,
        review.incidentId,
        review.regionCode,
        review.sample,
        review.triggers.join(' '),
        review.sheetVersion,
        review.share,
        review.isPassed,
        review.subject,
        formatInstant(review.scoredAt),
        review.scoredBy,
        review.state,
        review.appeal?.reason,
        review.decision?.verdict,
        review.decision?.reason,
      ])
      const head = ['review', 'incident', 'region', 'sample', 'triggers', 'sheet', 'share', 'passed', 'subject']
      const tail = ['scored at', 'scored by', 'state', 'appeal', 'verdict', 'decision']
      return sendCsv(reply, `vigil-reviews-${query.month}.csv`, formatCsv([[...head, ...tail], ...rows]))
    },
  })

  get(
    '/v1/tracks',
    {
      summary:
        'Where units were in a stretch of time, thinned to a step: rows [unit, at, lon, lat, course or -1, speed or -1]',
      tag: 'replay',
      querystring: TrackQuery,
      response: z.object({
        from: EpochMs,
        to: EpochMs,
        stepMs: z.int(),
        isCut: z.boolean(),
        units: z.array(Id),
        rows: z.array(z.tuple([z.int(), z.int(), z.number(), z.number(), z.number(), z.number()])),
      }),
    },
    async (asker, query) => {
      const { from, to, region } = query
      const foreign = judgeRegion(asker, region)
      if (foreign) return foreign
      if (to <= from) return reject('QUERY_INVALID', { path: 'to' })
      if (to - from > replayMaxMs) return reject('REPLAY_TOO_LONG', { hours: replayMaxMs / 3_600_000 })
      const wanted = query.unitId === undefined ? undefined : new Set([query.unitId].flat())
      const inRegion = region === undefined ? undefined : new Set(listBelow(world, asker.covers, region))
      const units = [...world.units.values()].filter(
        unit =>
          asker.sees('units', unit) &&
          (wanted === undefined || wanted.has(unit.unitId)) &&
          (inRegion === undefined || inRegion.has(unit.regionCode)),
      )
      const ids = units.map(unit => unit.unitId)
      const perUnit = Math.max(1, Math.min(fixesPerUnitMax, Math.floor(trackRowsMax / Math.max(1, ids.length))))
      const stepMs = Math.max(1_000, Math.ceil((to - from) / perUnit / 1_000) * 1_000)
      const found = await listTracks(pool, ids, from, to, stepMs)
      const at = new Map(ids.map((id, index) => [id, index]))
      return {
        from,
        to,
        stepMs,
        isCut: found.length >= trackRowsMax,
        units: ids,
        rows: found.map(row => [at.get(row.unitId)!, row.at, row.lon, row.lat, row.course ?? -1, row.speed ?? -1]),
      }
    },
  )

  get(
    '/v1/replay',
    {
      summary:
        'Cases of a stretch of time with their clocks, and the recordings of their calls: what stands beside a replay',
      tag: 'replay',
      querystring: z.object({
        from: z.coerce.number().pipe(EpochMs),
        to: z.coerce.number().pipe(EpochMs),
        incidentId: Id.optional(),
        region: RegionCode.optional(),
      }),
      response: z.object({
        incidents: z.array(IncidentView),
        isCut: z.boolean(),
        recordings: z.array(z.object({ callId: Id, incidentId: Id, recordingRef: z.string() })),
      }),
    },
    async (asker, query) => {
      const foreign = judgeRegion(asker, query.region)
      if (foreign) return foreign
      let incidents: Incident[] = []
      let isCut = false
      if (query.incidentId !== undefined) {
        const { incidentId } = query
        const held =
          world.incidents.get(incidentId) ?? (await findRecord<Incident>(pool, 'incident_record', incidentId))
        if (!held || !asker.sees('incidents', held)) return reject('INCIDENT_UNKNOWN', { incidentId })
        incidents = [held]
      } else {
        // A case opened up to an hour before still has its units on the road.
        const page = await listIncidents(pool, {
          regionCodes: listBelow(world, asker.covers, query.region),
          from: query.from - 3_600_000,
          to: query.to,
          limit: pageMax,
        })
        incidents = page.rows
        isCut = page.next !== undefined
      }
      const recordings = incidents.flatMap(({ incidentId, callIds }) =>
        callIds.flatMap(callId => {
          const recordingRef = world.calls.get(callId)?.recordingRef
          return recordingRef === undefined ? [] : [{ callId, incidentId, recordingRef }]
        }),
      )
      return { incidents, isCut, recordings }
    },
  )
}
