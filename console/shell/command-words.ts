/**
 * The command line's grammar: one letter or word, then what it acts on. Pure: it reads a line against the lists on the
 * screen and says what it would do, or why it cannot with a suggestion; it changes nothing itself.
 */
import type { Level, UnitStatus } from '#contract/scalars.ts'
import type { AlertView, IncidentView, PlaceView, RegionView, UnitView } from '#contract/view.ts'

/** Most units one D may send. */
export const unitsOfCommandMax = 8
/** Suggestions offered for a word nobody knows or an id that fits several. */
export const suggestionsMax = 4

export type Command =
  | { verb: 'assign'; incident: IncidentView; units: readonly UnitView[] }
  | { verb: 'status'; unit: UnitView; status: UnitStatus }
  | { verb: 'release'; incident: IncidentView; unit: UnitView }
  | { verb: 'level'; incident: IncidentView; level: Level }
  | { verb: 'note'; incident: IncidentView; text: string }
  | { verb: 'cancel'; incident: IncidentView; reason: string }
  | { verb: 'find'; kind: 'incident' | 'unit' | 'alert'; id: string }
  | { verb: 'acknowledge'; alert: AlertView }
  | { verb: 'transfer'; incident: IncidentView; region: RegionView; reason: string }
  | { verb: 'queue'; incident: IncidentView; unit: UnitView }
  | { verb: 'divert'; incident: IncidentView; unit: UnitView }
  | { verb: 'move'; unit: UnitView; place: PlaceView }
  | { verb: 'merge'; incident: IncidentView; other: IncidentView }
  | { verb: 'hospital'; unit: UnitView; incident: IncidentView; place: PlaceView }
  | { verb: 'mass'; incident: IncidentView; count: number }
  | { verb: 'help' }

export type CommandReading =
  | { ok: true; command: Command }
  | {
      ok: false
      why:
        | 'empty'
        | 'verb'
        | 'incident'
        | 'unit'
        | 'status'
        | 'alert'
        | 'level'
        | 'text'
        | 'ambiguous'
        | 'region'
        | 'place'
        | 'count'
      word: string
      suggestions: readonly string[]
    }

export const verbTable = [
  { letter: 'D', words: ['d', '派', '派车', 'dispatch', 'assign'], id: 'assign' },
  { letter: 'S', words: ['s', '状态', 'status'], id: 'status' },
  { letter: 'R', words: ['r', '撤', '撤销', 'release'], id: 'release' },
  { letter: 'L', words: ['l', '级别', 'level'], id: 'level' },
  { letter: 'N', words: ['n', '备注', 'note'], id: 'note' },
  { letter: 'X', words: ['x', '取消', 'cancel'], id: 'cancel' },
  { letter: 'A', words: ['a', '确认', 'acknowledge', 'ack'], id: 'acknowledge' },
  { letter: 'F', words: ['f', '找', '查找', 'find'], id: 'find' },
  { letter: 'T', words: ['t', '移交', 'transfer'], id: 'transfer' },
  { letter: 'Q', words: ['q', '预派', 'queue', 'next'], id: 'queue' },
  { letter: 'V', words: ['v', '改派', 'divert'], id: 'divert' },
  { letter: 'M', words: ['m', '调防', 'move'], id: 'move' },
  { letter: 'J', words: ['j', '并案', 'join', 'merge'], id: 'merge' },
  { letter: 'H', words: ['h', '送往', '医院', 'hospital'], id: 'hospital' },
  { letter: 'G', words: ['g', '批量', 'mass'], id: 'mass' },
  { letter: '?', words: ['?', '？', '帮助', 'help'], id: 'help' },
] as const

type Lists = {
  incidents: Iterable<IncidentView>
  units: Iterable<UnitView>
  alerts: Iterable<AlertView>
  findStatus: (word: string) => UnitStatus | undefined
  statusWords: readonly string[]
  regions?: Iterable<RegionView>
  places?: Iterable<PlaceView>
}

/** Edits that turn one word into another. @source Levenshtein distance, Wagner–Fischer table */
export function countEdits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length]!
}

function suggest(word: string, known: readonly string[]): readonly string[] {
  const given = word.toLowerCase()
  return known
    .map(each => ({ each, edits: each.toLowerCase().includes(given) ? 0 : countEdits(given, each.toLowerCase()) }))
    .filter(({ each, edits }) => edits <= Math.max(1, Math.ceil(each.length / 2)))
    .sort((a, b) => a.edits - b.edits || (a.each < b.each ? -1 : 1))
    .slice(0, suggestionsMax)
    .map(({ each }) => each)
}

type Found<T> = { one: T } | { several: readonly string[] } | { none: readonly string[] }

/** Finds by whole id, by one of the names, then by a unique ending of either. */
function findOne<T>(word: string, rows: readonly T[], getNames: (row: T) => readonly string[]): Found<T> {
  const given = word.toLowerCase()
  // A word holds no space: 南湖04 is the unit 南湖 04.
  const names = (row: T) => getNames(row).map(name => name.toLowerCase().replace(/\s+/g, ''))
  const exact = rows.filter(row => names(row).includes(given))
  if (exact.length === 1) return { one: exact[0]! }
  const ending = exact.length > 1 ? exact : rows.filter(row => names(row).some(name => name.endsWith(given)))
  if (ending.length === 1) return { one: ending[0]! }
  if (ending.length > 1) return { several: ending.slice(0, suggestionsMax).map(row => getNames(row)[0]!) }
  return {
    none: suggest(
      word,
      rows.map(row => getNames(row)[0]!),
    ),
  }
}

function refuse(why: Extract<CommandReading, { ok: false }>['why'], word: string, suggestions: readonly string[] = []) {
  return { ok: false as const, why, word, suggestions }
}

function readOne<T>(
  why: 'incident' | 'unit' | 'alert' | 'region' | 'place',
  word: string | undefined,
  found: Found<T>,
) {
  if ('one' in found) return found.one
  if ('several' in found) return refuse('ambiguous', word ?? '', found.several)
  return refuse(why, word ?? '', found.none)
}

function isRefused(value: unknown): value is Extract<CommandReading, { ok: false }> {
  return typeof value === 'object' && value !== null && (value as { ok?: unknown }).ok === false
}

/** Reads a line: the command it means, or why not and what was perhaps meant. */
export function readCommand(line: string, lists: Lists): CommandReading {
  const words = line
    .trim()
    .split(/[\s.,;，；]+/)
    .filter(word => word !== '')
  const first = words[0]
  if (first === undefined) return refuse('empty', '')
  const verb = verbTable.find(row => (row.words as readonly string[]).includes(first.toLowerCase()))
  if (!verb) {
    const known = suggest(
      first,
      verbTable.flatMap(row => row.words.slice(1)),
    )
    const rows = known.map(word => verbTable.find(row => (row.words as readonly string[]).includes(word))!.id)
    return refuse(
      'verb',
      first,
      rows.length > 0 ? [...new Set(rows)] : verbTable.slice(0, suggestionsMax).map(row => row.id),
    )
  }
  const incidents = [...lists.incidents].filter(row => row.state === 'open')
  const units = [...lists.units]
  const alerts = [...lists.alerts]
  const getIncident = (word: string | undefined) =>
    readOne('incident', word, word ? findOne(word, incidents, row => [row.incidentId]) : { none: [] })
  const getUnit = (word: string | undefined) =>
    readOne(
      'unit',
      word,
      word ? findOne(word, units, row => [row.unitId, row.name, row.plate ?? row.unitId]) : { none: [] },
    )
  const getRegion = (word: string | undefined) =>
    readOne(
      'region',
      word,
      word
        ? findOne(
            // 县中心 is the centre of the county.
            word.replace(/(?:急救)?中心$/, '') || word,
            [...(lists.regions ?? [])].filter(row => row.level === 'city' || row.level === 'county'),
            row => [row.name, row.code, row.nameEn, row.name.replace(/[市县区]$/, '')],
          )
        : { none: [] },
    )
  const getPlace = (word: string | undefined, kinds: readonly string[]) =>
    readOne(
      'place',
      word,
      word
        ? findOne(
            word,
            [...(lists.places ?? [])].filter(row => kinds.includes(row.placeKind)),
            row => [row.name, row.placeId, row.nameEn ?? row.name],
          )
        : { none: [] },
    )
  const rest = line.trim().replace(/^\S+\s*\S*\s*/, '')

  switch (verb.id) {
    case 'help':
      return { ok: true, command: { verb: 'help' } }
    case 'assign': {
      const incident = getIncident(words[1])
      if (isRefused(incident)) return incident
      const chosen: UnitView[] = []
      if (words.length < 3) return refuse('unit', '')
      for (const word of words.slice(2, 2 + unitsOfCommandMax)) {
        const unit = getUnit(word)
        if (isRefused(unit)) return unit
        if (!chosen.includes(unit)) chosen.push(unit)
      }
      return { ok: true, command: { verb: 'assign', incident, units: chosen } }
    }
    case 'status': {
      const unit = getUnit(words[1])
      if (isRefused(unit)) return unit
      const word = words.slice(2).join(' ')
      const status = lists.findStatus(word)
      if (!status)
        return refuse('status', word, word === '' ? lists.statusWords.slice(0, 9) : suggest(word, lists.statusWords))
      return { ok: true, command: { verb: 'status', unit, status } }
    }
    case 'release': {
      const incident = getIncident(words[1])
      if (isRefused(incident)) return incident
      const unit = getUnit(words[2])
      if (isRefused(unit)) return unit
      return { ok: true, command: { verb: 'release', incident, unit } }
    }
    case 'transfer': {
      const incident = getIncident(words[1])
      if (isRefused(incident)) return incident
      const region = getRegion(words[2])
      if (isRefused(region)) return region
      return { ok: true, command: { verb: 'transfer', incident, region, reason: words.slice(3).join(' ') } }
    }
    case 'queue':
    case 'divert': {
      const incident = getIncident(words[1])
      if (isRefused(incident)) return incident
      const unit = getUnit(words[2])
      if (isRefused(unit)) return unit
      return { ok: true, command: { verb: verb.id, incident, unit } }
    }
    case 'move': {
      const unit = getUnit(words[1])
      if (isRefused(unit)) return unit
      const place = getPlace(words[2], ['station', 'standby'])
      if (isRefused(place)) return place
      return { ok: true, command: { verb: 'move', unit, place } }
    }
    case 'merge': {
      const incident = getIncident(words[1])
      if (isRefused(incident)) return incident
      const other = getIncident(words[2])
      if (isRefused(other)) return other
      return { ok: true, command: { verb: 'merge', incident, other } }
    }
    case 'hospital': {
      const unit = getUnit(words[1])
      if (isRefused(unit)) return unit
      const incident = incidents.find(row => row.incidentId === unit.incidentId)
      if (!incident) return refuse('incident', unit.name)
      const place = getPlace(words[2], ['hospital'])
      if (isRefused(place)) return place
      return { ok: true, command: { verb: 'hospital', unit, incident, place } }
    }
    case 'mass': {
      const incident = getIncident(words[1])
      if (isRefused(incident)) return incident
      const count = Number(words[2])
      if (!Number.isInteger(count) || count < 1 || count > 10_000) return refuse('count', words[2] ?? '')
      return { ok: true, command: { verb: 'mass', incident, count } }
    }
    case 'level': {
      const incident = getIncident(words[1])
      if (isRefused(incident)) return incident
      const romans: Readonly<Record<string, number>> = { i: 1, ii: 2, iii: 3, iv: 4, 危: 1, 重: 2, 急: 3, 轻: 4 }
      const level = romans[(words[2] ?? '').toLowerCase()] ?? Number(words[2])
      if (!Number.isInteger(level) || level < 1 || level > 4)
        return refuse('level', words[2] ?? '', ['1', '2', '3', '4'])
      return { ok: true, command: { verb: 'level', incident, level } }
    }
    case 'note': {
      const incident = getIncident(words[1])
      if (isRefused(incident)) return incident
      return rest === '' ? refuse('text', '') : { ok: true, command: { verb: 'note', incident, text: rest } }
    }
    case 'cancel': {
      const incident = getIncident(words[1])
      if (isRefused(incident)) return incident
      return { ok: true, command: { verb: 'cancel', incident, reason: rest } }
    }
    case 'acknowledge': {
      const word = words[1]
      const alert = readOne('alert', word, word ? findOne(word, alerts, row => [row.alertId]) : { none: [] })
      if (isRefused(alert)) return alert
      return { ok: true, command: { verb: 'acknowledge', alert } }
    }
    case 'find': {
      const word = words[1] ?? ''
      const incident = getIncident(word)
      if (!isRefused(incident))
        return { ok: true, command: { verb: 'find', kind: 'incident', id: incident.incidentId } }
      const unit = getUnit(word)
      if (!isRefused(unit)) return { ok: true, command: { verb: 'find', kind: 'unit', id: unit.unitId } }
      const alert = readOne(
        'alert',
        word,
        findOne(word, alerts, row => [row.alertId]),
      )
      if (!isRefused(alert)) return { ok: true, command: { verb: 'find', kind: 'alert', id: alert.alertId } }
      return refuse(
        'incident',
        word,
        [...incident.suggestions, ...unit.suggestions, ...alert.suggestions].slice(0, suggestionsMax),
      )
    }
  }
}
