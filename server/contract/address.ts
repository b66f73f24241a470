/**
 * Addresses: the gazetteer of a city (places, roads, junctions, landmarks, mile posts) as a file of the region pack, and what a
 * search in it answers. The line never reads the file: an incident carries the id and the coordinates that a desk accepted.
 * File `gazetteer.ndjson`: first line a GazetteerHead, then one GazetteerRow a line, WGS-84, UTF-8.
 */
import { z } from 'zod'
import { Day, Id, Lat, Lon, Name, RegionCode } from './scalars.ts'

/** Version of the file format. */
export const gazetteerFormat = 1
/** Rows of one gazetteer: a province of 40 million people has about a million named places. */
export const gazetteerRowsMax = 1_000_000
/** Characters of one line of the file: a road with its mile posts is the longest. */
export const gazetteerLineMax = 64 * 1_024
/** Characters of a search; longer is refused. */
export const addressQueryMax = 60
/** Hits of an answer. */
export const addressHitsMax = 10
/** Names of one row beside its first. */
const aliasesMax = 12
/** Posts of one road: one each 500 m of 1,000 km. */
const postsMax = 2_000

/** First line of the file: what it is, whose, of when. */
export const GazetteerHead = z.strictObject({
  format: z.literal(gazetteerFormat),
  /** Version an incident names beside the id it accepted; grows with every publication. */
  version: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$/),
  name: Name,
  source: z.string().min(1).max(400),
  licence: z.string().min(1).max(120),
  crs: z.literal('WGS-84'),
  day: Day,
})
export type GazetteerHead = z.infer<typeof GazetteerHead>

/** region 区划 · place 村居小区 · road · junction · landmark 地标 · facility 医院学校等. A mile post or a point is made by the search. */
export const GazetteerKind = z.enum(['region', 'place', 'road', 'junction', 'landmark', 'facility'])
export type GazetteerKind = z.infer<typeof GazetteerKind>

/** One named thing. `pinyin` (syllables without tone, one a character) stands where the usual reading is wrong. */
export const GazetteerRow = z.strictObject({
  id: Id,
  kind: GazetteerKind,
  name: Name,
  nameEn: Name.optional(),
  aliases: z.array(Name).max(aliasesMax).optional(),
  pinyin: z
    .array(z.string().regex(/^[a-z]{1,6}$/))
    .max(120)
    .optional(),
  regionCode: RegionCode.optional(),
  lon: Lon,
  lat: Lat,
  /** How much people speak of it, 0..1; a railway station is 1, a hamlet 0.1. */
  weight: z.number().min(0).max(1).optional(),
  /** Roads that meet here: a junction is found by either order of their names. */
  roads: z.array(Name).min(2).max(6).optional(),
  /** Number of a road as on its signs: G525, S11. */
  code: z
    .string()
    .regex(/^[A-Z]{1,2}\d{1,4}$/)
    .optional(),
  /** Mile posts of a road: metres from K0, lon, lat, in rising order; between two of them it is a straight line. */
  posts: z
    .array(z.tuple([z.number().min(0).max(6_000_000), Lon, Lat]))
    .max(postsMax)
    .optional(),
})
export type GazetteerRow = z.infer<typeof GazetteerRow>

/**
 * How a hit was found, best first: written in full · its beginning · within · roads of a junction · mile post · a pasted position ·
 * full pinyin · mixed · initials · as spoken here (zh=z, ng=n) · with a slip of the finger.
 */
export const AddressHow = z.enum([
  'exact',
  'prefix',
  'within',
  'junction',
  'post',
  'point',
  'pinyin',
  'mixed',
  'initials',
  'accent',
  'typo',
])
export type AddressHow = z.infer<typeof AddressHow>

/** What the place stands for when the text said more than the gazetteer knows. */
export const AddressRough = z.enum(['road', 'number', 'chainage', 'datum'])

/** One place offered. `confidence` is the share (0..1) of such hits that are meant, by how it was found and how alone it is. */
export const AddressHit = z.object({
  gazetteerId: Id.optional(),
  kind: z.enum([...GazetteerKind.options, 'post', 'point']),
  name: z.string(),
  nameEn: z.string().optional(),
  regionCode: RegionCode.optional(),
  lon: Lon,
  lat: Lat,
  how: AddressHow,
  confidence: z.number().min(0).max(1),
  /** The place stands for more than a point: the middle of a road, a number nobody knows, a chainage beyond the last post, a datum not told. */
  rough: AddressRough.optional(),
  /** True when it lies in no published region. */
  outside: z.boolean(),
})
export type AddressHit = z.infer<typeof AddressHit>

/** GET /v1/addresses: hits best first, of which gazetteer; without a gazetteer (`version` absent) only positions are read. */
export const AddressAnswer = z.object({
  version: z.string().optional(),
  /** Why there is no gazetteer, when one was given and refused. */
  trouble: z.object({ code: z.string(), zh: z.string(), en: z.string() }).optional(),
  hits: z.array(AddressHit).max(addressHitsMax),
  tookMs: z.number().min(0),
})
export type AddressAnswer = z.infer<typeof AddressAnswer>
