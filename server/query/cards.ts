/**
 * Cards: reading report cards, public-health events and rosters: the line list with its filters, as pages and as a file, series
 * of cards by any of their dates. Stands in the door out beside the other reads; region scope is the asker's, and a hospital sees
 * its own cards alone. Nothing of a person is in any answer.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Pool } from 'pg'
import { z } from 'zod'
import { formatCsv } from '#contract/csv.ts'
import { findDiseaseById, findLawClass, getDiseaseRoot, listDiseaseIds } from '#contract/diseases.ts'
import { type Reject, reject, sendReject } from '#contract/errors.ts'
import { formatDay, getDayIndex, Id, parseDay, RegionCode, shanghaiOffsetMs } from '#contract/scalars.ts'
import { CardSeriesView, CardView, EventView, RosterView } from '#contract/view.ts'
import { CardPage, CardQuery, CardSeriesQuery, cardExportMax, cardPageMax, cardSeriesDaysMax } from '#contract/wire.ts'
import type { Card, PublicEvent, World } from '../state/world.ts'
import type { Asker } from './routes.ts'
import {
  type CardFilter,
  countCards,
  countCardsByDay,
  findCardRow,
  findRecord,
  type HistoryFilter,
  listCards,
  listEvents,
} from './sql.ts'

type Get = <Q>(
  url: string,
  documented: { summary: string; querystring?: z.ZodType<Q>; params?: z.ZodType; response: z.ZodType },
  work: (asker: Asker, query: Q, params: Record<string, string>) => Promise<unknown> | unknown,
) => void

export type CardReads = {
  pool: Pool
  world: World
  now(): number
  listBelow(covers: (code: string) => boolean, scope: string | undefined): string[]
  authenticate(request: FastifyRequest, route: string): Promise<Asker | Reject>
}

const EventQuery = z.object({
  state: z.enum(['open', 'closed']).optional(),
  regionCode: RegionCode.optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  before: z
    .string()
    .regex(/^\d{1,15}~[A-Za-z0-9_.:-]{1,64}$/)
    .optional(),
})

const ask = (text: 'true' | 'false' | undefined) => (text === undefined ? undefined : text === 'true')

/** The filter of a query in the asker's scope, or what is wrong with it. */
function toFilter(reads: CardReads, asker: Asker, query: CardQuery): CardFilter | Reject {
  for (const path of ['fromDay', 'untilDay'] as const)
    if (query[path] !== undefined && parseDay(query[path]) === undefined)
      return reject('DAY_INVALID', { day: query[path] })
  if (query.diseaseId !== undefined && !findDiseaseById(query.diseaseId))
    return reject('DISEASE_UNKNOWN', { diseaseId: query.diseaseId })
  const isOverdue = ask(query.overdue)
  const isLate = ask(query.late)
  const hasDuplicates = ask(query.duplicates)
  const { by, fromDay, untilDay, caseClass, facilityId, placeId, state, ageBand, sex } = query
  const rest = { fromDay, untilDay, caseClass, facilityId, placeId, state, ageBand, sex, isLate, hasDuplicates }
  return {
    by,
    regionCodes: reads.listBelow(asker.covers, query.regionCode),
    ...toDiseaseFilter(query.diseaseId),
    ...(Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)) as Partial<CardFilter>),
    ...(asker.ownCards === undefined ? {} : { source: asker.ownCards }),
    ...(isOverdue === undefined ? {} : { overdue: { now: reads.now(), isOverdue } }),
  }
}

/** A disease of the list is found by its index with everything under it; a child by its own id. */
function toDiseaseFilter(diseaseId: string | undefined): Pick<CardFilter, 'rootId' | 'diseaseIds'> {
  if (diseaseId === undefined) return {}
  const rootId = getDiseaseRoot(diseaseId)
  const ids = listDiseaseIds(diseaseId)
  return ids[0] === rootId ? { rootId } : { rootId, diseaseIds: ids }
}

const at = (instant: number | undefined) =>
  instant === undefined ? '' : `${new Date(instant + shanghaiOffsetMs).toISOString().slice(0, 16).replace('T', ' ')}`

const columns: readonly [
  head: string,
  cell: (card: CardView, world: World) => string | number | boolean | undefined,
][] = [
  ['卡片编号', c => c.cardId],
  ['病种编码', c => c.diseaseId],
  ['病种', c => findDiseaseById(c.diseaseId)?.zh ?? c.diseaseId],
  ['类别', c => ({ A: '甲', B: '乙', C: '丙', '': '' })[findLawClass(c.diseaseId) ?? '']],
  [
    '病例分类',
    c =>
      ({ suspected: '疑似病例', clinical: '临床诊断病例', confirmed: '确诊病例', carrier: '病原携带者' })[c.caseClass],
  ],
  ['状态', c => ({ filed: '待审', returned: '退回', reviewed: '已审', retracted: '已删除' })[c.state]],
  ['ICD-10', c => c.icd10],
  ['地区编码', c => c.regionCode],
  ['地区', (c, world) => world.regions.get(c.regionCode)?.name],
  ['报告单位编码', c => c.facilityId],
  ['报告单位', (c, world) => world.places.get(c.facilityId)?.name],
  ['集体单位', (c, world) => (c.placeId === undefined ? undefined : (world.places.get(c.placeId)?.name ?? c.placeId))],
  ['年龄段', c => c.ageBand],
  ['性别', c => ({ male: '男', female: '女', unknown: '不详' })[c.sex ?? 'unknown']],
  ['人群分类', c => c.occupation],
  ['发病日期', c => c.onsetDay],
  ['诊断时间', c => at(c.diagnosedAt)],
  ['填卡时间', c => at(c.filedAt)],
  ['迟报', c => c.filedLate],
  ['审核时间', c => at(c.reviewedAt)],
  ['死亡日期', c => c.deathDay],
  ['重卡归并至', c => c.duplicateOf],
]

/** A line list as a file: what stands in a card without its person; cells that look like formulas are neutralised. */
export function formatCards(cards: readonly CardView[], world: World): string {
  return formatCsv([columns.map(([head]) => head), ...cards.map(card => columns.map(([, cell]) => cell(card, world)))])
}

/** Registers what epidemiologists and hospitals read of cards, events and rosters. */
export function registerCardReads(app: FastifyInstance, get: Get, reads: CardReads): void {
  const { pool, world } = reads

  get(
    '/v1/cards',
    { summary: 'Line list of report cards, newest first, without persons', querystring: CardQuery, response: CardPage },
    async (asker, query) => {
      const filter = toFilter(reads, asker, query as CardQuery)
      if ('code' in filter) return filter
      const { limit, before } = query as CardQuery
      const [page, counted] = await Promise.all([
        listCards(pool, filter, { limit, ...(before === undefined ? {} : { before }) }),
        countCards(pool, filter),
      ])
      return { cards: page.rows, ...counted, ...(page.next === undefined ? {} : { next: page.next }) }
    },
  )

  app.get('/v1/cards.csv', {
    schema: { summary: 'The line list as a CSV file, without persons', tags: ['query'], querystring: CardQuery },
    handler: async (request, reply) => {
      const asker = await reads.authenticate(request, 'GET /v1/cards.csv')
      if ('code' in asker) return sendReject(reply, asker)
      const filter = toFilter(reads, asker, request.query as CardQuery)
      if ('code' in filter) return sendReject(reply, filter)
      const cards: CardView[] = []
      let before: string | undefined
      do {
        const page: Awaited<ReturnType<typeof listCards>> = await listCards(pool, filter, {
          limit: cardPageMax,
          before,
        })
        cards.push(...page.rows)
        before = page.next
      } while (before !== undefined && cards.length < cardExportMax)
      return reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', `attachment; filename="cards-${formatDay(getDayIndex(reads.now()))}.csv"`)
        .header('x-vigil-more', String(before !== undefined))
        .serializer((text: string) => text)
        .send(formatCards(cards, world))
    },
  })

  get(
    '/v1/cards/:cardId',
    {
      summary: 'One report card with its history, also one long reviewed',
      params: z.object({ cardId: Id }),
      response: CardView,
    },
    async (asker, _query, params) => {
      const cardId = params.cardId!
      const held: Card | undefined = world.cards.get(cardId)
      if (held) return asker.sees('cards', held) ? asker.show('cards', held) : reject('CARD_UNKNOWN', { cardId })
      const row = await findCardRow(pool, cardId)
      if (!row || !asker.sees('cards', { ...row.view, source: row.source })) return reject('CARD_UNKNOWN', { cardId })
      return row.view
    },
  )

  get(
    '/v1/card-series',
    {
      summary: 'Cases of a disease by day, by onset, diagnosis, filing or review',
      querystring: CardSeriesQuery,
      response: CardSeriesView,
    },
    async (asker, query) => {
      const { diseaseId, regionCode, by, fromDay, untilDay } = query as z.infer<typeof CardSeriesQuery>
      const [from, until] = [parseDay(fromDay), parseDay(untilDay)]
      if (from === undefined) return reject('DAY_INVALID', { day: fromDay })
      if (until === undefined) return reject('DAY_INVALID', { day: untilDay })
      if (until < from || until - from >= cardSeriesDaysMax) return reject('QUERY_INVALID', { path: 'untilDay' })
      if (!findDiseaseById(diseaseId)) return reject('DISEASE_UNKNOWN', { diseaseId })
      if (!asker.covers(regionCode)) return reject('REGION_FOREIGN', { regionCode })
      const rows = await countCardsByDay(pool, {
        by,
        fromDay,
        untilDay,
        regionCodes: reads.listBelow(asker.covers, regionCode),
        ...toDiseaseFilter(diseaseId),
      })
      const counted = new Map(rows.map(row => [row.day, row.n]))
      const days = Array.from({ length: until - from + 1 }, (_, n) => formatDay(from + n))
      return {
        diseaseId,
        regionCode,
        by,
        days,
        values: days.map(day => counted.get(day) ?? 0),
        undated: counted.get(null) ?? 0,
      }
    },
  )

  get(
    '/v1/events',
    {
      summary: 'Public-health events, newest first',
      querystring: EventQuery,
      response: z.object({ events: z.array(EventView), next: z.string().optional() }),
    },
    async (asker, query) => {
      const { state, regionCode, limit, before } = query as z.infer<typeof EventQuery>
      const filter: HistoryFilter = { limit, regionCodes: reads.listBelow(asker.covers, regionCode) }
      if (state !== undefined) filter.state = state
      if (before !== undefined) filter.before = before
      const found = await listEvents(pool, filter)
      return { events: found.rows, ...(found.next === undefined ? {} : { next: found.next }) }
    },
  )

  get(
    '/v1/events/:eventId',
    { summary: 'One public-health event', params: z.object({ eventId: Id }), response: EventView },
    async (asker, _query, params) => {
      const eventId = params.eventId!
      const event = world.events.get(eventId) ?? (await findRecord<PublicEvent>(pool, 'event_record', eventId))
      if (!event || !asker.sees('events', event)) return reject('EVENT_UNKNOWN', { eventId })
      return event
    },
  )

  get(
    '/v1/rosters',
    { summary: 'Who is on duty, by region', response: z.object({ rosters: z.array(RosterView) }) },
    asker => ({ rosters: [...world.rosters.values()].filter(roster => asker.covers(roster.regionCode)) }),
  )
}
