// Where every unit is drawn, as numbers: packs glyphs into the buffer the graphics card reads, and computes the same
// place on the processor for picking and labels. The shader in units-layer.ts holds the same formula; a test keeps the
// two together. No DOM and no clock of its own: the caller says what time it is.

import { findStatusIndex, type UnitStatus } from '../look/palette.ts'

/** One unit as the map draws it; lon and lat in WGS-84 degrees, course clockwise from north, `fixAt` epoch ms. */
export interface UnitGlyph {
  readonly unitId: string
  readonly lon: number
  readonly lat: number
  /** Absent when the device does not know its course: the glyph is then round, it points nowhere. */
  readonly courseDeg?: number
  readonly speedKmh?: number
  readonly status: UnitStatus
  readonly fixAt: number
  /** 失联: the world says this unit has gone silent; drawn hatched with the letter S. */
  readonly silent: boolean
}

/** Floats per unit in the buffer: prev x y, next x y, velocity x y, start s, reckon s, course rad, fix s, status + flags. */
export const strideWords = 11
/** A new fix is caught up in one second, the pace at which fan-out sends positions. */
export const glideS = 1
/** A unit is carried on along its course for at most this long after a fix, then it waits where it is. */
export const reckonMaxS = 5
/** A longer jump than this is not driven in one second: the glyph is set down, it does not fly across the city. */
export const glideMaxM = 3000
/** Age of a fix after which a glyph is hollow, and after which it is crossed. */
export const hollowAfterS = 60
export const crossedAfterS = 180

/** Course of a unit that has none. */
export const noCourse = -10
/** The silent flag is added to the status index in the packed word. */
export const silentFlag = 16

const speedMaxKmh = 220
// After this long Float32 seconds would lose more than 0.25 ms, so all times are written again from a new zero.
const rebaseAfterS = 3600
const ageMaxS = 30 * 86_400
const equatorM = 40_075_016.686

/** Longitude to Mercator x in 0..1. */
export function toMercatorX(lon: number): number {
  return (lon + 180) / 360
}

/** Latitude to Mercator y in 0..1, 0 in the north. */
export function toMercatorY(lat: number): number {
  return 0.5 - Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360)) / (2 * Math.PI)
}

/** Mercator x in 0..1 to longitude. */
export function toLon(x: number): number {
  return x * 360 - 180
}

/** Mercator y in 0..1 to latitude. */
export function toLat(y: number): number {
  return (Math.atan(Math.exp((0.5 - y) * 2 * Math.PI)) * 360) / Math.PI - 90
}

/** The packed units of one map. `words` and `originX/Y` change identity or value when `version` does. */
export interface UnitMotion {
  readonly words: Float32Array
  readonly count: number
  /** Mercator place that all packed places are relative to: near the units, so that Float32 keeps centimetres. */
  readonly originX: number
  readonly originY: number
  /** Grows when everything has to be uploaded again (new buffer, new origin, new zero of time). */
  readonly version: number
  /** Takes the range of slots changed since the last call; undefined when none was. */
  takeDirty(): { from: number; to: number } | undefined
  /** Seconds on the packed time scale for an instant. */
  toSeconds(at: number): number
  /** The instant after which nothing moves until the next fix. */
  readonly stillAfterAt: number
  set(records: ArrayLike<UnitGlyph>, at: number): void
  update(changed: ArrayLike<UnitGlyph>, removed: readonly string[], at: number): void
  find(unitId: string): UnitGlyph | undefined
  findSlot(unitId: string): number | undefined
  list(): readonly UnitGlyph[]
  /** Where a unit is drawn at an instant, in Mercator 0..1; undefined for an unknown unit. */
  findPlace(unitId: string, at: number): { x: number; y: number } | undefined
  /** The unit drawn nearest to a Mercator place, not farther than `radius` (Mercator units). */
  pick(x: number, y: number, radius: number, at: number): string | undefined
  /** Units drawn inside a Mercator box, at most `max`, in packing order. */
  listInside(box: { west: number; east: number; north: number; south: number }, max: number, at: number): string[]
}

// Cells of the picking grid: 1/2^14 of the world is about 2.1 km at 30° N, a handful of units in a busy city.
const gridCells = 2 ** 14
// Units move at most 15 m in this time at 220 km/h, less than the thickness of a glyph at street zoom.
const gridFreshMs = 250

/** Creates an empty set of packed units. */
export function createUnitMotion(): UnitMotion {
  let words = new Float32Array(64 * strideWords)
  let glyphs: UnitGlyph[] = []
  const slotOf = new Map<string, number>()
  let originX = 0
  let originY = 0
  let zeroAt = 0
  let version = 0
  let stillAfterAt = 0
  let dirtyFrom = Number.POSITIVE_INFINITY
  let dirtyTo = -1
  let grid: Map<number, number[]> | undefined
  let gridAt = 0

  const toSeconds = (at: number) => (at - zeroAt) / 1000

  function placeOf(slot: number, nowS: number): { x: number; y: number } {
    const at = slot * strideWords
    const elapsedS = Math.max(0, nowS - words[at + 6]!)
    const reckonS = Math.min(elapsedS, words[at + 7]!)
    const glide = Math.min(1, elapsedS / glideS)
    const targetX = words[at + 2]! + words[at + 4]! * reckonS
    const targetY = words[at + 3]! + words[at + 5]! * reckonS
    return {
      x: originX + words[at]! + (targetX - words[at]!) * glide,
      y: originY + words[at + 1]! + (targetY - words[at + 1]!) * glide,
    }
  }

  function writeSlot(slot: number, glyph: UnitGlyph, at: number, from: { x: number; y: number } | undefined): void {
    const word = slot * strideWords
    const x = toMercatorX(glyph.lon)
    const y = toMercatorY(glyph.lat)
    // Mercator stretches by 1/cos(lat): one metre on the ground is this much of the square.
    const perMetre = 1 / (equatorM * Math.cos((glyph.lat * Math.PI) / 180))
    const course = glyph.courseDeg === undefined ? undefined : (glyph.courseDeg * Math.PI) / 180
    const ageS = Math.max(0, (at - glyph.fixAt) / 1000)
    const reckonS = course === undefined ? 0 : Math.max(0, reckonMaxS - ageS)
    const speed = (Math.min(speedMaxKmh, Math.max(0, glyph.speedKmh ?? 0)) / 3.6) * perMetre
    const near = from && Math.hypot(from.x - x, from.y - y) < glideMaxM * perMetre
    words[word] = (near ? from.x : x) - originX
    words[word + 1] = (near ? from.y : y) - originY
    words[word + 2] = x - originX
    words[word + 3] = y - originY
    words[word + 4] = course === undefined ? 0 : Math.sin(course) * speed
    words[word + 5] = course === undefined ? 0 : -Math.cos(course) * speed
    words[word + 6] = toSeconds(at)
    words[word + 7] = reckonS
    words[word + 8] = course ?? noCourse
    words[word + 9] = Math.max(-ageMaxS, toSeconds(glyph.fixAt))
    const index = findStatusIndex(glyph.status) ?? findStatusIndex('unavailable')!
    words[word + 10] = index + (glyph.silent ? silentFlag : 0)
    stillAfterAt = Math.max(stillAfterAt, at + 1000 * Math.max(near ? glideS : 0, speed > 0 ? reckonS : 0))
    dirtyFrom = Math.min(dirtyFrom, slot)
    dirtyTo = Math.max(dirtyTo, slot)
  }

  function moveOrigin(records: ArrayLike<UnitGlyph>): void {
    // The middle unit, not the mean: one device reporting 0° 0° must not cost everybody else their precision.
    const xs = Float64Array.from(records, glyph => toMercatorX(glyph.lon)).sort()
    const ys = Float64Array.from(records, glyph => toMercatorY(glyph.lat)).sort()
    originX = xs[xs.length >> 1] ?? 0
    originY = ys[ys.length >> 1] ?? 0
  }

  /** Writes all times from a new zero; places and speeds stay, so nobody is seen to move. */
  function rebase(at: number): void {
    const shiftS = toSeconds(at)
    zeroAt = at
    version += 1
    for (let word = 0; word < glyphs.length * strideWords; word += strideWords) {
      // Once the glide and the carrying on are over, how long ago it began no longer matters.
      words[word + 6] = Math.max(-2 * (glideS + reckonMaxS), words[word + 6]! - shiftS)
      words[word + 9] = Math.max(-ageMaxS, words[word + 9]! - shiftS)
    }
  }

  function reserve(count: number): void {
    if (count * strideWords <= words.length) return
    const larger = new Float32Array(Math.max(count, (words.length / strideWords) * 2) * strideWords)
    larger.set(words)
    words = larger
    version += 1
  }

  function isDrawable(glyph: UnitGlyph): boolean {
    // 85.05° is where the Mercator square ends.
    return Number.isFinite(glyph.lon) && Math.abs(glyph.lon) <= 180 && Math.abs(glyph.lat) <= 85.05
  }

  function put(glyph: UnitGlyph, at: number): void {
    if (!isDrawable(glyph)) return
    const slot = slotOf.get(glyph.unitId)
    if (slot === undefined) {
      const added = glyphs.length
      reserve(added + 1)
      glyphs.push(glyph)
      slotOf.set(glyph.unitId, added)
      writeSlot(added, glyph, at, undefined)
      return
    }
    const from = placeOf(slot, toSeconds(at))
    glyphs[slot] = glyph
    writeSlot(slot, glyph, at, from)
  }

  function drop(unitId: string): void {
    const slot = slotOf.get(unitId)
    if (slot === undefined) return
    const last = glyphs.length - 1
    if (slot !== last) {
      words.copyWithin(slot * strideWords, last * strideWords, (last + 1) * strideWords)
      glyphs[slot] = glyphs[last]!
      slotOf.set(glyphs[slot]!.unitId, slot)
      dirtyFrom = Math.min(dirtyFrom, slot)
      dirtyTo = Math.max(dirtyTo, slot)
    }
    glyphs.pop()
    slotOf.delete(unitId)
  }

  const keyOf = (column: number, row: number) => column * gridCells + row

  function refreshGrid(at: number): Map<number, number[]> {
    if (grid && Math.abs(at - gridAt) < gridFreshMs) return grid
    const fresh = new Map<number, number[]>()
    const nowS = toSeconds(at)
    for (let slot = 0; slot < glyphs.length; slot += 1) {
      const place = placeOf(slot, nowS)
      const key = keyOf(Math.floor(place.x * gridCells), Math.floor(place.y * gridCells))
      const cell = fresh.get(key)
      if (cell) cell.push(slot)
      else fresh.set(key, [slot])
    }
    gridAt = at
    grid = fresh
    return fresh
  }

  function visitCells(
    box: { west: number; east: number; north: number; south: number },
    at: number,
    visit: (slot: number) => boolean,
  ): void {
    const cells = refreshGrid(at)
    const west = Math.floor(box.west * gridCells)
    const east = Math.floor(box.east * gridCells)
    const north = Math.floor(box.north * gridCells)
    const south = Math.floor(box.south * gridCells)
    if ((east - west + 1) * (south - north + 1) > cells.size) {
      for (const cell of cells.values()) for (const slot of cell) if (!visit(slot)) return
      return
    }
    for (let column = west; column <= east; column += 1)
      for (let row = north; row <= south; row += 1)
        for (const slot of cells.get(keyOf(column, row)) ?? []) if (!visit(slot)) return
  }

  return {
    get words() {
      return words
    },
    get count() {
      return glyphs.length
    },
    get originX() {
      return originX
    },
    get originY() {
      return originY
    },
    get version() {
      return version
    },
    get stillAfterAt() {
      return stillAfterAt
    },
    takeDirty() {
      if (dirtyTo < dirtyFrom) return undefined
      const range = { from: dirtyFrom, to: Math.min(dirtyTo, glyphs.length - 1) }
      dirtyFrom = Number.POSITIVE_INFINITY
      dirtyTo = -1
      return range.to < range.from ? undefined : range
    },
    toSeconds,
    set(records, at) {
      glyphs = []
      slotOf.clear()
      grid = undefined
      zeroAt = at
      version += 1
      moveOrigin(records)
      reserve(records.length)
      for (let index = 0; index < records.length; index += 1) put(records[index]!, at)
    },
    update(changed, removed, at) {
      grid = undefined
      if (glyphs.length === 0 && changed.length > 0) {
        zeroAt = at
        version += 1
        moveOrigin(changed)
      } else if (toSeconds(at) > rebaseAfterS) rebase(at)
      for (let index = 0; index < changed.length; index += 1) put(changed[index]!, at)
      for (const unitId of removed) drop(unitId)
    },
    find(unitId) {
      const slot = slotOf.get(unitId)
      return slot === undefined ? undefined : glyphs[slot]
    },
    findSlot: unitId => slotOf.get(unitId),
    list: () => glyphs,
    findPlace(unitId, at) {
      const slot = slotOf.get(unitId)
      return slot === undefined ? undefined : placeOf(slot, toSeconds(at))
    },
    pick(x, y, radius, at) {
      let nearest: number | undefined
      let nearestDistance = radius
      const nowS = toSeconds(at)
      // A unit may have moved out of its cell since the grid was filled: look one hundredth of a cell (20 m) farther.
      const reach = radius + 0.01 / gridCells
      visitCells({ west: x - reach, east: x + reach, north: y - reach, south: y + reach }, at, slot => {
        const place = placeOf(slot, nowS)
        const distance = Math.hypot(place.x - x, place.y - y)
        if (distance <= nearestDistance) {
          nearest = slot
          nearestDistance = distance
        }
        return true
      })
      return nearest === undefined ? undefined : glyphs[nearest]!.unitId
    },
    listInside(box, max, at) {
      const inside: string[] = []
      const nowS = toSeconds(at)
      visitCells(box, at, slot => {
        const place = placeOf(slot, nowS)
        if (place.x >= box.west && place.x <= box.east && place.y >= box.north && place.y <= box.south)
          inside.push(glyphs[slot]!.unitId)
        return inside.length < max
      })
      return inside
    },
  }
}
