/**
 * Routes of reports: GET only, figures recomputed from the tables at each asking, as JSON for the page and as CSV for whoever
 * checks it. Bounded by period and by records; a larger wish is refused, never cut off silently.
 */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { z } from 'zod'
import { formatCsv } from '#contract/csv.ts'
import { type Reject, reject, sendReject } from '#contract/errors.ts'
import {
  DispatchReportView,
  kpiDefinitions,
  ReactionFrom,
  ratioDefinitions,
  reportDaysMax,
  reportRecordsMax,
  stampRule,
} from '#contract/report.ts'
import { dayMs, EpochMs, RegionCode, shanghaiOffsetMs } from '#contract/scalars.ts'
import { ErrorResponse } from '#contract/wire.ts'
import type { World } from '../state/world.ts'
import { createReport } from './dispatch-report.ts'
import { type Asker, listBelow, type QueryPorts } from './routes.ts'
import { listReportCalls, listReportIncidents, type ReportFilter, reportPageMax } from './sql.ts'

const DispatchQuery = z.object({
  from: z.coerce.number().pipe(EpochMs),
  to: z.coerce.number().pipe(EpochMs),
  region: RegionCode.optional(),
  reactionFrom: ReactionFrom.default('answer'),
})
type DispatchQuery = z.infer<typeof DispatchQuery>

/** The county of a region, or the region itself when the published tree has none above it. */
export function findArea(world: Pick<World, 'regions'>, code: string): string {
  let at: string | undefined = code
  for (let depth = 0; at !== undefined && depth < 8; depth++) {
    const region = world.regions.get(at)
    if (!region) return code
    if (region.level === 'county') return at
    at = region.parentCode
  }
  return code
}

/** Counts the key figures of a period; refused when it is longer or holds more than one report may. */
export async function makeDispatchReport(
  ports: Pick<QueryPorts, 'pool' | 'world' | 'now'>,
  asker: Pick<Asker, 'covers'>,
  query: DispatchQuery,
): Promise<DispatchReportView | Reject> {
  const { pool, world } = ports
  const { from, to, region, reactionFrom } = query
  if (to <= from) return reject('QUERY_INVALID', { path: 'to' })
  if (to - from > reportDaysMax * dayMs) return reject('REPORT_TOO_LONG', { max: reportDaysMax })
  if (region !== undefined && !asker.covers(region)) return reject('REGION_FOREIGN', { regionCode: region })
  const report = createReport({
    from,
    to,
    regionCode: region,
    reactionFrom,
    computedAt: ports.now(),
    areaOf: code => findArea(world, code),
  })
  const base = { from, to, regionCodes: listBelow(world, asker.covers, region) }
  let records = 0
  /** Reads a table page by page; false when the report grew too large. */
  const readAll = async <T extends { at: number; id: string }>(
    list: (filter: ReportFilter) => Promise<T[]>,
    add: (row: T) => void,
  ): Promise<boolean> => {
    let after: ReportFilter['after']
    for (;;) {
      const rows = await list(after ? { ...base, after } : base)
      records += rows.length
      if (records > reportRecordsMax) return false
      for (const row of rows) add(row)
      const last = rows.at(-1)
      if (rows.length < reportPageMax || !last) return true
      after = { at: last.at, id: last.id }
    }
  }
  const isWhole =
    (await readAll(
      filter => listReportCalls(pool, filter),
      row =>
        report.addCall({
          callId: row.id,
          regionCode: row.regionCode,
          level: row.level ?? undefined,
          ringAt: row.at,
          answeredAt: row.answeredAt ?? undefined,
          isAbandoned: row.answeredAt === null && (row.abandonedAt !== null || row.outcome === 'abandoned'),
          isRinging: row.answeredAt === null && row.abandonedAt === null && row.outcome === null,
        }),
    )) &&
    (await readAll(
      filter => listReportIncidents(pool, filter),
      row =>
        report.addIncident({
          incidentId: row.id,
          regionCode: row.regionCode,
          level: row.level,
          outcome: row.outcome ?? undefined,
          isClosed: row.state === 'closed',
          isMerged: row.isMerged,
          stamps: row.stamps,
        }),
    ))
  return isWhole ? report.finish() : reject('REPORT_TOO_LARGE', { max: reportRecordsMax })
}

/** Shanghai day and time of an instant, as a spreadsheet reads it. */
export function formatInstant(at: number): string {
  return new Date(at + shanghaiOffsetMs).toISOString().slice(0, 19).replace('T', ' ')
}

/** The report as a file: definitions first, so that a figure never travels without its meaning. Both languages in every heading. */
export function writeDispatchCsv(view: DispatchReportView, nameRegion: (code: string) => string): string {
  const levels: Readonly<Record<number, string>> = { 0: '全部 all', 1: 'I', 2: 'II', 3: 'III', 4: 'IV', 9: '未定 none' }
  const area = (code: string) =>
    code === '' ? `全部 all${view.regionCode ? ` ${nameRegion(view.regionCode)}` : ''}` : nameRegion(code)
  const start = view.reactionFrom === 'ring' ? 't0 振铃 ring' : 't1 摘机 pick-up'
  return formatCsv([
    ['调度指标 Dispatch report', `${formatInstant(view.from)} – ${formatInstant(view.to)}`],
    ['生成 computed', formatInstant(view.computedAt)],
    ['反应用时起点 reaction from', start],
    [stampRule.zh, stampRule.en],
    ['百分位 percentiles', '最近秩:升序第 ⌈p·n⌉ 个 nearest rank'],
    [],
    ['指标 figure', '目标(秒)target s', '应达 share', '定义', 'definition'],
    ...kpiDefinitions.map(d => [
      `${d.name.zh} ${d.name.en}`,
      d.targetS,
      d.targetShare,
      d.definition.zh,
      d.definition.en,
    ]),
    ...ratioDefinitions.map(d => [`${d.name.zh} ${d.name.en}`, undefined, d.target, d.definition.zh, d.definition.en]),
    [],
    ['来电 calls', view.calls],
    ['未接挂断 abandoned', view.abandoned],
    ['仍在振铃 ringing', view.ringing],
    ['事件 incidents', view.incidents],
    ['任务 runs', view.runs],
    ['进行中任务 runs on', view.runsOn],
    ['出车前撤销 withdrawn', view.withdrawn],
    ['并案 merged', view.merged],
    [],
    [
      'kpi',
      '区域代码 region',
      '区域 area',
      '级别 level',
      'n',
      '缺失 missing',
      '倒序 reversed',
      '离线 offline',
      '修改 edited',
      '达标 within',
      '达标率 share',
      '均值(秒)mean s',
      'P50 s',
      'P90 s',
    ],
    ...view.rows.map(row => [
      row.kpi,
      row.regionCode,
      area(row.regionCode),
      levels[row.level],
      row.n,
      row.missing,
      row.reversed,
      row.offline,
      row.edited,
      row.within,
      row.n === 0 ? undefined : row.within / row.n,
      row.meanS,
      row.p50S,
      row.p90S,
    ]),
    [],
    ['ratio', '区域代码 region', '区域 area', '级别 level', '分子 numerator', '分母 denominator', '比率 share'],
    ...view.ratios.map(row => [
      row.ratio,
      row.regionCode,
      area(row.regionCode),
      levels[row.level],
      row.numerator,
      row.denominator,
      row.denominator === 0 ? undefined : row.numerator / row.denominator,
    ]),
  ])
}

/** Sends text as a file to be kept. */
export function sendCsv(reply: FastifyReply, name: string, text: string): FastifyReply {
  return reply
    .header('content-disposition', `attachment; filename="${name}"`)
    .header('cache-control', 'no-store')
    .type('text/csv; charset=utf-8')
    .serializer((body: unknown) => body as string)
    .send(text)
}

export function registerReportRoutes(app: FastifyInstance, ports: QueryPorts): void {
  const { world } = ports
  const errors = { '4xx': ErrorResponse, '5xx': ErrorResponse }
  app.get('/v1/reports/dispatch', {
    schema: {
      summary: 'Key figures of dispatch for a period, by area and level, with what is missing',
      tags: ['reports'],
      querystring: DispatchQuery,
      response: { 200: DispatchReportView, ...errors },
    },
    handler: async (request, reply) => {
      const asker = await ports.authenticate(request, 'GET /v1/reports/dispatch')
      if ('code' in asker) return sendReject(reply, asker)
      const made = await makeDispatchReport(ports, asker, request.query as DispatchQuery)
      return 'code' in made ? sendReject(reply, made) : made
    },
  })
  app.get('/v1/reports/dispatch.csv', {
    schema: {
      summary: 'The same report as CSV with its definitions',
      tags: ['reports'],
      querystring: DispatchQuery,
      response: { 200: z.string(), ...errors },
    },
    handler: async (request, reply) => {
      const asker = await ports.authenticate(request, 'GET /v1/reports/dispatch.csv')
      if ('code' in asker) return sendReject(reply, asker)
      const made = await makeDispatchReport(ports, asker, request.query as DispatchQuery)
      if ('code' in made) return sendReject(reply, made)
      const day = (at: number) => formatInstant(at).slice(0, 10)
      const name = `vigil-dispatch-${day(made.from)}-${day(made.to - 1)}.csv`
      return sendCsv(
        reply,
        name,
        writeDispatchCsv(made, code => world.regions.get(code)?.name ?? code),
      )
    },
  })
}
