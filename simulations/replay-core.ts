// Replay of real recordings through the door of a played city (CLOCK=entries), and the report of what came of it.
// It stands on door.ts, ticks.ts and recordings.ts; who starts the house is replay.ts. It promises order by time, one clock
// for all recordings, and a report made of what the house answered, not of what was sent.
import type { RuleInput } from '#contract/rule.ts'
import { getDayIndex } from '#contract/scalars.ts'
import type { AlertView, IncidentView, UnitView } from '#contract/view.ts'
import type { Door, Saying } from './door.ts'
import { englandHolidays } from './opinions.ts'
import type { Recording, Region } from './recordings.ts'
import { createTicker, mergeByTime, tickEveryMaxMs } from './ticks.ts'

/** Eyes on the played house. */
export interface HouseEyes {
  listAlerts(): Promise<AlertView[]>
  listUnits(): Promise<readonly UnitView[]>
  listIncidents(): Promise<readonly IncidentView[]>
}

export interface ReplayResult {
  recordings: readonly Recording[]
  missing: readonly string[]
  from: number
  until: number
  alerts: AlertView[]
  signals: Signal[]
  units: readonly UnitView[]
  incidents: readonly IncidentView[]
  seconds: number
}

/** One firing of one leaf, as an alert showed it. */
export interface Signal {
  alertId: string
  method: string
  sourceKind: string
  syndrome: string
  regionCode: string
  period: string
  observed: number
  expected: number | undefined
  threshold: number | undefined
}

/** The door admits what is at most five minutes ahead of the city; a window stays below it. */
const WINDOW_MS = 4 * 60_000
const SIGNALS_MAX = 100_000

/**
 * Rules of a replay. The triage recording begins inside the first wave and has no year before, so EARS with its seven days
 * of history is what can be asked of it. No detector looks at the 911 calls: their 34 days lie a month apart, and a
 * detector would take the days between for days without calls.
 */
export const replayRules: RuleInput[] = [
  {
    ruleId: 'replay-triage',
    version: 1,
    name: '分诊量异常升高',
    nameEn: 'Triage counts above expectation',
    level: 3,
    syndrome: 'respiratory',
    regionLevel: 'city',
    windowH: 48,
    when: {
      type: 'anyOf',
      of: (['earsC1', 'earsC2', 'earsC3'] as const).map(method => ({
        type: 'detector',
        method,
        sourceKind: 'triage',
        syndrome: 'respiratory',
        period: 'day',
        minCount: 10,
      })),
    },
    escalation: [{ afterS: 0, role: 'epidemiologist' }],
    basis: 'EARS C1-C3 (Hutwagner et al. 2003)',
  },
  {
    ruleId: 'replay-silence',
    version: 1,
    name: '车辆失联',
    nameEn: 'Units without a position',
    level: 4,
    regionLevel: 'city',
    windowH: 24,
    // The taxis of the recording speak about every twenty minutes; two hours is silence even for them.
    when: { type: 'unit-silence', idleS: 7_200, onTaskS: 7_200 },
    escalation: [{ afterS: 0, role: 'shift-leader' }],
    basis: 'recording of Wuxi taxis, median interval about twenty minutes',
  },
]

/** Codes that a player's token and the readers' accounts must be given. */
export function listRoots(recordings: readonly Recording[]): string[] {
  return recordings.flatMap(one => one.regions.filter(region => region.parentCode === undefined).map(one => one.code))
}

/** Plays recordings into a fresh city and reads what came of it. Throws DoorClosed when the house goes away. */
export async function replayRecordings(options: {
  recordings: readonly Recording[]
  missing: readonly string[]
  door: Door
  eyes: HouseEyes
  say?: (line: string) => void
}): Promise<ReplayResult> {
  const { recordings, door, eyes } = options
  const say = options.say ?? (() => {})
  const startedAt = performance.now()
  const sayings = recordings.flatMap(one => one.sayings).sort((a, b) => a.at - b.at)
  const first = sayings[0]?.at ?? Date.UTC(2020, 0, 1)
  const ticker = createTicker(first)
  await door.send(ticker.runTo(first))
  await publish(recordings, door, first)
  const signals = new Map<string, Signal>()
  let alerts: AlertView[] = []
  const look = async (): Promise<void> => {
    alerts = await eyes.listAlerts()
    for (const alert of alerts) collectSignals(alert, signals)
  }
  let next = 0
  let day = getDayIndex(first)
  while (next < sayings.length) {
    const due = sayings[next]!.at
    if (getDayIndex(due) !== day) {
      await look()
      day = getDayIndex(due)
      say(`${new Date(due).toISOString().slice(0, 10)}: ${next} of ${sayings.length} told, ${alerts.length} alerts`)
    }
    const isLive = recordings.some(one => one.live && ticker.at >= one.live.from && ticker.at < one.live.until)
    if (!isLive && due > ticker.at) await door.send(ticker.leapTo(due))
    const until = isLive
      ? Math.max(ticker.at, Math.min(ticker.at + WINDOW_MS, findLiveEnd(recordings, ticker.at)))
      : ticker.at
    const told: Saying[] = []
    while (next < sayings.length && sayings[next]!.at <= until) told.push(sayings[next++]!)
    // Nothing told is ahead of the clock by more than one tick.
    const window = mergeByTime(ticker.runTo(until, tickEveryMaxMs), told)
    await door.send(window)
  }
  await look()
  return {
    recordings,
    missing: options.missing,
    from: first,
    until: ticker.at,
    alerts,
    signals: [...signals.values()].sort((a, b) => (a.period < b.period ? -1 : a.period > b.period ? 1 : 0)),
    units: await eyes.listUnits(),
    incidents: await eyes.listIncidents(),
    seconds: (performance.now() - startedAt) / 1_000,
  }
}

function findLiveEnd(recordings: readonly Recording[], at: number): number {
  const ends = recordings.flatMap(one =>
    one.live && at >= one.live.from && at < one.live.until ? [one.live.until] : [],
  )
  return Math.max(...ends)
}

async function publish(recordings: readonly Recording[], door: Door, at: number): Promise<void> {
  const regions: Region[] = recordings.flatMap(one => one.regions)
  await door.send([
    { kind: 'region.published', at, from: 'replay', body: { version: 1, regions } },
    { kind: 'rule.published', at, from: 'replay', body: { version: 1_000_000, rules: replayRules } },
    { kind: 'calendar.published', at, from: 'replay', body: { version: 1_000_000, spans: [...englandHolidays] } },
  ])
  await door.send(recordings.flatMap(one => one.register.map(saying => ({ ...saying, at }))))
}

function collectSignals(alert: AlertView, into: Map<string, Signal>): void {
  for (const part of alert.evidence) {
    const key = [alert.alertId, part.method, part.sourceKind, part.syndrome, part.regionCode, part.period].join('|')
    if (into.size >= SIGNALS_MAX && !into.has(key)) continue
    into.set(key, {
      alertId: alert.alertId,
      method: part.method,
      sourceKind: part.sourceKind ?? '',
      syndrome: part.syndrome ?? '',
      regionCode: part.regionCode,
      period: part.period,
      observed: part.observed,
      expected: part.expected,
      threshold: part.threshold,
    })
  }
}

const formatDayOf = (at: number): string => new Date(at + 8 * 3_600_000).toISOString().slice(0, 16).replace('T', ' ')

/** The report of a replay, line by line; every figure is what the house answered. */
export function describeReplay(result: ReplayResult, door: Pick<Door, 'totals'>): string[] {
  const { totals } = door
  const lines: string[] = []
  for (const path of result.missing) lines.push(`recording ${path}: no data`)
  for (const one of result.recordings) {
    lines.push(
      `recording ${one.name}: ${one.rows} rows, ${one.sayings.length} entries made, ${one.unread.length} unreadable`,
    )
    for (const unread of one.unread.slice(0, 5)) lines.push(`  line ${unread.line}: ${unread.why} is not readable`)
  }
  lines.push(
    `played ${formatDayOf(result.from)} to ${formatDayOf(result.until)} city time in ${result.seconds.toFixed(1)} s`,
  )
  lines.push(`entries logged: ${totals.logged} of ${totals.sent} (${totals.repeated} repeated)`)
  for (const [kind, count] of [...totals.byKind].sort((a, b) => b[1] - a[1])) lines.push(`  ${kind}: ${count}`)
  const refused = [...totals.refused.values()]
  lines.push(`entries refused: ${refused.reduce((sum, one) => sum + one.count, 0)}`)
  for (const one of refused)
    lines.push(`  ${one.count} × ${one.kind} ${one.code}: ${one.zh} / ${one.en} (first: ${one.sample})`)
  const located = result.units.filter(unit => unit.fixAt !== undefined).length
  lines.push(`units: ${result.units.length}, with a position ${located}`)
  const open = result.incidents.filter(incident => incident.state === 'open').length
  lines.push(`incidents: ${result.incidents.length}, open ${open}`)
  const bySyndrome = new Map<string, number>()
  for (const incident of result.incidents) {
    const syndrome = incident.syndrome ?? 'uncoded'
    bySyndrome.set(syndrome, (bySyndrome.get(syndrome) ?? 0) + 1)
  }
  for (const [syndrome, count] of [...bySyndrome].sort((a, b) => b[1] - a[1])) lines.push(`  ${syndrome}: ${count}`)
  const nameOf = new Map(result.recordings.flatMap(one => one.regions).map(region => [region.code, region.nameEn]))
  const name = (code: string): string => nameOf.get(code) ?? code
  const counted = result.signals.filter(signal => signal.sourceKind !== '')
  lines.push(`signals: ${counted.length}`)
  for (const signal of counted) {
    const figures = [signal.expected, signal.threshold].map(value => (value === undefined ? '—' : value.toFixed(1)))
    lines.push(
      `  ${signal.period} ${signal.method} ${signal.sourceKind} ${signal.syndrome} ${name(signal.regionCode)}: ` +
        `observed ${signal.observed}, expected ${figures[0]}, threshold ${figures[1]}`,
    )
  }
  lines.push(`alerts: ${result.alerts.length}`)
  for (const alert of result.alerts) {
    lines.push(
      `  ${formatDayOf(alert.raisedAt)} ${alert.alertId} level ${alert.level} ${alert.ruleNameEn}, ${name(alert.regionCode)}: ` +
        `${alert.state}, sources ${alert.independentSources}/${alert.neededSources}, cases ${alert.cases}, last ${formatDayOf(alert.updatedAt)}`,
    )
  }
  return lines
}
