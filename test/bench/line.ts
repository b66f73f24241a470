/**
 * Bench of the pure line: position entries through advance() per CPU second, with the door's judgement beside it. No I/O.
 */
import type { Entry } from '#contract/entry.ts'
import { admit } from '../../server/intake/admit.ts'
import { canonicaliseEntry } from '../../server/log/chain.ts'
import { advance } from '../../server/pipeline.ts'
import { createTouched, createWorld, type World } from '../../server/state/world.ts'
import { makeCity, makeEntry, startAt } from '../help/line.ts'
import { formatCount, judge, print } from './measure.ts'

const unitCount = 500
const entryCount = 300_000
const ratePerCpuSMin = 150_000

/** CPU seconds a piece of work takes in this process. */
export function measureCpuS(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const used = process.cpuUsage(before)
  return (used.user + used.system) / 1e6
}

/** A world with the units of a city, and positions for them in the form intake receives. */
export function prepareWorld(units = unitCount): World {
  const world = createWorld()
  const touched = createTouched()
  makeCity(units).forEach((entry, i) => {
    entry.seq = i + 1
    entry.loggedAt = startAt
    advance(world, entry, touched)
  })
  return world
}

/** The least anything could do with positions: keep the newest by unit. */
function putBare(entries: readonly Entry[]): Map<string, Entry> {
  const newest = new Map<string, Entry>()
  for (const entry of entries) {
    const { unitId } = entry.body as { unitId: string }
    const held = newest.get(unitId)
    if (!held || held.occurredAt < entry.occurredAt) newest.set(unitId, entry)
  }
  return newest
}

/** Prints entries per CPU second of the line, the door and the chain. */
export async function benchLine(): Promise<void> {
  const world = prepareWorld()
  const touched = createTouched()
  const entries: Entry[] = Array.from({ length: entryCount }, (_, n) => {
    const at = startAt + Math.floor(n / unitCount) * 1_000
    const entry = makeEntry(
      'unit.position',
      `T${n % unitCount}`,
      { epoch: 'b', sourceSeq: Math.floor(n / unitCount) + 1 },
      { unitId: `U${(n % unitCount) + 1}`, lon: 120 + (n % 997) / 1_000, lat: 30.5, speedKmh: 40, courseDeg: n % 360 },
      at,
    )
    entry.seq = world.seq + n + 1
    entry.loggedAt = at
    return entry
  })
  const drain = () => touched.positions.clear()
  let next = 0
  const slice = entryCount / 3
  const run = () => {
    for (const end = next + slice; next < end; next++) {
      advance(world, entries[next]!, touched)
      if (next % 5_000 === 0) drain()
    }
  }
  run()
  const rates = [measureCpuS(run), measureCpuS(run)].map(s => slice / s)
  const rate = Math.max(...rates)
  // Bare side: what the same entries cost to be looked at and put into a map, with no judgement at all.
  const bareRate = slice / measureCpuS(() => putBare(entries.slice(0, slice)))
  print(
    'line',
    `${formatCount(rate)} position entries per CPU second, bare map of the newest fix ${formatCount(bareRate)}, ${judge(rate, ratePerCpuSMin, false)}`,
  )

  const raw = entries
    .slice(0, 50_000)
    .map((e, i) => ({ kind: e.kind, epoch: 'c', seq: i + 1, occurredAt: e.occurredAt, body: e.body }))
  const door = {
    now: startAt + 1e7,
    receivedAt: startAt + 1e7,
    world,
    speaker: { source: 'bench', isRelay: true, judge: () => undefined, covers: () => true },
  }
  const admitS = measureCpuS(() => {
    for (const item of raw) admit(item, door)
  })
  const chainS = measureCpuS(() => {
    for (const entry of entries.slice(0, 50_000)) canonicaliseEntry(entry)
  })
  print(
    'line',
    `door: ${formatCount(raw.length / admitS)} admitted per CPU second; chain: ${formatCount(50_000 / chainS)} canonical lines per CPU second`,
  )
}
