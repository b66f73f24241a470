// Where a unit is drawn, as numbers: the same formula the shader holds (the browser test compares the two), checked
// here without a browser: gliding, carrying on, jumping, leaving, picking, and the hour after which time is written anew.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { cartography, findStatusIndex, levels, statuses, surfaces } from '../../console/look/palette.ts'
import { findBounds } from '../../console/map/basemap.ts'
import { chooseScale, computeMetresPerPx } from '../../console/map/hud.ts'
import { buildStyle, findGroundFacts } from '../../console/map/style.ts'
import {
  createUnitMotion,
  glideMaxM,
  reckonMaxS,
  silentFlag,
  strideWords,
  toLat,
  toLon,
  toMercatorX,
  toMercatorY,
  type UnitGlyph,
} from '../../console/map/unit-motion.ts'
import { computeFramePause, computeGlyphRadius } from '../../console/map/units-layer.ts'
import { pack } from '../browser/fixtures/map/pack.ts'

const start = 1_790_000_000_000

const unit = (unitId: string, lon: number, lat: number, more: Partial<UnitGlyph> = {}): UnitGlyph => ({
  unitId,
  lon,
  lat,
  courseDeg: 90,
  speedKmh: 0,
  status: 'idle',
  fixAt: start,
  silent: false,
  ...more,
})

function metresBetween(a: { x: number; y: number }, b: { x: number; y: number }, lat: number): number {
  return Math.hypot(a.x - b.x, a.y - b.y) * 40_075_016.686 * Math.cos((lat * Math.PI) / 180)
}

test('MAP-20 Mercator there and back is the same place to a millimetre', () => {
  fc.assert(
    fc.property(
      fc.double({ min: -179.9, max: 179.9, noNaN: true }),
      fc.double({ min: -85, max: 85, noNaN: true }),
      (lon, lat) => {
        assert.ok(Math.abs(toLon(toMercatorX(lon)) - lon) < 1e-8)
        assert.ok(Math.abs(toLat(toMercatorY(lat)) - lat) < 1e-8)
      },
    ),
  )
})

test('MAP-21 a known unit glides from where it is drawn to its new fix in one second, a new one is set down', () => {
  const motion = createUnitMotion()
  motion.set([unit('A', 120.7, 30.7)], start)
  const first = motion.findPlace('A', start)!
  motion.update([unit('A', 120.71, 30.7), unit('B', 120.5, 30.5)], [], start + 1000)
  const fix = { x: toMercatorX(120.71), y: toMercatorY(30.7) }
  assert.ok(metresBetween(motion.findPlace('A', start + 1000)!, first, 30.7) < 0.1)
  const half = motion.findPlace('A', start + 1500)!
  assert.ok(Math.abs(half.x - (first.x + fix.x) / 2) < 1e-9)
  assert.ok(metresBetween(motion.findPlace('A', start + 2000)!, fix, 30.7) < 0.1)
  assert.ok(
    metresBetween(motion.findPlace('B', start + 1000)!, { x: toMercatorX(120.5), y: toMercatorY(30.5) }, 30.5) < 0.1,
  )
  assert.equal(motion.findPlace('nobody', start), undefined)
})

test('MAP-22 a longer jump than can be driven is not glided', () => {
  const motion = createUnitMotion()
  motion.set([unit('A', 120.7, 30.7)], start)
  const far = 120.7 + (glideMaxM * 1.2) / 95_000
  motion.update([unit('A', far, 30.7)], [], start + 1000)
  assert.ok(
    metresBetween(motion.findPlace('A', start + 1000)!, { x: toMercatorX(far), y: toMercatorY(30.7) }, 30.7) < 0.1,
  )
})

test('MAP-23 a fix carries on along its course for five seconds of its own age at most', () => {
  for (const [ageS, expectedS] of [
    [0, reckonMaxS],
    [3, reckonMaxS - 3],
    [60, 0],
  ] as const) {
    const motion = createUnitMotion()
    motion.set([unit('A', 120.7, 30.7, { speedKmh: 36, fixAt: start - ageS * 1000 })], start)
    const fix = { x: toMercatorX(120.7), y: toMercatorY(30.7) }
    const late = motion.findPlace('A', start + 60_000)!
    // 36 km/h are 10 m a second.
    assert.ok(Math.abs(metresBetween(late, fix, 30.7) - 10 * expectedS) < 0.2, `age ${ageS} s`)
    assert.equal(motion.stillAfterAt, start + 1000 * expectedS)
  }
})

test('MAP-24 without a course nothing is carried on, and absurd speeds are cut', () => {
  const motion = createUnitMotion()
  motion.set([unit('A', 120.7, 30.7, { speedKmh: 90, courseDeg: undefined as unknown as number })], start)
  assert.ok(metresBetween(motion.findPlace('A', start + 5000)!, motion.findPlace('A', start)!, 30.7) < 0.01)
  motion.set([unit('A', 120.7, 30.7, { speedKmh: 65_535 })], start)
  assert.ok(metresBetween(motion.findPlace('A', start + 5000)!, motion.findPlace('A', start)!, 30.7) < 310)
})

test('MAP-25 places that are no places are not drawn and hurt nobody', () => {
  const motion = createUnitMotion()
  const bad = [unit('N', Number.NaN, 30), unit('P', 120, 90), unit('L', 500, 30)]
  motion.set([...bad, unit('A', 120.7, 30.7), unit('Z', 0, 0), unit('B', 120.71, 30.7)], start)
  assert.deepEqual(
    motion.list().map(glyph => glyph.unitId),
    ['A', 'Z', 'B'],
  )
  // The device at 0° 0° does not pull the origin away: the others keep centimetres.
  assert.ok(Math.abs(motion.originX - toMercatorX(120.7)) < 1e-3)
  assert.ok(motion.words.subarray(0, 3 * strideWords).every(Number.isFinite))
})

test('MAP-26 any run of changes leaves exactly the units that were not taken away, each at its last fix', () => {
  const ids = ['A', 'B', 'C', 'D', 'E', 'F']
  const step = fc.record({
    changed: fc.array(fc.tuple(fc.constantFrom(...ids), fc.integer({ min: 0, max: 99 })), { maxLength: 4 }),
    removed: fc.array(fc.constantFrom(...ids), { maxLength: 2 }),
    pauseMs: fc.integer({ min: 0, max: 4_000_000 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), steps => {
      const motion = createUnitMotion()
      const expected = new Map<string, number>()
      let at = start
      for (const { changed, removed, pauseMs } of steps) {
        at += pauseMs
        motion.update(
          changed.map(([id, tick]) => unit(id, 120 + tick / 100, 30.5, { fixAt: at })),
          removed,
          at,
        )
        for (const [id, tick] of changed) expected.set(id, 120 + tick / 100)
        for (const id of removed) expected.delete(id)
      }
      assert.deepEqual(
        motion
          .list()
          .map(glyph => glyph.unitId)
          .sort(),
        [...expected.keys()].sort(),
      )
      assert.equal(motion.count, expected.size)
      for (const [id, lon] of expected) {
        const place = motion.findPlace(id, at + 60_000)!
        assert.ok(metresBetween(place, { x: toMercatorX(lon), y: toMercatorY(30.5) }, 30.5) < 0.5, id)
        assert.equal(motion.list()[motion.findSlot(id)!]!.unitId, id)
      }
    }),
  )
})

test('MAP-27 the hour after which times are written anew is not seen: nobody jumps', () => {
  const motion = createUnitMotion()
  motion.set([unit('A', 120.7, 30.7, { speedKmh: 72 }), unit('B', 120.8, 30.7)], start)
  const at = start + 3_601_000
  motion.update([unit('B', 120.8, 30.7, { speedKmh: 72, fixAt: at - 1500 })], [], at - 1500)
  const places = () => ['A', 'B'].map(id => motion.findPlace(id, at)!)
  const [beforeA, beforeB] = places()
  const { version } = motion
  motion.update([unit('C', 120.9, 30.7, { fixAt: at })], [], at)
  assert.notEqual(motion.version, version)
  assert.ok(motion.toSeconds(at) < 1)
  const [afterA, afterB] = places()
  assert.ok(metresBetween(beforeA!, afterA!, 30.7) < 0.1 && metresBetween(beforeB!, afterB!, 30.7) < 0.1)
  // 1.5 s at 20 m/s have been driven, 1 s more is.
  const driven = metresBetween(motion.findPlace('B', at + 1000)!, { x: toMercatorX(120.8), y: toMercatorY(30.7) }, 30.7)
  assert.ok(Math.abs(driven - 50) < 0.5, `${driven} m`)
})

test('MAP-28 the picking grid finds what a look at every unit finds, at every zoom', () => {
  const place = fc.tuple(
    fc.double({ min: 120.2, max: 121.3, noNaN: true }),
    fc.double({ min: 30.3, max: 31, noNaN: true }),
  )
  fc.assert(
    fc.property(
      fc.array(place, { minLength: 1, maxLength: 80 }),
      place,
      fc.integer({ min: 1, max: 8000 }),
      (places, at, reachM) => {
        const motion = createUnitMotion()
        motion.set(
          places.map(([lon, lat], index) => unit(`U${index}`, lon, lat)),
          start,
        )
        const x = toMercatorX(at[0])
        const y = toMercatorY(at[1])
        const radius = reachM / (40_075_016.686 * Math.cos((at[1] * Math.PI) / 180))
        const distances = motion.list().map(glyph => {
          const where = motion.findPlace(glyph.unitId, start)!
          return Math.hypot(where.x - x, where.y - y)
        })
        const nearest = Math.min(...distances)
        const picked = motion.pick(x, y, radius, start)
        if (nearest > radius) assert.equal(picked, undefined)
        else assert.equal(distances[motion.findSlot(picked!)!], nearest)
      },
    ),
  )
})

test('MAP-29 only what has changed is uploaded, and a box lists no more than asked for', () => {
  const motion = createUnitMotion()
  motion.set(
    Array.from({ length: 300 }, (_, index) => unit(`U${index}`, 120 + index / 1000, 30.5)),
    start,
  )
  assert.deepEqual(motion.takeDirty(), { from: 0, to: 299 })
  assert.equal(motion.takeDirty(), undefined)
  motion.update([unit('U7', 120.1, 30.5), unit('U9', 120.1, 30.5, { silent: true, status: 'loaded' })], [], start + 10)
  assert.deepEqual(motion.takeDirty(), { from: 7, to: 9 })
  assert.equal(motion.words[9 * strideWords + 10], findStatusIndex('loaded')! + silentFlag)
  const box = { west: toMercatorX(119), east: toMercatorX(122), north: toMercatorY(31), south: toMercatorY(30) }
  assert.equal(motion.listInside(box, 151, start + 10).length, 151)
  assert.equal(motion.listInside({ ...box, east: toMercatorX(119.5) }, 151, start + 10).length, 0)
})

test('MAP-30 every status has its own letter and colour, and the silent flag lies above them all', () => {
  assert.equal(new Set(statuses.map(look => look.letter)).size, statuses.length)
  assert.equal(new Set(statuses.map(look => look.colour)).size, statuses.length)
  assert.ok(statuses.length <= silentFlag)
  assert.equal(findStatusIndex('toString'), undefined)
})

test('MAP-31 tokens.css and palette.ts say the same colours', () => {
  const sheet = readFileSync(new URL('../../console/look/tokens.css', import.meta.url), 'utf8')
  const [dark, light] = sheet.split('[data-theme="light"] {')
  const read = (part: string, name: string) => new RegExp(`--${name}:\\s*(#[0-9a-f]{6});`).exec(part)?.[1]
  const kebab = (name: string) => name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
  for (const [name, colour] of Object.entries(surfaces.dark)) assert.equal(read(dark!, kebab(name)), colour, name)
  for (const [name, colour] of Object.entries(surfaces.light)) assert.equal(read(light!, kebab(name)), colour, name)
  for (const look of Object.values(levels)) assert.equal(read(dark!, `level-${look.level}`), look.colour)
  for (const look of statuses) assert.equal(read(dark!, `status-${kebab(look.status)}`), look.colour, look.status)
})

test('MAP-32 text is legible on its ground in both themes: 7:1 for text, 4.5:1 for muted text and names', () => {
  const luminance = (hex: string) => {
    const bands = [1, 3, 5].map(at => {
      const tone = Number.parseInt(hex.slice(at, at + 2), 16) / 255
      return tone <= 0.03928 ? tone / 12.92 : ((tone + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * bands[0]! + 0.7152 * bands[1]! + 0.0722 * bands[2]!
  }
  const contrast = (a: string, b: string) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y)
    return (high! + 0.05) / (low! + 0.05)
  }
  for (const theme of ['dark', 'light'] as const) {
    const look = surfaces[theme]
    const ink = cartography[theme]
    for (const ground of [look.ground, look.panel, look.raised]) {
      assert.ok(contrast(look.text, ground) >= 7, `${theme} text on ${ground}`)
      assert.ok(contrast(look.muted, ground) >= 4.5, `${theme} muted on ${ground}`)
    }
    assert.ok(contrast(ink.regionLabel, ink.land) >= 7, `${theme} county names`)
    assert.ok(contrast(ink.placeLabel, ink.land) >= 4.5, `${theme} town names`)
  }
})

test('MAP-33 the style carries its ground with it and needs nothing from outside', () => {
  const style = buildStyle(pack, 'dark', 'zh')
  assert.deepEqual(findGroundFacts(style), { theme: 'dark', language: 'zh', meta: pack.meta })
  assert.equal(findGroundFacts(buildStyle(undefined, 'light', 'en'))?.meta, undefined)
  for (const built of [style, buildStyle(undefined, 'light', 'en')]) {
    assert.doesNotMatch(JSON.stringify(built), /https?:|mapbox:/)
    const sources = new Set(Object.keys(built.sources))
    for (const layer of built.layers) if ('source' in layer) assert.ok(sources.has(layer.source), layer.id)
    assert.equal(new Set(built.layers.map(layer => layer.id)).size, built.layers.length)
  }
})

test('MAP-34 the box around a pack, or around chosen regions of it, holds all their points', () => {
  const [west, south, east, north] = findBounds(pack)!
  for (const region of pack.regions)
    for (const [lon, lat] of region.polygon[0]!) assert.ok(lon >= west && lon <= east && lat >= south && lat <= north)
  const one = findBounds(pack, ['330402'])!
  assert.ok(one[0] > west && one[2] < east)
  assert.equal(findBounds(pack, ['000000']), undefined)
})

test('MAP-35 a scale bar is the longest of 1, 2, 5 times ten that fits, at every zoom and latitude', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 3, max: 18.5, noNaN: true }),
      fc.double({ min: -60, max: 60, noNaN: true }),
      (zoom, lat) => {
        const metresPerPx = computeMetresPerPx(lat, zoom)
        const { metres, widthPx } = chooseScale(metresPerPx)
        assert.match(String(metres), /^(0\.)?[125]0*$/)
        assert.ok(widthPx <= 110 && widthPx >= 43, `${widthPx} px`)
      },
    ),
  )
  // At the equator 512 px hold 40 075 km at zoom 0.
  assert.ok(Math.abs(computeMetresPerPx(0, 0) - 78_271.5) < 0.1)
})

test('MAP-36 a glyph grows with the zoom, and its letter is there from a district on', () => {
  let last = 0
  for (let zoom = 3; zoom <= 18; zoom += 0.25) {
    const radius = computeGlyphRadius(zoom)
    assert.ok(radius >= last)
    last = radius
  }
  assert.equal(computeGlyphRadius(3), 4)
  assert.equal(computeGlyphRadius(18.5), 13)
  assert.ok(computeGlyphRadius(9.5) > 6.5)
})

test('MAP-37 a desk that paints slowly gives the map a quarter of its time at most, and still a frame a second', () => {
  assert.equal(computeFramePause(33, 4), 33)
  assert.equal(computeFramePause(33, 33), 33)
  for (const took of [60, 120, 300]) {
    const pause = computeFramePause(33, took)
    assert.equal(took / (took + pause), 0.25)
  }
  assert.equal(computeFramePause(33, 2_000), 1_000)
  assert.equal(computeFramePause(1000 / 30, Number.POSITIVE_INFINITY), 1_000)
})
