/**
 * Address search: an index of the gazetteer in typed arrays, and what a desk types looked up in it: Chinese within a name, initials,
 * full pinyin, a mix of them, southern spelling, slips of the finger, two roads for their junction, mile posts, a pasted position.
 * Stands in the address thread, between gazetteer.ts and worker.ts. Pure but for the pinyin book.
 * Promises: at most addressHitsMax hits, best first, each with how it was found; the desk's own regions and nearness lift a hit
 * and never hide one.
 */
import { type AddressHit, type AddressHow, addressHitsMax, type GazetteerRow } from '#contract/address.ts'
import { isChinese, listAccents, plainText, readUnits, type Unit } from './pinyin.ts'

/** Units of what is typed that are compared: the places in a 32-bit set, less the end. */
const unitsMax = 31
/** Forms that are scored in one pass; the index stands in order of weight, so what is left out is least spoken of. */
const scoredMax = 3_000
/** Parts of a search ("南湖 中山路 建国路"). */
const partsMax = 4
/** Letters of pinyin from which one slip is forgiven, and two. Shorter texts have too many neighbours. */
const oneSlipMin = 5
const twoSlipsMin = 9

/** What a search is asked. `homeCodes` are the desk's published regions. */
export type AddressOrder = {
  text: string
  homeCodes: readonly string[]
  near?: { lon: number; lat: number }
}

export type FoundHit = Omit<AddressHit, 'outside'>

export type AddressIndex = {
  rows: readonly GazetteerRow[]
  /** Row of each form, and where its units begin; a form is one way to write a row's name. */
  formRow: Uint32Array
  formStart: Uint32Array
  chars: Uint16Array
  readings: Uint16Array
  /** Letters a form may hold by any reading (bits 0-25), and a bloom of its characters. */
  letterMask: Uint32Array
  charMask: Uint32Array
  /** Readings by number: the ways a unit is spoken. */
  book: readonly (readonly string[])[]
  /** Names of regions, by their code. */
  regionForms: readonly { code: string; row: number; plain: string }[]
  /** Rows with mile posts. */
  posted: readonly number[]
}

const letterBit = (code: number): number => (code >= 97 && code <= 122 ? 1 << (code - 97) : 0)
const charBit = (code: number): number => 1 << ((code * 0x9e3779b1) >>> 27)

function maskLetters(text: string): number {
  let mask = 0
  for (let i = 0; i < text.length; i++) mask |= letterBit(text.charCodeAt(i))
  return mask
}

/** Words between two roads that are no part of their names. */
const joining = /\s*(?:[、,，;；/&＆+＋]|与|和|跟|交叉口|交界|路口)\s*/g

/** Names a row is searched under: its name, other names, the number of a road, a junction by its roads in either order. */
function listForms(row: GazetteerRow): { text: string; pinyin?: readonly string[] }[] {
  const forms: { text: string; pinyin?: readonly string[] }[] = [
    row.pinyin ? { text: row.name, pinyin: row.pinyin } : { text: row.name },
    ...(row.aliases ?? []).map(text => ({ text })),
  ]
  if (row.code) forms.push({ text: row.code })
  const roads = row.roads ?? []
  for (const one of roads) for (const other of roads) if (one !== other) forms.push({ text: one + other })
  return forms
}

/** Builds the index; rows are put in order of weight. */
export function buildAddressIndex(given: readonly GazetteerRow[]): AddressIndex {
  const rows = given.toSorted((a, b) => (b.weight ?? 0) - (a.weight ?? 0) || (a.id < b.id ? -1 : 1))
  const numbers = new Map<string, number>([['', 0]])
  const book: (readonly string[])[] = [[]]
  const formRow: number[] = []
  const formStart: number[] = []
  const letterMask: number[] = []
  const charMask: number[] = []
  const chars: number[] = []
  const readings: number[] = []
  const regionForms: AddressIndex['regionForms'][number][] = []
  const posted: number[] = []
  rows.forEach((row, at) => {
    if (row.posts && row.posts.length > 1) posted.push(at)
    const seen = new Set<string>()
    for (const form of listForms(row)) {
      const plain = plainText(form.text)
      if (plain === '' || seen.has(plain)) continue
      seen.add(plain)
      formRow.push(at)
      formStart.push(chars.length)
      let letters = 0
      let bloom = 0
      for (const unit of readUnits(plain, form.pinyin)) {
        const key = unit.readings.join('|')
        let no = numbers.get(key)
        if (no === undefined) {
          no = book.length
          numbers.set(key, no)
          book.push(unit.readings)
        }
        for (const reading of unit.readings) letters |= maskLetters(reading)
        const code = unit.char.charCodeAt(0)
        bloom |= charBit(code)
        chars.push(code)
        readings.push(no)
      }
      letterMask.push(letters)
      charMask.push(bloom)
      if (row.kind === 'region' && row.regionCode) regionForms.push({ code: row.regionCode, row: at, plain })
    }
  })
  formStart.push(chars.length)
  return {
    rows,
    formRow: Uint32Array.from(formRow),
    formStart: Uint32Array.from(formStart),
    chars: Uint16Array.from(chars),
    readings: Uint16Array.from(readings),
    letterMask: Uint32Array.from(letterMask),
    charMask: Uint32Array.from(charMask),
    book,
    regionForms: regionForms.toSorted((a, b) => b.plain.length - a.plain.length),
    posted,
  }
}

// --- one part against one form

/** A part of a search, ready to be compared: `steps` says from which place to which places one reading leads. */
type Part = {
  text: string
  codes: Uint16Array
  letters: number
  bloom: number
  /** [reading × (length)] → set of places reached; filled when first asked. */
  steps: Int32Array
  spelled: (reading: string) => readonly string[]
}

const asWritten = (reading: string): readonly string[] => [reading]
const notYet = -1

function preparePart(index: AddressIndex, text: string, spelled: Part['spelled']): Part {
  const cut = text.slice(0, unitsMax)
  const codes = Uint16Array.from(cut, char => char.charCodeAt(0))
  let letters = 0
  let bloom = 0
  for (const code of codes) {
    if (letterBit(code)) letters |= letterBit(code)
    else bloom |= charBit(code)
  }
  // A spelling of another ear may hold letters the name does not.
  if (spelled !== asWritten) letters &= ~(maskLetters('zcshngl') | 0)
  return {
    text: cut,
    codes,
    letters,
    bloom,
    steps: new Int32Array(index.book.length * cut.length).fill(notYet),
    spelled,
  }
}

/** Places that reading `no` reaches from place `from` of a part: any beginning of the first reading, two letters or more of others. */
function findSteps(index: AddressIndex, part: Part, no: number, from: number): number {
  const slot = no * part.codes.length + from
  const known = part.steps[slot]!
  if (known !== notYet) return known
  let set = 0
  index.book[no]!.forEach((reading, at) => {
    for (const form of part.spelled(reading)) {
      let k = 0
      while (k < form.length && from + k < part.codes.length && part.codes[from + k] === form.charCodeAt(k)) k++
      for (let taken = k; taken >= (at === 0 && form === reading ? 1 : 2); taken--) set |= 1 << (from + taken)
    }
  })
  part.steps[slot] = set
  return set
}

/** True when a part stands within a form. */
function standsIn(index: AddressIndex, part: Part, form: number): boolean {
  const end = part.codes.length
  const from = index.formStart[form]!
  const to = index.formStart[form + 1]!
  let reach = 0
  for (let at = from; at < to; at++) {
    const char = index.chars[at]!
    const no = index.readings[at]!
    let next = 0
    for (let rest = reach | 1; rest !== 0; rest &= rest - 1) {
      const place = 31 - Math.clz32(rest & -rest)
      if (part.codes[place] === char) next |= 1 << (place + 1)
      next |= findSteps(index, part, no, place)
    }
    if ((next >>> end) & 1) return true
    reach = next & ((1 << end) - 1)
  }
  return false
}

/** How a part stands in a form: units used, of which written, in full pinyin, by their first letters; where; and the best of these. */
type Standing = { written: number; full: number; partial: number; initial: number; start: number; value: number }

const worth = { written: 1, full: 0.86, partial: 0.6, initial: 0.5 } as const

/** The best way a part stands in a form; undefined when it does not. */
function measureStanding(index: AddressIndex, part: Part, form: number): Standing | undefined {
  const end = part.codes.length
  const from = index.formStart[form]!
  const to = index.formStart[form + 1]!
  let best: Standing | undefined
  // Ways by the place they have reached, one unit further each round.
  let ways = new Map<number, Standing>()
  for (let at = from; at < to; at++) {
    const next = new Map<number, Standing>()
    const put = (place: number, way: Standing) => {
      const held = next.get(place)
      if (!held || held.value < way.value) next.set(place, way)
    }
    ways.set(0, { written: 0, full: 0, partial: 0, initial: 0, start: at - from, value: 0 })
    const char = index.chars[at]!
    const no = index.readings[at]!
    const lengths = index.book[no]!.map(reading => reading.length)
    for (const [place, way] of ways) {
      if (place >= end) continue
      if (part.codes[place] === char)
        put(place + 1, { ...way, written: way.written + 1, value: way.value + worth.written })
      for (let rest = findSteps(index, part, no, place); rest !== 0; rest &= rest - 1) {
        const reached = 31 - Math.clz32(rest & -rest)
        const taken = reached - place
        const isWhole = lengths.includes(taken) || (part.spelled !== asWritten && taken >= (lengths[0] ?? 1) - 1)
        const kind = isWhole ? 'full' : taken === 1 ? 'initial' : 'partial'
        if (kind === 'full' && taken === 1 && part.codes[place] === char) continue
        put(reached, { ...way, [kind]: way[kind] + 1, value: way.value + worth[kind] })
      }
    }
    const whole = next.get(end)
    // A beginning is worth more than a middle, all else equal.
    if (whole && (!best || rate(whole) > rate(best))) best = whole
    ways = next
  }
  return best
}

const countUnits = (way: Standing): number => way.written + way.full + way.partial + way.initial
const rate = (way: Standing): number => way.value / Math.max(1, countUnits(way)) - (way.start === 0 ? 0 : 0.1)

function nameHow(way: Standing, isWhole: boolean): AddressHow {
  const units = countUnits(way)
  if (way.written === units) return way.start > 0 ? 'within' : isWhole ? 'exact' : 'prefix'
  if (
    way.full + way.partial === units ||
    (way.full > 0 && way.full + way.partial + way.initial === units && way.initial <= 1)
  )
    return 'pinyin'
  return way.initial === units ? 'initials' : 'mixed'
}

// --- scores

/** What each way of finding is worth when the name is whole, begins so, or holds it. */
const scores: Readonly<Record<AddressHow, readonly [whole: number, begin: number, within: number]>> = {
  exact: [1, 1, 1],
  prefix: [0.86, 0.86, 0.86],
  within: [0.7, 0.7, 0.7],
  junction: [0.95, 0.92, 0.9],
  post: [0.97, 0.97, 0.97],
  point: [0.98, 0.98, 0.98],
  pinyin: [0.93, 0.8, 0.62],
  mixed: [0.88, 0.76, 0.58],
  initials: [0.84, 0.68, 0.46],
  accent: [0.74, 0.62, 0.46],
  typo: [0.6, 0.5, 0.4],
}
/** Lifts: how much is spoken of a place, the desk's own regions, nearness. Smaller than the steps between ways of finding. */
const weightLift = 0.08
const homeLift = 0.06
const nearLift = 0.06
/** A region named beside the name. */
const regionLift = 0.05
/** Distance in km at which nearness has fallen to a third. */
const nearKm = 4
/** Difference of scores at which a hit is thought e times less likely than the best. */
const doubt = 0.05

type Candidate = { row: number; how: AddressHow; base: number; score: number; rough?: FoundHit['rough'] }

const kmPerDegree = 111.195 // 6371 km × π / 180

function measureKm(a: { lon: number; lat: number }, b: { lon: number; lat: number }): number {
  const shrink = Math.cos((a.lat * Math.PI) / 180)
  return Math.hypot((a.lon - b.lon) * shrink, a.lat - b.lat) * kmPerDegree
}

// --- slips of the finger

/**
 * Fewest edits that turn a pattern of at most 31 letters into a piece of a text, text given letter by letter.
 * @source Myers 1999, bit-parallel approximate string matching, with free start and end
 */
function openMyers(pattern: string): { start(): void; push(code: number): void; best(): number } {
  const length = pattern.length
  const peq = new Int32Array(128)
  for (let i = 0; i < length; i++) peq[pattern.charCodeAt(i) & 127]! |= 1 << i
  const high = 1 << (length - 1)
  let pv = -1
  let mv = 0
  let score = length
  let best = length
  return {
    start() {
      pv = -1
      mv = 0
      score = length
      best = length
    },
    push(code) {
      const eq = peq[code & 127]!
      const xv = eq | mv
      const xh = (((eq & pv) + pv) ^ pv) | eq
      let ph = mv | ~(xh | pv)
      let mh = pv & xh
      if (ph & high) score++
      else if (mh & high) score--
      if (score < best) best = score
      ph <<= 1
      mh <<= 1
      pv = mh | ~(xv | ph)
      mv = ph & xv
    },
    best: () => best,
  }
}

/**
 * Fewest edits, neighbours swapped counting one, that turn a pattern into a piece of a text that begins at a syllable.
 * @source optimal string alignment distance (Damerau 1964), free end
 */
export function countSlips(pattern: string, text: string, starts: readonly number[]): number {
  let best = pattern.length
  const isStart = new Set(starts)
  const rows: number[][] = []
  for (let i = 0; i <= pattern.length; i++) rows.push(new Array<number>(text.length + 1).fill(0))
  for (let j = 0; j <= text.length; j++) rows[0]![j] = isStart.has(j) ? 0 : j === 0 ? 0 : rows[0]![j - 1]! + 1
  for (let i = 1; i <= pattern.length; i++) {
    rows[i]![0] = i
    for (let j = 1; j <= text.length; j++) {
      const same = pattern[i - 1] === text[j - 1]
      let cost = Math.min(rows[i - 1]![j]! + 1, rows[i]![j - 1]! + 1, rows[i - 1]![j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && pattern[i - 1] === text[j - 2] && pattern[i - 2] === text[j - 1])
        cost = Math.min(cost, rows[i - 2]![j - 2]! + 1)
      rows[i]![j] = cost
    }
  }
  for (let j = 0; j <= text.length; j++) best = Math.min(best, rows[pattern.length]![j]!)
  return best
}

// --- positions and mile posts

/** Box of China and its waters, to tell longitude from latitude in a pasted pair. */
const lonRange = [73, 136] as const
const latRange = [3, 54] as const
const isIn = (value: number, [low, high]: readonly [number, number]): boolean => value >= low && value <= high

/** Reads a pasted position: decimal degrees in either order, or degrees, minutes and seconds. Undefined when it is none. */
export function parsePoint(text: string): { lon: number; lat: number } | undefined {
  const plain = text.normalize('NFKC')
  const numbers: number[] = []
  const sexagesimal = /(\d{1,3})\s*°\s*(\d{1,2}(?:\.\d+)?)\s*['′]\s*(?:(\d{1,2}(?:\.\d+)?)\s*(?:"|″|′′|''))?/g
  for (const [, degrees, minutes, seconds] of plain.matchAll(sexagesimal))
    numbers.push(Number(degrees) + Number(minutes) / 60 + Number(seconds ?? 0) / 3_600)
  if (numbers.length === 0)
    for (const [found] of plain.matchAll(/(?<![\d.+])-?\d{1,3}\.\d{2,}/g)) numbers.push(Number(found))
  if (numbers.length !== 2) return undefined
  const [a, b] = numbers as [number, number]
  if (isIn(a, lonRange) && isIn(b, latRange)) return { lon: a, lat: b }
  if (isIn(b, lonRange) && isIn(a, latRange)) return { lon: b, lat: a }
  return undefined
}

/** Reads a mile post: K12+300, K12, 12公里300米; the rest is the name of the road. Undefined when there is none. */
export function parsePost(text: string): { metres: number; road: string } | undefined {
  const plain = text.normalize('NFKC')
  const found =
    /(?<![a-z])k\s*(\d{1,4})(?:\s*\+\s*(\d{1,3}))?(?!\d)/i.exec(plain) ??
    /(\d{1,4})\s*(?:公里|千米)\s*(?:处)?(?:\s*(\d{1,3})\s*米)?/.exec(plain)
  if (!found) return undefined
  const road = (plain.slice(0, found.index) + plain.slice(found.index + found[0].length)).replace(/处\s*$/, '').trim()
  return { metres: Number(found[1]) * 1_000 + Number(found[2] ?? 0), road }
}

/** Where a mile post of a road stands: between its neighbours on a straight line; beyond the last, the last. */
function locatePost(
  posts: readonly (readonly [number, number, number])[],
  metres: number,
): { lon: number; lat: number; isBeyond: boolean } {
  const first = posts[0]!
  const last = posts.at(-1)!
  if (metres <= first[0]) return { lon: first[1], lat: first[2], isBeyond: metres < first[0] }
  if (metres >= last[0]) return { lon: last[1], lat: last[2], isBeyond: metres > last[0] }
  let at = 1
  while (posts[at]![0] < metres) at++
  const [m0, lon0, lat0] = posts[at - 1]!
  const [m1, lon1, lat1] = posts[at]!
  const share = (metres - m0) / (m1 - m0)
  return { lon: lon0 + (lon1 - lon0) * share, lat: lat0 + (lat1 - lat0) * share, isBeyond: false }
}

/** A chainage as on the post: K12+300. */
export function formatPost(metres: number): string {
  return `K${Math.floor(metres / 1_000)}+${String(Math.round(metres % 1_000)).padStart(3, '0')}`
}

/** House number and what follows it: the gazetteer knows roads and estates, not doors. */
const houseNumber = /(?:\d+|[一二三四五六七八九十百]+)(?:弄|号|幢|栋|座|单元|室|楼|层).*$/u
const bareNumber = /\d{1,5}$/

/** Searches an index. */
export function searchAddresses(index: AddressIndex, order: AddressOrder): FoundHit[] {
  const point = parsePoint(order.text)
  if (point)
    return [
      {
        kind: 'point',
        name: `${point.lon.toFixed(6)}, ${point.lat.toFixed(6)}`,
        ...point,
        how: 'point',
        confidence: 0.8,
        rough: 'datum',
      },
    ]
  const post = parsePost(order.text)
  if (post) {
    const hits = findPosts(index, order, post)
    if (hits.length > 0) return hits
  }
  const pieces = order.text
    .replace(joining, ' ')
    .split(/\s+/)
    .map(plainText)
    .filter(piece => piece !== '')
    .slice(0, partsMax)
  if (pieces.length === 0) return []
  const whole = plainText(order.text)
  const found = new Map<number, Candidate>()
  const take = (candidates: Iterable<Candidate>) => {
    for (const each of candidates) {
      const held = found.get(each.row)
      if (!held || held.base < each.base) found.set(each.row, each)
    }
  }
  take(findWhole(index, whole, asWritten))
  if (pieces.length > 1) take(findParts(index, pieces))
  const split = splitRegion(index, whole)
  if (split) take(findParts(index, [split.region, ...(pieces.length > 1 ? pieces.slice(1) : [split.rest])]))
  // Nothing holds all that was said: the street or the estate without the number of the house.
  if (found.size === 0) {
    const rest = (split?.rest ?? whole).replace(houseNumber, '').replace(bareNumber, '')
    if (rest.length >= 2 && rest !== whole) {
      const parts = split ? [split.region, rest] : [rest]
      const roads = parts.length > 1 ? findParts(index, parts) : findWhole(index, rest, asWritten)
      take([...roads].map(each => ({ ...each, base: each.base * 0.85, rough: 'number' as const })))
    }
  }
  if (found.size < addressHitsMax) {
    const spoken = spell(whole)
    take(
      [...findWhole(index, spoken, listAccents)].map(each => ({
        ...each,
        how: 'accent' as const,
        base: Math.min(each.base * 0.8, each.base - 0.18),
      })),
    )
    if (found.size < 3) take(findSlips(index, spoken))
  }
  if (found.size === 0 && pieces.length > 1)
    for (const piece of pieces)
      take(
        [...findWhole(index, piece, asWritten)].map(each => ({
          ...each,
          base: each.base * 0.6,
          rough: 'road' as const,
        })),
      )
  return finish(index, order, [...found.values()])
}

/** What was typed, in letters: Chinese by its pinyin, letters as they are. */
function spell(plain: string): string {
  return [...plain].some(isChinese)
    ? readUnits(plain)
        .map((unit: Unit) => unit.readings[0] ?? '')
        .join('')
    : plain
}

/** Forms that may hold a part, by what letters and characters they are made of. */
function* listLikely(index: AddressIndex, part: Part): Generator<number> {
  const { letters, bloom } = part
  for (let form = 0; form < index.formRow.length; form++) {
    if ((index.letterMask[form]! & letters) !== letters || (index.charMask[form]! & bloom) !== bloom) continue
    yield form
  }
}

function* findWhole(index: AddressIndex, text: string, spelled: Part['spelled']): Generator<Candidate> {
  const part = preparePart(index, text, spelled)
  let scored = 0
  for (const form of listLikely(index, part)) {
    if (!standsIn(index, part, form)) continue
    const candidate = judge(index, part, form)
    if (candidate) yield candidate
    if (++scored >= scoredMax) return
  }
}

function judge(index: AddressIndex, part: Part, form: number): Candidate | undefined {
  const way = measureStanding(index, part, form)
  if (!way) return undefined
  const length = index.formStart[form + 1]! - index.formStart[form]!
  const units = countUnits(way)
  const how = nameHow(way, units === length)
  const column = units === length ? 0 : way.start === 0 ? 1 : 2
  const base = scores[how][column] + 0.06 * (units / length)
  return { row: index.formRow[form]!, how, base, score: 0 }
}

/** Rows of which each part stands in the name or in the name of a region they lie in, at least one in the name. */
function* findParts(index: AddressIndex, texts: readonly string[]): Generator<Candidate> {
  const parts = texts.map(text => preparePart(index, text, asWritten))
  const regionsOf = parts.map(part => {
    const codes = new Set<string>()
    // One letter would make every region say yes.
    if (part.text.length > 1)
      for (let form = 0; form < index.formRow.length; form++) {
        const row = index.rows[index.formRow[form]!]!
        if (row.kind === 'region' && row.regionCode && standsIn(index, part, form)) codes.add(row.regionCode)
      }
    return codes
  })
  let scored = 0
  for (let form = 0; form < index.formRow.length; form++) {
    const row = index.rows[index.formRow[form]!]!
    let inName = 0
    let named = 0
    let inNameHow: AddressHow = 'within'
    let isAll = true
    for (let at = 0; at < parts.length && isAll; at++) {
      const part = parts[at]!
      const isLikely =
        (index.letterMask[form]! & part.letters) === part.letters && (index.charMask[form]! & part.bloom) === part.bloom
      if (isLikely && standsIn(index, part, form)) {
        const judged = judge(index, part, form)
        inName++
        named += judged?.base ?? 0
        inNameHow = judged?.how ?? inNameHow
      } else if (row.kind === 'region' || !isWithinAny(row.regionCode, regionsOf[at]!)) isAll = false
    }
    if (!isAll || inName === 0) continue
    const isJunction = row.kind === 'junction' && inName > 1
    // With its region told besides, a name is as sure as alone, and surer than the same name elsewhere.
    const how: AddressHow = isJunction ? 'junction' : inName === 1 ? inNameHow : 'within'
    const mean = named / inName
    yield {
      row: index.formRow[form]!,
      how,
      base: isJunction ? 0.9 + 0.05 * Math.min(1, mean) : inName === 1 ? mean + regionLift : mean * 0.9,
      score: 0,
    }
    if (++scored >= scoredMax) return
  }
}

/** True when a code lies in one of the regions; codes of streets and counties hold those above them. @source GB/T 2260 */
function isWithinAny(code: string | undefined, regions: ReadonlySet<string>): boolean {
  if (code === undefined || regions.size === 0) return false
  if (regions.has(code)) return true
  if (!/^\d{6,}$/.test(code)) return false
  return regions.has(code.slice(0, 6)) || regions.has(`${code.slice(0, 4)}00`) || regions.has(`${code.slice(0, 2)}0000`)
}

/** "南湖区中山路" as region and rest; undefined when it begins with no name of a region. */
function splitRegion(index: AddressIndex, plain: string): { region: string; rest: string } | undefined {
  let rest = plain
  let region: string | undefined
  for (let depth = 0; depth < 3; depth++) {
    const held = index.regionForms.find(each => rest.length > each.plain.length && rest.startsWith(each.plain))
    if (!held) break
    region = held.plain
    rest = rest.slice(held.plain.length)
  }
  return region === undefined ? undefined : { region, rest }
}

/** Rows whose pinyin is within one or two slips of what was typed. */
function* findSlips(index: AddressIndex, spoken: string): Generator<Candidate> {
  const pattern = spoken.slice(0, unitsMax)
  if (pattern.length < oneSlipMin || !/^[a-z0-9]+$/.test(pattern)) return
  const slipsMax = pattern.length >= twoSlipsMin ? 2 : 1
  const letters = maskLetters(pattern)
  const myers = openMyers(pattern)
  const codesOf = index.book.map(readings => Uint8Array.from(readings[0] ?? '', char => char.charCodeAt(0)))
  let scored = 0
  for (let form = 0; form < index.formRow.length; form++) {
    if (countBits(letters & ~index.letterMask[form]!) > slipsMax) continue
    myers.start()
    const from = index.formStart[form]!
    const to = index.formStart[form + 1]!
    for (let at = from; at < to; at++) {
      const codes = codesOf[index.readings[at]!]!
      for (let i = 0; i < codes.length; i++) myers.push(codes[i]!)
    }
    // Two letters swapped are two edits to Myers and one slip of the finger.
    if (myers.best() > slipsMax + 1) continue
    let text = ''
    const starts: number[] = []
    for (let at = from; at < to; at++) {
      starts.push(text.length)
      text += index.book[index.readings[at]!]![0] ?? ''
    }
    const slips = countSlips(pattern, text, starts)
    if (slips > slipsMax) continue
    const covered = Math.min(1, pattern.length / Math.max(1, text.length))
    const column = covered > 0.9 ? 0 : 1
    yield {
      row: index.formRow[form]!,
      how: 'typo',
      base: scores.typo[column] - 0.08 * (slips - 1) + 0.06 * covered,
      score: 0,
    }
    if (++scored >= scoredMax) return
  }
}

function countBits(value: number): number {
  let rest = value
  let count = 0
  for (; rest !== 0; rest &= rest - 1) count++
  return count
}

function findPosts(index: AddressIndex, order: AddressOrder, post: { metres: number; road: string }): FoundHit[] {
  const named = new Map<number, number>()
  if (post.road === '') for (const row of index.posted) named.set(row, 0.7)
  else
    for (const each of findWhole(index, plainText(post.road), asWritten))
      if (index.posted.includes(each.row)) named.set(each.row, Math.max(named.get(each.row) ?? 0, each.base))
  const candidates: (Candidate & { place: ReturnType<typeof locatePost> })[] = []
  for (const [row, base] of named) {
    const place = locatePost(index.rows[row]!.posts!, post.metres)
    // Without a name only roads that are that long are meant.
    if (place.isBeyond && post.road === '') continue
    candidates.push({
      row,
      how: 'post',
      base: place.isBeyond ? base * 0.4 : Math.min(0.97, base),
      score: 0,
      place,
      ...(place.isBeyond ? { rough: 'chainage' as const } : {}),
    })
  }
  const placeOf = new Map(candidates.map(each => [each.row, each.place]))
  return finish(index, order, candidates, row => {
    const { lon, lat } = placeOf.get(row)!
    const { name, nameEn } = index.rows[row]!
    const at = formatPost(post.metres)
    return { kind: 'post', name: `${name} ${at}`, ...(nameEn ? { nameEn: `${nameEn} ${at}` } : {}), lon, lat }
  })
}

const round = (value: number, digits: number): number => Math.round(value * 10 ** digits) / 10 ** digits

/** Lifts, orders and writes the best. A confidence is what the way of finding is worth, shared among hits of about equal score. */
function finish(
  index: AddressIndex,
  order: AddressOrder,
  candidates: Candidate[],
  rewrite?: (row: number) => Pick<FoundHit, 'kind' | 'name' | 'nameEn' | 'lon' | 'lat'>,
): FoundHit[] {
  const home = new Set(order.homeCodes)
  for (const each of candidates) {
    const row = index.rows[each.row]!
    const place = rewrite?.(each.row) ?? row
    each.score =
      each.base +
      weightLift * (row.weight ?? 0) +
      (isWithinAny(row.regionCode, home) ? homeLift : 0) +
      (order.near ? nearLift * Math.exp(-measureKm(order.near, place) / nearKm) : 0)
  }
  const best = candidates
    .sort((a, b) => b.score - a.score || (index.rows[a.row]!.id < index.rows[b.row]!.id ? -1 : 1))
    .slice(0, addressHitsMax)
  const top = best[0]?.score ?? 0
  const shares = best.map(each => Math.exp((each.score - top) / doubt))
  const sum = shares.reduce((total, share) => total + share, 0)
  return best.map((each, at) => {
    const row = index.rows[each.row]!
    const { kind, name, nameEn, lon, lat } = rewrite?.(each.row) ?? row
    const rough = each.rough ?? (kind === 'road' ? 'road' : undefined)
    return {
      gazetteerId: row.id,
      kind,
      name,
      ...(nameEn ? { nameEn } : {}),
      ...(row.regionCode ? { regionCode: row.regionCode } : {}),
      lon: round(lon, 6),
      lat: round(lat, 6),
      how: each.how,
      confidence: round(Math.min(0.99, each.base) * (shares[at]! / sum), 2),
      ...(rough ? { rough } : {}),
    }
  })
}
