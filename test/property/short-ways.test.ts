/**
 * The short ways of the hot path say what the long ways say: the door's short way passes only what normalising and parsing
 * would give back unchanged, and the chain's text of a position is the general text or none. Failures print their seed.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { getBodySchema, Submission } from '#contract/entry.ts'
import { isPlainPosition } from '../../server/intake/plain.ts'
import { canonicalise, findPositionText } from '../../server/log/chain.ts'
import { createCopyRows } from '../../server/log/copy.ts'

/** Numbers at and around every bound of the contract, and some that are none. */
const number = fc.oneof(
  fc.constantFrom(0, -0, 1, -1, 90, -90, 90.000001, 180, -180, 180.5, 360, 361, 400, 401, -500, -501, 9_000, 9_001),
  fc.constantFrom(1e5, 1e5 + 1, Number.NaN, Number.POSITIVE_INFINITY, 1e300, 5e-324, 2 ** 53, 2 ** 53 + 2, 1.5),
  fc.double({ min: -200, max: 500, noNaN: true }),
)
const instant = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: Date.UTC(2000, 0, 1), max: Date.UTC(2050, 0, 1) }) },
  fc.constantFrom(Date.UTC(1990, 0, 1), Date.UTC(1990, 0, 1) - 1, Date.UTC(2100, 0, 1), Date.UTC(2100, 0, 1) + 1),
  fc.integer({ min: Date.UTC(1989, 0, 1), max: Date.UTC(2101, 0, 1) }),
  number,
)
const text = fc.oneof(
  { weight: 15, arbitrary: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/) },
  fc.constantFrom('', 'a'.repeat(64), 'a'.repeat(65), '_a', 'é', 'e\u0301', 'U\0', '\ud800', 'U 1', '车1', 'A\n'),
)
const any = fc.oneof(number, text, fc.constantFrom(null, true, [], {}, undefined))
/** Fits every number field; a bound, or beyond one, now and then. */
const fitting = fc.oneof(
  { weight: 15, arbitrary: fc.double({ min: 0, max: 300, noNaN: true }) },
  { weight: 1, arbitrary: number },
)
const mostly = <T>(value: fc.Arbitrary<T>) => fc.oneof({ weight: 30, arbitrary: value }, { weight: 1, arbitrary: any })
const lonLat = {
  lon: fc.double({ min: -180, max: 180, noNaN: true }),
  lat: fc.double({ min: -90, max: 90, noNaN: true }),
}
const body = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record(
      {
        unitId: mostly(text),
        lon: fc.oneof({ weight: 9, arbitrary: lonLat.lon }, { weight: 1, arbitrary: number }),
        lat: fc.oneof({ weight: 9, arbitrary: lonLat.lat }, { weight: 1, arbitrary: number }),
        speedKmh: mostly(fitting),
        courseDeg: mostly(fitting),
        altitudeM: mostly(fitting),
        accuracyM: mostly(fitting),
      },
      { requiredKeys: ['unitId', 'lon', 'lat'], noNullPrototype: true },
    ),
  },
  { weight: 1, arbitrary: fc.record({ unitId: text, ...lonLat, stray: any }) },
)
const plainest = fc.record(
  {
    kind: fc.oneof({ weight: 30, arbitrary: fc.constant('unit.position') }, { weight: 1, arbitrary: text }),
    source: mostly(text),
    epoch: mostly(text),
    seq: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 0, max: 2 ** 31 }) }, { weight: 1, arbitrary: number }),
    occurredAt: mostly(instant),
    body: mostly(body),
  },
  { requiredKeys: ['kind', 'occurredAt', 'body'], noNullPrototype: true },
)
const extra = fc.oneof(
  { weight: 9, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.record({ uuid: fc.constant('3f9c2b1e-8d4a-4e0f-9a6b-2c7d5e1f0a3b') }) },
  { weight: 1, arbitrary: fc.record({ expiresAt: instant }) },
  { weight: 1, arbitrary: fc.record({ stray: any }) },
)
const submission = fc.tuple(plainest, extra).map(([said, more]): unknown => ({ ...said, ...more }))

test('LOG-20 what the short way of the door passes, the long way would pass unchanged', () => {
  let passed = 0
  fc.assert(
    fc.property(submission, raw => {
      if (!isPlainPosition(raw)) return
      passed++
      const envelope = Submission.parse(raw)
      assert.deepStrictEqual({ ...envelope }, { ...raw })
      assert.deepStrictEqual({ ...getBodySchema('unit.position').parse(envelope.body) }, { ...raw.body })
      // Normal form: what JSON makes of it is the very same value, -0 included, and its texts are NFC.
      for (const value of Object.values(raw.body)) assert.ok(!Object.is(value, -0))
      for (const value of [raw.source ?? '', raw.epoch, raw.body.unitId]) assert.equal(value, value.normalize('NFC'))
    }),
    { numRuns: 20_000 },
  )
  assert.ok(passed > 1_000, `only ${passed} passed: the generator proves nothing`)
})

test('LOG-21 the short text of a position is the general one, and a foreign or retyped field has none', () => {
  fc.assert(
    fc.property(body, value => {
      const found = findPositionText(value as Record<string, unknown>)
      if (found !== undefined) assert.equal(found, canonicalise(value))
    }),
    { numRuns: 20_000 },
  )
  const fix = { unitId: 'U1', lon: 120, lat: 30 }
  assert.equal(findPositionText(fix), canonicalise(fix))
  assert.equal(findPositionText({ ...fix, added: 1 }), undefined)
  assert.equal(findPositionText({ ...fix, lon: '120' }), undefined)
  assert.equal(findPositionText({ ...fix, lat: Number.NaN }), undefined)
})

test('LOG-22 a copied row holds every text and whole number as the binary format wants them', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), fc.maxSafeInteger()), { maxLength: 50 }), rows => {
      const copy = createCopyRows(1)
      for (const [said, whole] of rows) {
        copy.startRow(3)
        copy.addText(said)
        copy.addInt8(whole)
        copy.addNull()
      }
      const bytes = copy.finish()
      let at = 19
      for (const [said, whole] of rows) {
        assert.equal(bytes.readInt16BE(at), 3)
        const length = bytes.readInt32BE(at + 2)
        assert.equal(bytes.toString('utf8', at + 6, at + 6 + length), said)
        at += 6 + length
        assert.equal(bytes.readInt32BE(at), 8)
        assert.equal(bytes.readBigInt64BE(at + 4), BigInt(whole))
        assert.equal(bytes.readInt32BE(at + 12), -1)
        at += 16
      }
      assert.equal(bytes.readInt16BE(at), -1)
      assert.equal(bytes.length, at + 2)
    }),
  )
})
