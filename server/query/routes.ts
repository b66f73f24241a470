/**
 * Routes of query/: GET only, what is true now and what was. Every answer passes the same scope as the sockets: a region or a
 * record outside it does not exist for the asker.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Pool } from 'pg'
import { z } from 'zod'
import { AddressAnswer } from '#contract/address.ts'
import { type Kind, sealedPrefix } from '#contract/entry.ts'
import { type Reject, reject, sendReject } from '#contract/errors.ts'
import { PacksAnswer } from '#contract/pack.ts'
import { Rule } from '#contract/rule.ts'
import { EpochMs, formatDay, Id, RegionCode, SourceKind, Syndrome } from '#contract/scalars.ts'
import {
  AdviceView,
  AlertView,
  CallView,
  CoverView,
  DestinationView,
  DuplicateView,
  IncidentView,
  MassView,
  NumberHistoryView,
  SeriesView,
} from '#contract/view.ts'
import { type BasemapPack, ErrorResponse, PositionRow } from '#contract/wire.ts'
import type { Alert, Call, Incident, Series, ShownCollection, Unit, World } from '../state/world.ts'
import { AddressQuery, type AddressSource, answerAddresses } from './addresses.ts'
import { registerCardReads } from './cards.ts'
import {
  findRecord,
  type HistoryFilter,
  listAlerts,
  listCalls,
  listIncidents,
  listNumberCalls,
  listTrack,
  listTrail,
  pageMax,
  type TrailRow,
} from './sql.ts'
import { registerSurveillanceReads } from './surveillance.ts'

/** What the asker may see, decided by identity/. */
export type Asker = {
  sees(collection: ShownCollection, record: unknown): boolean
  show(collection: ShownCollection, record: unknown): unknown
  covers(regionCode: string): boolean
  kinds: ReadonlySet<Kind>
  /** Set when of the report cards only those of this source are seen. */
  ownCards?: string
  /** Name of the account; undefined for a device. */
  name: string | undefined
}

export type Judged = { method: string; expected: (number | null)[]; threshold: (number | null)[]; alarms: boolean[] }

export type QueryPorts = {
  pool: Pool
  world: World
  basemap: BasemapPack | undefined
  settings(): Record<string, unknown>
  /** The city's clock. */
  now(): number
  mapboxToken: string | undefined
  /** Judges the route, then says what the asker may see. */
  authenticate(request: FastifyRequest, route: string): Promise<Asker | Reject>
  /** Expected values and thresholds of a series by the detector a chart shows. */
  judge(series: Series): Judged
  /** Cases a call may belong to, among those the asker sees. */
  findDuplicates(
    call: Call,
    sees: (collection: 'calls' | 'incidents', record: Call | Incident) => boolean,
  ): DuplicateView[]
  /** Who should go to an open incident, among the units the asker sees. */
  advise(incident: Incident, sees: (unit: Unit) => boolean): Promise<AdviceView>
  /** Several units for a mass casualty; where a patient should go; how well the region is covered. */
  planMass(incident: Incident, sees: (unit: Unit) => boolean, asked: number, reserveLifted: boolean): MassView
  listDestinations(incident: Incident, unit: Unit | undefined): Promise<DestinationView>
  measureCoverage(
    sees: (unit: Unit) => boolean,
    covers: (regionCode: string) => boolean,
    unit: Unit | undefined,
  ): CoverView
  addresses: AddressSource
  /** True in a demo or a played city: packs without a physician's approval may be asked. */
  mayDrill: boolean
}

/** Earlier calls of a number shown at a desk. */
const historyShownMax = 10

const History = z.object({
  state: z.enum(['open', 'acknowledged', 'closed']).optional(),
  regionCode: RegionCode.optional(),
  from: z.coerce.number().pipe(EpochMs).optional(),
  to: z.coerce.number().pipe(EpochMs).optional(),
  limit: z.coerce.number().int().min(1).max(pageMax).default(50),
  before: z
    .string()
    .regex(/^\d{1,15}~[A-Za-z0-9_.:-]{1,64}$/)
    .optional(),
})

const Trail = z.object({
  incidentId: Id.optional(),
  alertId: Id.optional(),
  before: z.coerce.number().int().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(pageMax).default(100),
})
const TrailEntry = z.object({
  seq: z.int(),
  kind: z.string(),
  loggedAt: EpochMs,
  occurredAt: EpochMs,
  source: z.string(),
  actorName: z.string().optional(),
  body: z.record(z.string(), z.unknown()),
  outcome: z.object({ result: z.string(), code: z.string().optional() }),
})

const SeriesQuery = z.object({
  sourceKind: SourceKind,
  syndrome: Syndrome,
  regionCode: RegionCode,
  period: z.enum(['hour', 'day']).default('day'),
})

/** Codes of all regions below (and with) one, for history tables that know no tree. */
export function listBelow(world: World, covers: (code: string) => boolean, scope: string | undefined): string[] {
  const codes: string[] = []
  for (const region of world.regions.values()) {
    if (!covers(region.code)) continue
    let at: string | undefined = region.code
    for (let depth = 0; at !== undefined && depth < 8; depth++) {
      if (scope === undefined || at === scope) {
        codes.push(region.code)
        break
      }
      at = world.regions.get(at)?.parentCode
    }
  }
  return codes
}

function describeSlot(series: Series, slot: number): string {
  const index = series.firstIndex + slot
  return series.period === 'day'
    ? formatDay(index)
    : `${formatDay(Math.floor(index / 24))}T${String(index % 24).padStart(2, '0')}`
}

/** A live series with its expected band, as a chart draws it. */
export function toSeriesView(series: Series, judged: Judged): SeriesView {
  return {
    sourceKind: series.sourceKind as SeriesView['sourceKind'],
    syndrome: series.syndrome as SeriesView['syndrome'],
    regionCode: series.regionCode,
    period: series.period,
    periods: series.values.map((_, slot) => describeSlot(series, slot)),
    values: [...series.values],
    denominators: [...series.denominators],
    reporters: [...series.reporters],
    ...judged,
  }
}

/**
 * True when an entry lies in the asker's regions: its own region and those of every thing it names. What names a thing whose
 * region nobody knows any more is shown to keepers of the whole installation alone.
 */
function isInSight(world: World, asker: Asker, { body, regions }: Pick<TrailRow, 'body' | 'regions'>): boolean {
  const known = regions.filter(code => code !== null)
  const { regionCode, unitId, alertId, pageId, recordKind, recordId, eventId } = body
  const incidentId = recordKind === 'incident' ? recordId : body.incidentId
  const callId = recordKind === 'call' ? recordId : body.callId
  const cardId = recordKind === 'card' ? recordId : body.cardId
  if (typeof regionCode === 'string') known.push(regionCode)
  const live = [
    typeof unitId === 'string' ? world.units.get(unitId)?.regionCode : undefined,
    typeof incidentId === 'string' ? world.incidents.get(incidentId)?.regionCode : undefined,
    typeof callId === 'string' ? world.calls.get(callId)?.regionCode : undefined,
    typeof cardId === 'string' ? world.cards.get(cardId)?.regionCode : undefined,
    typeof eventId === 'string' ? world.events.get(eventId)?.regionCode : undefined,
    typeof alertId === 'string' ? world.alerts.get(alertId)?.regionCode : undefined,
    typeof pageId === 'string' ? world.pages.get(pageId)?.regionCode : undefined,
  ]
  known.push(...live.filter(code => code !== undefined))
  const isLocal = [incidentId, callId, cardId, alertId, unitId, pageId, eventId].some(id => typeof id === 'string')
  if (known.length === 0) return !isLocal || asker.covers('')
  // A case that was handed over or shown to the asker's centre lies elsewhere and is in its sight all the same.
  const incident = typeof incidentId === 'string' ? world.incidents.get(incidentId) : undefined
  const shown = incident && asker.sees('incidents', incident) ? incident.regionCode : undefined
  return known.every(code => code === shown || asker.covers(code))
}

/** Leaves sealed values out of a body: the trail says that something was said, never what. */
function withoutSealed(body: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(body).map(([key, value]) => [
      key,
      key === 'numberHash' || key === 'personKeys' || (typeof value === 'string' && value.startsWith(sealedPrefix))
        ? '(sealed)'
        : value,
    ]),
  )
}

export function registerQueryRoutes(app: FastifyInstance, ports: QueryPorts): void {
  const { world, pool } = ports
  const errors = { '4xx': ErrorResponse, '5xx': ErrorResponse }

  /** One GET: judges the asker, runs the work, sends a refusal as a refusal. */
  const get = <Q>(
    url: string,
    documented: { summary: string; querystring?: z.ZodType<Q>; params?: z.ZodType; response: z.ZodType },
    work: (asker: Asker, query: Q, params: Record<string, string>) => Promise<unknown> | unknown,
  ) => {
    app.get(url, {
      schema: {
        summary: documented.summary,
        tags: ['query'],
        ...(documented.querystring ? { querystring: documented.querystring } : {}),
        ...(documented.params ? { params: documented.params } : {}),
        response: { 200: documented.response, ...errors },
      },
      handler: async (request, reply) => {
        const asker = await ports.authenticate(request, `GET ${url}`)
        if ('code' in asker) return sendReject(reply, asker)
        const answer = await work(asker, request.query as Q, request.params as Record<string, string>)
        if (isReject(answer)) return sendReject(reply, answer)
        return answer
      },
    })
  }

  // The sign-in page reads this too: a stranger learns what the page shows, the operator's map token only who has signed in.
  app.get('/v1/settings', {
    schema: {
      summary: 'What this installation is',
      tags: ['query'],
      response: { 200: z.record(z.string(), z.unknown()) },
    },
    handler: async request => {
      const asker = await ports.authenticate(request, 'GET /v1/basemap')
      const isKnown = !('code' in asker) && ports.mapboxToken !== undefined
      return { ...ports.settings(), ...(isKnown ? { mapboxToken: ports.mapboxToken } : {}) }
    },
  })

  get(
    '/v1/basemap',
    { summary: 'Basemap and region geometry', response: z.unknown() },
    () => ports.basemap ?? reject('RECORD_UNKNOWN'),
  )

  get(
    '/v1/series',
    { summary: 'One live series with its expected band', querystring: SeriesQuery, response: SeriesView },
    (asker, query) => {
      const { sourceKind, syndrome, regionCode, period } = query as z.infer<typeof SeriesQuery>
      if (!asker.covers(regionCode)) return reject('REGION_FOREIGN', { regionCode })
      const series = world.series.get(`${period}|${sourceKind}|${syndrome}|${regionCode}`)
      if (!series)
        return {
          sourceKind,
          syndrome,
          regionCode,
          period,
          periods: [],
          values: [],
          denominators: [],
          reporters: [],
          expected: [],
          threshold: [],
          alarms: [],
        }
      return toSeriesView(series, ports.judge(series))
    },
  )

  get(
    '/v1/alerts/:alertId/series',
    {
      summary: 'Every series behind an alert',
      params: z.object({ alertId: Id }),
      response: z.object({ series: z.array(SeriesView) }),
    },
    (asker, _query, params) => {
      const alert = world.alerts.get(params.alertId!)
      if (!alert || !asker.sees('alerts', alert)) return reject('ALERT_UNKNOWN', { alertId: params.alertId! })
      const shown = asker.show('alerts', alert) as z.infer<typeof AlertView>
      const keys = new Set<string>()
      for (const e of shown.evidence)
        if (e.sourceKind && e.syndrome)
          keys.add(`${e.period.includes('T') ? 'hour' : 'day'}|${e.sourceKind}|${e.syndrome}|${e.regionCode}`)
      if (shown.evidence.length > 0 && shown.syndrome)
        for (const sourceKind of SourceKind.options) keys.add(`day|${sourceKind}|${shown.syndrome}|${shown.regionCode}`)
      const series = [...keys].flatMap(key => world.series.get(key) ?? [])
      return { series: series.map(s => toSeriesView(s, ports.judge(s))) }
    },
  )

  const toFilter = (asker: Asker, query: z.infer<typeof History>): HistoryFilter => {
    const filter: HistoryFilter = { limit: query.limit, regionCodes: listBelow(world, asker.covers, query.regionCode) }
    if (query.state !== undefined) filter.state = query.state
    if (query.from !== undefined) filter.from = query.from
    if (query.to !== undefined) filter.to = query.to
    if (query.before !== undefined) filter.before = query.before
    return filter
  }
  const page = <T extends z.ZodType>(name: string, row: T) =>
    z.object({ [name]: z.array(row), next: z.string().optional() })
  const answerPage = (name: string, found: { rows: unknown[]; next?: string }) => ({
    [name]: found.rows,
    ...(found.next === undefined ? {} : { next: found.next }),
  })

  get(
    '/v1/incidents',
    { summary: 'Incidents, newest first', querystring: History, response: page('incidents', IncidentView) },
    async (asker, query) =>
      answerPage('incidents', await listIncidents(pool, toFilter(asker, query as z.infer<typeof History>))),
  )
  get(
    '/v1/incidents/:incidentId/advice',
    {
      summary:
        'Who should go: at most five units with arrival, every term of the choice, and why nearer ones were left out',
      params: z.object({ incidentId: Id }),
      response: AdviceView,
    },
    (asker, _query, params) => {
      const incidentId = params.incidentId!
      const incident = world.incidents.get(incidentId)
      if (!incident || !asker.sees('incidents', incident)) return reject('INCIDENT_UNKNOWN', { incidentId })
      if (incident.state === 'closed') return reject('INCIDENT_CLOSED', { incidentId })
      return ports.advise(incident, unit => asker.sees('units', unit))
    },
  )
  const MassQuery = z.object({
    count: z.coerce.number().int().min(1).max(20).default(4),
    lifted: z.enum(['true', 'false']).default('false'),
  })
  get(
    '/v1/incidents/:incidentId/mass',
    {
      summary: 'Several units for one place, greedily, floor(0.3 × idle) kept for the rest unless lifted',
      params: z.object({ incidentId: Id }),
      querystring: MassQuery,
      response: MassView,
    },
    (asker, query, params) => {
      const incidentId = params.incidentId!
      const incident = world.incidents.get(incidentId)
      if (!incident || !asker.sees('incidents', incident)) return reject('INCIDENT_UNKNOWN', { incidentId })
      if (incident.state === 'closed') return reject('INCIDENT_CLOSED', { incidentId })
      const { count, lifted } = query as z.infer<typeof MassQuery>
      return ports.planMass(incident, unit => asker.sees('units', unit), count, lifted === 'true')
    },
  )
  const OfUnit = z.object({ unitId: Id.optional() })
  get(
    '/v1/incidents/:incidentId/destinations',
    {
      summary: 'Where a patient should go: drive, services wanted, load and diversions with their age',
      params: z.object({ incidentId: Id }),
      querystring: OfUnit,
      response: DestinationView,
    },
    (asker, query, params) => {
      const incidentId = params.incidentId!
      const incident = world.incidents.get(incidentId)
      if (!incident || !asker.sees('incidents', incident)) return reject('INCIDENT_UNKNOWN', { incidentId })
      if (incident.state === 'closed') return reject('INCIDENT_CLOSED', { incidentId })
      const { unitId } = query as z.infer<typeof OfUnit>
      const unit = unitId === undefined ? undefined : world.units.get(unitId)
      if (unitId !== undefined && (!unit || !asker.sees('units', unit))) return reject('UNIT_UNKNOWN', { unitId })
      return ports.listDestinations(incident, unit)
    },
  )
  get(
    '/v1/cover',
    {
      summary: 'How well the region is covered, and moves that would help; with a unit, its bases in order',
      querystring: OfUnit,
      response: CoverView,
    },
    (asker, query) => {
      const { unitId } = query as z.infer<typeof OfUnit>
      const unit = unitId === undefined ? undefined : world.units.get(unitId)
      if (unitId !== undefined && (!unit || !asker.sees('units', unit))) return reject('UNIT_UNKNOWN', { unitId })
      return ports.measureCoverage(each => asker.sees('units', each), asker.covers, unit)
    },
  )
  get(
    '/v1/packs',
    { summary: 'Question packs in force, with author and medical approval', response: PacksAnswer },
    () => ({ version: world.city.packsVersion ?? 0, mayDrill: ports.mayDrill, packs: [...world.packs.values()] }),
  )
  get(
    '/v1/addresses',
    {
      summary: 'Places by name, pinyin, junction, mile post or position; best first, each with how it was found',
      querystring: AddressQuery,
      response: AddressAnswer,
    },
    (asker, query) => answerAddresses(ports, asker.covers, query as z.infer<typeof AddressQuery>),
  )
  get(
    '/v1/calls',
    { summary: 'Calls, newest first', querystring: History, response: page('calls', CallView) },
    async (asker, query) =>
      answerPage('calls', await listCalls(pool, toFilter(asker, query as z.infer<typeof History>))),
  )
  get(
    '/v1/calls/:callId/history',
    {
      summary: "What is known of a caller's number, without the number: earlier calls and the nuisance mark",
      params: z.object({ callId: Id }),
      response: NumberHistoryView,
    },
    async (asker, _query, params) => {
      const callId = params.callId!
      const call = world.calls.get(callId)
      if (!call || !asker.sees('calls', call)) return reject('CALL_UNKNOWN', { callId })
      const found = await listNumberCalls(pool, callId, pageMax)
      const earlier = found.filter(one => one.receivedAt <= call.receivedAt && asker.sees('calls', one))
      const mark = call.numberHash === undefined ? undefined : world.numbers.get(call.numberHash)?.mark
      return {
        callId,
        calls: earlier.slice(0, historyShownMax),
        ...(mark ? { mark: { ...mark, isInForce: mark.expiresAt > ports.now() } } : {}),
      }
    },
  )
  get(
    '/v1/calls/:callId/duplicates',
    {
      summary: 'Open cases that may be the same event, best first, with the reasons',
      params: z.object({ callId: Id }),
      response: z.object({ candidates: z.array(DuplicateView) }),
    },
    (asker, _query, params) => {
      const callId = params.callId!
      const call = world.calls.get(callId)
      if (!call || !asker.sees('calls', call)) return reject('CALL_UNKNOWN', { callId })
      return { candidates: ports.findDuplicates(call, (collection, record) => asker.sees(collection, record)) }
    },
  )
  get(
    '/v1/alerts',
    { summary: 'Alerts, newest first', querystring: History, response: page('alerts', AlertView) },
    async (asker, query) => {
      const found = await listAlerts(pool, toFilter(asker, query as z.infer<typeof History>))
      return answerPage('alerts', {
        ...found,
        rows: found.rows.filter(a => asker.sees('alerts', a)).map(a => asker.show('alerts', a)),
      })
    },
  )

  get(
    '/v1/incidents/:incidentId',
    { summary: 'One incident, also one long closed', params: z.object({ incidentId: Id }), response: IncidentView },
    async (asker, _query, params) => {
      const incidentId = params.incidentId!
      const incident =
        world.incidents.get(incidentId) ?? (await findRecord<Incident>(pool, 'incident_record', incidentId))
      // Of an incident outside the scope not even its being there is told.
      if (!incident || !asker.sees('incidents', incident)) return reject('INCIDENT_UNKNOWN', { incidentId })
      return asker.show('incidents', incident)
    },
  )
  get(
    '/v1/alerts/:alertId',
    { summary: 'One alert, also one long closed', params: z.object({ alertId: Id }), response: AlertView },
    async (asker, _query, params) => {
      const alertId = params.alertId!
      const alert = world.alerts.get(alertId) ?? (await findRecord<Alert>(pool, 'alert_record', alertId))
      if (!alert || !asker.sees('alerts', alert)) return reject('ALERT_UNKNOWN', { alertId })
      return asker.show('alerts', alert)
    },
  )
  get(
    '/v1/rules',
    { summary: 'The rules in force', response: z.object({ version: z.int(), rules: z.array(Rule) }) },
    () => ({ version: world.city.rulesVersion, rules: [...world.rules.values()] }),
  )

  const Track = z.object({ from: z.coerce.number().pipe(EpochMs), to: z.coerce.number().pipe(EpochMs) })
  get(
    '/v1/units/:id/track',
    {
      summary: 'Fixes of a unit by device time',
      params: z.object({ id: Id }),
      querystring: Track,
      response: z.object({ fixes: z.array(PositionRow) }),
    },
    async (asker, query, params) => {
      const unit = world.units.get(params.id!)
      // A neighbour's unit is seen while it serves; where it was before is its own region's.
      if (!unit || !asker.sees('units', unit) || !asker.covers(unit.regionCode))
        return reject('UNIT_UNKNOWN', { unitId: params.id! })
      const { from, to } = query as z.infer<typeof Track>
      return { fixes: await listTrack(pool, params.id!, from, to) }
    },
  )

  get(
    '/v1/entries',
    {
      summary: 'The audit trail: entries and their outcomes, newest first',
      querystring: Trail,
      response: z.object({ entries: z.array(TrailEntry), next: z.int().optional() }),
    },
    async (asker, query) => {
      const { incidentId, alertId, before, limit } = query as z.infer<typeof Trail>
      const rows = await listTrail(pool, {
        kinds: [...asker.kinds],
        limit,
        ...(incidentId === undefined ? {} : { incidentId }),
        ...(alertId === undefined ? {} : { alertId }),
        ...(before === undefined ? {} : { beforeSeq: before }),
      })
      const seen = rows.filter(row => isInSight(world, asker, row))
      return {
        entries: seen.map(({ actor, body, result, code, regions: _regions, ...row }) => ({
          ...row,
          ...(actor ? { actorName: actor.name } : {}),
          body: withoutSealed(body),
          outcome: { result: result ?? 'done', ...(code === null ? {} : { code }) },
        })),
        ...(rows.length === limit ? { next: rows.at(-1)!.seq } : {}),
      }
    },
  )

  registerCardReads(app, get, {
    pool,
    world,
    now: ports.now,
    listBelow: (covers, scope) => listBelow(world, covers, scope),
    authenticate: ports.authenticate,
  })
  registerSurveillanceReads(get, { pool, world, listBelow: (covers, scope) => listBelow(world, covers, scope) })
}

function isReject(answer: unknown): answer is Reject {
  return (
    typeof answer === 'object' &&
    answer !== null &&
    'code' in answer &&
    !('http' in answer) &&
    Object.keys(answer).every(k => k === 'code' || k === 'params')
  )
}
