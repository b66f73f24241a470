// The player: lets the simulated city live against a house, through the same door as every other source.
// In a city with CLOCK=wall it keeps real time; with CLOCK=entries it is the clock and runs at any speed.
// It obeys what dispatchers order in the house: assigned units drive, released ones turn round. It ends cleanly on a signal.
//
//   node simulations/play.ts --url http://127.0.0.1:8120 --token-file FILE [--scenario outbreak|quiet-day|full-day|mass-casualty] [--seed 7]
//     [--clock wall|entries] [--speed 1] [--minutes N] [--history-days 60] [--hourly-days 0] [--pace 1] [--no-register]
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import {
  type CityEvent,
  type CityState,
  countCity,
  endIncident,
  obeyOrder,
  type Scenario,
  startCity,
  stepCity,
  tellHistory,
  tellRegister,
  withdrawOrder,
} from './city.ts'
import { type Answer, type Door, DoorClosed, openDoor, type Saying, sleepFor } from './door.ts'
import type { Lines } from './lines.ts'
import { fullDay } from './scenarios/full-day.ts'
import { massCasualty } from './scenarios/mass-casualty.ts'
import { outbreak } from './scenarios/outbreak.ts'
import { quietDay } from './scenarios/quiet-day.ts'
import { createChance, seedCity } from './seed.ts'
import type { Terminals } from './terminals.ts'
import { createTicker, mergeByTime } from './ticks.ts'
import { openWatch, type Watch } from './watch.ts'

/** Scenarios by name. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  outbreak,
  'quiet-day': quietDay,
  'full-day': fullDay,
  'mass-casualty': massCasualty,
}

export interface PlayOptions {
  state: CityState
  door: Door
  /** Second line through the same door for history, so that the living city does not wait behind it. */
  historyDoor: Door
  clock: 'wall' | 'entries'
  /** City milliseconds per real millisecond; above 1 only with clock `entries`. Infinity is as fast as the house takes it. */
  speed: number
  /** City time to live; undefined is until the signal. */
  durationMs?: number
  historyDays: number
  hourlyDays: number
  register: boolean
  /** Orders of human dispatchers are read from here. */
  watch?: Watch
  /** Vehicle terminals: positions leave through them, as on the road, and not through the door. */
  terminals?: Pick<Terminals, 'report'>
  /** The telephone system: calls ring through it; only with the wall clock. */
  lines?: Lines
  signal: AbortSignal
  onProgress?: (line: string) => void
}

const STEP_REAL_MS = 500
const STEP_CITY_MAX_MS = 30_000
const PROGRESS_EVERY_MS = 10_000
const TICK_EVERY_MS = 5_000
const SNAPSHOT_MAX_MS = 10_000
const HISTORY_CHUNK = 1_000

/** Lets the city live until its time is over or the signal fires. */
export async function playCity(options: PlayOptions): Promise<void> {
  const { state, door, clock, speed, signal } = options
  if (clock === 'wall' && speed !== 1) throw new RangeError('a city on the wall clock runs at speed 1')
  if (!(speed > 0)) throw new RangeError('the speed must be above 0')
  const say = options.onProgress ?? (() => {})
  const startAt = state.now
  const ticker = createTicker(startAt)
  if (clock === 'entries') await door.send(ticker.runTo(startAt))
  if (options.register) {
    await door.send([...tellRegister(state.city, startAt)])
    say(`registered ${state.city.units.length} units`)
  }
  if (options.watch) await settleHouse(state, options.watch, door, signal)
  const history = sendHistory(options, say)
  // In a played city the past must be in before time goes on, or it would be judged as late.
  if (clock === 'entries') await history
  const confirmed = new Map<string, string>()
  const realStart = Date.now()
  let saidAt = 0
  try {
    while (!signal.aborted) {
      const passed = (Date.now() - realStart) * speed
      const wanted = Number.isFinite(speed) ? startAt + passed : state.now + STEP_CITY_MAX_MS
      const until = Math.min(
        wanted,
        state.now + STEP_CITY_MAX_MS,
        options.durationMs === undefined ? Number.POSITIVE_INFINITY : startAt + options.durationMs,
      )
      const events: Saying[] = options.watch ? obeyHouse(state, options.watch, confirmed) : []
      if (until > state.now) {
        const told = stepCity(state, Math.floor(until))
        // What is told is at most one tick ahead of the city's clock.
        events.push(...(clock === 'entries' ? mergeByTime(ticker.runTo(Math.floor(until), TICK_EVERY_MS), told) : told))
      }
      const said = options.terminals ? reportFixes(events, options.terminals) : events
      const due = options.lines ? options.lines.divert(said, state.now) : said
      for (const incidentId of options.lines?.takeForeign() ?? []) due.push(...endIncident(state, incidentId))
      await sendLive(state, door, due)
      if (Date.now() - saidAt > PROGRESS_EVERY_MS) {
        saidAt = Date.now()
        say(describeProgress(state, door))
      }
      if (options.durationMs !== undefined && state.now >= startAt + options.durationMs) break
      const aheadMs = Number.isFinite(speed) ? (state.now - startAt) / speed - (Date.now() - realStart) : 0
      const isBehind = Number.isFinite(speed) ? aheadMs < -STEP_REAL_MS : true
      if (!isBehind) await sleepFor(STEP_REAL_MS, signal)
    }
  } catch (error) {
    if (!(error instanceof DoorClosed && signal.aborted)) throw error
  }
  await history
  say(describeProgress(state, door))
}

/** Hands positions to the vehicles' own terminals; answers what is left for the door. */
function reportFixes(events: readonly Saying[], terminals: Pick<Terminals, 'report'>): Saying[] {
  return events.filter(event => {
    if (event.kind !== 'unit.position') return true
    const { unitId, ...fix } = event.body as { unitId: string; lon: number; lat: number }
    terminals.report(unitId, { at: event.at, ...fix })
    return false
  })
}

/**
 * A house that has been played before still shows what the last player left: units on tasks that nobody drives any more and
 * incidents of the simulation's own desk. Both are brought to an end; incidents of people stay theirs.
 */
export async function settleHouse(
  state: CityState,
  house: Pick<Watch, 'units' | 'incidents' | 'isOpen'>,
  door: Door,
  signal: AbortSignal,
): Promise<void> {
  for (let waitedMs = 0; !house.isOpen && waitedMs < SNAPSHOT_MAX_MS; waitedMs += 100) await sleepFor(100, signal)
  const at = state.now
  const statuses: Saying[] = []
  for (const { unit } of state.units) {
    const shown = house.units.get(unit.id)
    if (!shown || (shown.status === 'idle' && shown.incidentId === undefined)) continue
    statuses.push({
      kind: 'unit.status',
      at,
      from: unit.id,
      body: { unitId: unit.id, status: 'idle', placeId: unit.stationId, by: 'auto' },
    })
  }
  await door.send(statuses)
  const closings: Saying[] = []
  for (const incident of house.incidents.values()) {
    if (incident.state !== 'open' || incident.openedBy !== 'desk') continue
    const body = {
      incidentId: incident.incidentId,
      outcome: 'cancelled',
      reason: '模拟重新开始 / simulation restarted',
    }
    closings.push({ kind: 'incident.closed', at, from: 'desk', body })
  }
  await door.send(closings)
}

async function sendHistory(options: PlayOptions, say: (line: string) => void): Promise<void> {
  if (options.historyDays === 0) return
  const { state, historyDoor, signal } = options
  let chunk: Saying[] = []
  let sent = 0
  const startedAt = Date.now()
  try {
    for (const event of tellHistory(state, options.historyDays, options.hourlyDays)) {
      chunk.push(event)
      if (chunk.length < HISTORY_CHUNK) continue
      await historyDoor.send(chunk)
      sent += chunk.length
      chunk = []
    }
    await historyDoor.send(chunk)
    sent += chunk.length
    const seconds = ((Date.now() - startedAt) / 1_000).toFixed(1)
    say(`history: ${sent} counts of ${options.historyDays} days in ${seconds} s`)
  } catch (error) {
    if (!(error instanceof DoorClosed && signal.aborted)) throw error
  }
}

/** Sends what the city said; an assignment that the house refused is taken back in the city. */
async function sendLive(state: CityState, door: Door, events: readonly Saying[]): Promise<void> {
  if (events.length === 0) return
  const after: CityEvent[] = []
  for (const answer of await door.send(events)) {
    const refused = findRefusedOrder(answer)
    if (refused) after.push(...withdrawOrder(state, refused.unitId, refused.incidentId))
  }
  if (after.length > 0) await door.send(after)
}

function findRefusedOrder(answer: Answer): { unitId: string; incidentId: string } | undefined {
  const { saying, outcome } = answer
  if (saying.kind !== 'incident.unitAssigned' || outcome.result !== 'refused') return undefined
  return saying.body as { unitId: string; incidentId: string }
}

/**
 * Brings the city in line with what people did in the house: a unit ordered there starts here, one released there turns
 * round, a closed incident ends. `confirmed` remembers which tasks the house has shown, so that an order of our own that
 * is still on its way is not mistaken for a release. Returns what the city says to it.
 */
export function obeyHouse(
  state: CityState,
  house: Pick<Watch, 'units' | 'incidents' | 'isOpen'>,
  confirmed: Map<string, string>,
): CityEvent[] {
  if (!house.isOpen) return []
  const events: CityEvent[] = []
  for (const living of state.units) {
    const unitId = living.unit.id
    const shown = house.units.get(unitId)
    if (!shown) continue
    const told = shown.incidentId
    if (told !== undefined && told === living.incidentId) confirmed.set(unitId, told)
    else if (told !== undefined && shown.status === 'ordered') {
      const incident = house.incidents.get(told)
      if (incident?.state !== 'open') continue
      if (living.incidentId !== undefined && confirmed.get(unitId) === living.incidentId) {
        events.push(...withdrawOrder(state, unitId, living.incidentId))
      }
      const { lon, lat, level } = incident
      if (obeyOrder(state, { unitId, incidentId: told, lon, lat, level })) confirmed.set(unitId, told)
    } else if (told === undefined && living.incidentId !== undefined && confirmed.get(unitId) === living.incidentId) {
      confirmed.delete(unitId)
      events.push(...withdrawOrder(state, unitId, living.incidentId))
    }
  }
  for (const incidentId of [...state.incidents.keys()]) {
    if (house.incidents.get(incidentId)?.state === 'closed') events.push(...endIncident(state, incidentId))
  }
  return events
}

function describeProgress(state: CityState, door: Door): string {
  const { units, moving, openIncidents, waiting, calls } = countCity(state)
  const refused = [...door.totals.refused.values()].reduce((sum, one) => sum + one.count, 0)
  return (
    `${new Date(state.now).toISOString()} units ${units}, moving ${moving}, calls ${calls}, ` +
    `open incidents ${openIncidents} (${waiting} waiting), logged ${door.totals.logged}, refused ${refused}, waits ${door.totals.waits}`
  )
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      url: { type: 'string' },
      'token-file': { type: 'string' },
      scenario: { type: 'string', default: 'outbreak' },
      seed: { type: 'string', default: '7' },
      clock: { type: 'string', default: 'wall' },
      speed: { type: 'string', default: '1' },
      minutes: { type: 'string' },
      'history-days': { type: 'string', default: '60' },
      'hourly-days': { type: 'string', default: '0' },
      pace: { type: 'string', default: '1' },
      'calls-per-day': { type: 'string' },
      'manual-share': { type: 'string', default: '0.15' },
      'dwell-factor': { type: 'string', default: '1' },
      'start-at': { type: 'string' },
      'no-register': { type: 'boolean', default: false },
    },
  })
  const scenario = scenarios[values.scenario]
  if (!values.url || !values['token-file'] || !scenario || (values.clock !== 'wall' && values.clock !== 'entries')) {
    process.stderr.write(
      `usage: node simulations/play.ts --url URL --token-file FILE [--scenario ${Object.keys(scenarios).join('|')}] [--clock wall|entries]\n`,
    )
    process.exitCode = 2
    return
  }
  const token = (await readFile(values['token-file'], 'utf8')).trim()
  const seed = Number(values.seed)
  const startAt = values['start-at'] === undefined ? Date.now() : Date.parse(values['start-at'])
  if (!Number.isFinite(startAt)) throw new RangeError('--start-at is not an instant')
  const end = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => end.abort())
  const state = startCity({
    city: seedCity({ seed }),
    chance: createChance(seed),
    scenario,
    startAt,
    outbreakPace: Number(values.pace),
    ...(values['calls-per-day'] === undefined ? {} : { callsPerDay: Number(values['calls-per-day']) }),
    manualShare: Number(values['manual-share']),
    dwellFactor: Number(values['dwell-factor']),
  })
  const common = { url: values.url, token, isPlayed: values.clock === 'entries', signal: end.signal }
  const door = openDoor({ ...common, epoch: `play-${state.run}` })
  const historyDoor = openDoor({ ...common, epoch: `past-${state.run}` })
  const watch = openWatch({ url: values.url, token })
  try {
    await playCity({
      state,
      door,
      historyDoor,
      clock: values.clock,
      speed: values.speed === 'max' ? Number.POSITIVE_INFINITY : Number(values.speed),
      ...(values.minutes === undefined ? {} : { durationMs: Number(values.minutes) * 60_000 }),
      historyDays: Number(values['history-days']),
      hourlyDays: Number(values['hourly-days']),
      register: !values['no-register'],
      watch,
      signal: end.signal,
      onProgress: line => process.stderr.write(`${line}\n`),
    })
  } finally {
    watch.close()
  }
  for (const one of [...door.totals.refused.values(), ...historyDoor.totals.refused.values()]) {
    process.stdout.write(`refused ${one.count} × ${one.kind} ${one.code}: ${one.zh} / ${one.en}\n`)
  }
  process.stdout.write(
    `played until ${new Date(state.now).toISOString()}: ${door.totals.logged + historyDoor.totals.logged} entries logged\n`,
  )
}

if (import.meta.main) await main()
