/**
 * Plain: the short way through the door for what comes thousands of times a second. Stands before admit's normal way and says
 * whether a submission is a vehicle position already in normal form and of the exact shape of the contract. Pure. Promises: a
 * yes means that normalising and parsing would give back an equal value (a property test holds it to that); a no means nothing.
 */
import type { BodyOf } from '#contract/entry.ts'
import { idMax } from '#contract/scalars.ts'

/** A position keyed by its source's own counter, with nothing else said. */
export type PlainPosition = {
  kind: 'unit.position'
  source?: string
  epoch: string
  seq: number
  occurredAt: number
  body: BodyOf<'unit.position'>
}

const earliestAt = Date.UTC(1990, 0, 1)
const latestAt = Date.UTC(2100, 0, 1)

function isId(value: unknown): value is string {
  if (typeof value !== 'string' || value.length === 0 || value.length > idMax) return false
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i)
    const isAlnum = (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122)
    // After the first also _ . : -
    if (!isAlnum && (i === 0 || (c !== 95 && c !== 46 && c !== 58 && c !== 45))) return false
  }
  return true
}

/** NaN and infinities fail the comparison; -0 is not in normal form. */
function isBetween(value: unknown, min: number, max: number): boolean {
  return typeof value === 'number' && value >= min && value <= max && (value !== 0 || 1 / value > 0)
}

function isPlainBody(body: unknown): body is BodyOf<'unit.position'> {
  if (typeof body !== 'object' || body === null) return false
  const fix = body as Record<string, unknown>
  let known = 3
  if (fix.speedKmh !== undefined) {
    if (!isBetween(fix.speedKmh, 0, 400)) return false
    known++
  }
  if (fix.courseDeg !== undefined) {
    if (!isBetween(fix.courseDeg, 0, 360)) return false
    known++
  }
  if (fix.altitudeM !== undefined) {
    if (!isBetween(fix.altitudeM, -500, 9_000)) return false
    known++
  }
  if (fix.accuracyM !== undefined) {
    if (!isBetween(fix.accuracyM, 0, 100_000)) return false
    known++
  }
  if (!isId(fix.unitId) || !isBetween(fix.lon, -180, 180) || !isBetween(fix.lat, -90, 90)) return false
  for (const _key in fix) known--
  return known === 0
}

/** True for a position that the normal way would pass on unchanged. */
export function isPlainPosition(raw: unknown): raw is PlainPosition {
  if (typeof raw !== 'object' || raw === null) return false
  const said = raw as Record<string, unknown>
  if (said.kind !== 'unit.position') return false
  let known = 5
  if (said.source !== undefined) {
    if (!isId(said.source)) return false
    known++
  }
  if (!isId(said.epoch) || !Number.isSafeInteger(said.seq) || (said.seq as number) < 1) return false
  if (!Number.isSafeInteger(said.occurredAt) || !isBetween(said.occurredAt, earliestAt, latestAt)) return false
  if (!isPlainBody(said.body)) return false
  for (const _key in said) known--
  return known === 0
}
