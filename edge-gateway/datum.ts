/**
 * Datum: the only place where a coordinate changes its reference frame. Stands in the edge gateway, between a decoder and an
 * entry: each device is enrolled with the datum it speaks, everything behind this file is WGS-84.
 * Promises: WGS-84 passes through untouched; outside China GCJ-02 has no offset and points pass through as well.
 */
import gcoord from 'gcoord'

// the package's types describe its ES build, Node loads its CommonJS build: the default export is one step nearer
const library = gcoord as unknown as typeof gcoord.default

/** Datums a device may be enrolled with. WGS84 also stands for CGCS2000 (they differ by centimetres). */
export type Datum = 'WGS84' | 'GCJ02' | 'BD09'
export const datums: readonly Datum[] = ['WGS84', 'GCJ02', 'BD09']

/** A point, degrees, in whatever datum its holder says. */
export type DatumPoint = { lon: number; lat: number }

/**
 * Converts a point between two datums. The way out of GCJ-02 is solved by iteration, so there and back again agrees within
 * 1e-6 degrees (0.1 m).
 * @source gcoord 1.0.7 (MIT), published transformations of GCJ-02 and BD-09
 */
export function convertDatum(point: DatumPoint, from: Datum, to: Datum): DatumPoint {
  if (from === to) return { lon: point.lon, lat: point.lat }
  const [lon, lat] = library.transform<[number, number]>([point.lon, point.lat], library[from], library[to])
  return { lon, lat }
}

/** Point of a device's datum in WGS-84, the only frame inside the house. */
export function toWgs84(point: DatumPoint, datum: Datum): DatumPoint {
  return convertDatum(point, datum, 'WGS84')
}
