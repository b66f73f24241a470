/**
 * Wire: what travels over HTTP and sockets, for both ends. Fan-out is snapshot, then packets {afterSeq, seq}; a client that
 * missed one asks for a snapshot again. Positions are the compact rows of `PositionRow`.
 */
import { z } from 'zod'
import { Submission } from './entry.ts'
import { AgeBand, CaseClass, Day, EpochMs, Id, RegionCode, Sex } from './scalars.ts'
import {
  AlertView,
  CallView,
  CardDate,
  CardView,
  CityView,
  cardStates,
  DraftView,
  EventView,
  IncidentView,
  PlaceView,
  RegionView,
  SessionView,
  UnitView,
  WorldView,
} from './view.ts'

/** Version of everything in this file; an older console is asked to reload at its next pause. */
export const wireVersion = 1

/** Milliseconds between packets to a client. */
export const packetEveryMs = 250
/** An empty packet at least this often proves reach; without one for 3 s a console calls its data old. */
export const heartbeatEveryMs = 1_000

export const EntriesRequest = z.object({ entries: z.array(Submission) })
export type EntriesRequest = { entries: readonly z.input<typeof Submission>[] }

export const EntryOutcome = z.object({
  index: z.int(),
  result: z.enum(['done', 'refused']),
  /** Set when the entry stands in the log (also a refused command does). */
  seq: z.int().optional(),
  code: z.string().optional(),
  zh: z.string().optional(),
  en: z.string().optional(),
  params: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
  /** True when the entry had been counted before: twice is once. */
  repeated: z.boolean().optional(),
})
export type EntryOutcome = z.infer<typeof EntryOutcome>

/** Answer to POST /v1/entries: one outcome an item, in the order sent. */
export const EntriesResponse = z.object({ incarnation: z.string(), outcomes: z.array(EntryOutcome) })
export type EntriesResponse = z.infer<typeof EntriesResponse>

/** A refusal of a whole request. */
export const ErrorResponse = z.object({
  code: z.string(),
  zh: z.string(),
  en: z.string(),
  params: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
})
export type ErrorResponse = z.infer<typeof ErrorResponse>

/** One unit's newest fix: [unitId, lon, lat, fixAt, courseDeg or -1, speedKmh or -1]. */
export const PositionRow = z.tuple([Id, z.number(), z.number(), EpochMs, z.number(), z.number()])
export type PositionRow = z.infer<typeof PositionRow>

/** Whole records replace; ids in `gone` have left the client's scope or the world. */
export const Changes = z.object({
  city: CityView.optional(),
  regions: z.array(RegionView).optional(),
  places: z.array(PlaceView).optional(),
  units: z.array(UnitView).optional(),
  positions: z.array(PositionRow).optional(),
  calls: z.array(CallView).optional(),
  incidents: z.array(IncidentView).optional(),
  alerts: z.array(AlertView).optional(),
  events: z.array(EventView).optional(),
  cards: z.array(CardView).optional(),
  drafts: z.array(DraftView).optional(),
  gone: z
    .object({
      events: z.array(Id),
      cards: z.array(Id),
      drafts: z.array(Id),
      units: z.array(Id),
      calls: z.array(Id),
      incidents: z.array(Id),
      alerts: z.array(Id),
      places: z.array(Id),
    })
    .partial()
    .optional(),
})
export type Changes = z.infer<typeof Changes>

/** Rows of one page of a line list at most, and of one CSV file. */
export const cardPageMax = 200
export const cardExportMax = 50_000
/** Cards counted for `total` at most: beyond it a list says "more than". */
export const cardTotalMax = 10_000

/**
 * GET /v1/cards: the line list, newest first by the date it goes by; GET /v1/cards.csv takes the same without paging. All
 * filters are ANDed; `diseaseId` includes what lies under it; days are inclusive. `before` is the `next` of a page.
 */
export const CardQuery = z.object({
  by: CardDate.default('diagnosis'),
  fromDay: Day.optional(),
  untilDay: Day.optional(),
  diseaseId: Id.optional(),
  caseClass: CaseClass.optional(),
  regionCode: RegionCode.optional(),
  facilityId: Id.optional(),
  placeId: Id.optional(),
  state: z.enum(cardStates).optional(),
  ageBand: AgeBand.optional(),
  sex: Sex.optional(),
  /** `true`: only cards filed late, or whose review is overdue now. */
  late: z.enum(['true', 'false']).optional(),
  overdue: z.enum(['true', 'false']).optional(),
  /** `false`: without cards joined to an earlier one. */
  duplicates: z.enum(['true', 'false']).optional(),
  limit: z.coerce.number().int().min(1).max(cardPageMax).default(50),
  before: z
    .string()
    .regex(/^\d{4}-\d\d-\d\d~[A-Za-z0-9_.:-]{1,64}$/)
    .optional(),
})
export type CardQuery = z.infer<typeof CardQuery>

/** One page; `total` counts all that match, up to `cardTotalMax` (then `isMore`). Retracted cards stand in it, marked. */
export const CardPage = z.object({
  cards: z.array(CardView),
  total: z.int(),
  isMore: z.boolean(),
  next: z.string().optional(),
})
export type CardPage = z.infer<typeof CardPage>

/** GET /v1/card-series: at most 800 days. */
export const CardSeriesQuery = z.object({
  diseaseId: Id,
  regionCode: RegionCode,
  by: CardDate.default('diagnosis'),
  fromDay: Day,
  untilDay: Day,
})
export const cardSeriesDaysMax = 800

export const Hello = z.object({
  wireVersion: z.int(),
  serverVersion: z.string(),
  incarnation: z.string(),
  session: SessionView,
})
export type Hello = z.infer<typeof Hello>

export const Snapshot = z.object({ incarnation: z.string(), seq: z.int(), at: EpochMs, world: WorldView })
export type Snapshot = z.infer<typeof Snapshot>

/** All changes of the scope with afterSeq < seq ≤ this seq, coalesced to the last state. */
export const Packet = z.object({ afterSeq: z.int(), seq: z.int(), at: EpochMs, changes: Changes })
export type Packet = z.infer<typeof Packet>

/** Numeric vitals of a watched unit. */
export const VitalsFrame = z.object({
  unitId: Id,
  rows: z.array(z.record(z.string(), z.union([z.string(), z.number()]))),
})
export type VitalsFrame = z.infer<typeof VitalsFrame>

/**
 * Socket events. Server → client: `hello` Hello, `snapshot` Snapshot, `packet` Packet, `vitals` VitalsFrame, `signedOut` reason code.
 * Client → server: `resync` () asks for a snapshot; `watch` {unitId, on}; `submit` (EntriesRequest, ack EntriesResponse|ErrorResponse).
 */
export const WatchRequest = z.strictObject({ unitId: Id, on: z.boolean() })
export type WatchRequest = z.infer<typeof WatchRequest>

/**
 * A whisper, never stored: client → `look` says which case this seat has open (none: left out); server → `looking` names the
 * others who have it open too, at most `lookersMax`.
 */
export const LookRequest = z.strictObject({ incidentId: Id.optional() })
export const Looking = z.object({ incidentId: Id, names: z.array(z.string()) })
export type Looking = z.infer<typeof Looking>
/** Names told of one case at most. */
export const lookersMax = 8

/** POST /v1/session */
export const SignInRequest = z.strictObject({ accountId: Id, password: z.string().min(1).max(200) })
/** POST /v1/session/password */
export const PasswordRequest = z.strictObject({ current: z.string().min(1).max(200), next: z.string().min(1).max(200) })

/** Basemap and region geometry of the city: GET /v1/basemap; drawn by the console, never used by the line. */
export type BasemapPack = {
  meta: {
    name: string
    source: string
    licence: string
    crs: 'WGS-84'
    approval?: string
    schematic: boolean
    day: string
  }
  regions: readonly {
    code: string
    parentCode?: string
    name: string
    nameEn: string
    level: 'province' | 'city' | 'county' | 'street'
    lon: number
    lat: number
    population: number
    polygon: readonly (readonly (readonly [number, number])[])[]
  }[]
  basemap: { type: 'FeatureCollection'; features: readonly unknown[] }
}
