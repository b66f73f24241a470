/**
 * Line: a writer on any log with a clock the test turns by hand, and entries to feed it. What the server joins in main.ts,
 * without doors; nothing of the house is replaced.
 */
import type { BodyInputOf, Entry, Kind } from '#contract/entry.ts'
import { getBodySchema } from '#contract/entry.ts'
import { rebuildWorld, storeUndecided } from '../../server/log/boot.ts'
import type { Log } from '../../server/log/log.ts'
import { startWriter, type Writer } from '../../server/log/writer.ts'
import { advance } from '../../server/pipeline.ts'
import { createTouched, type Touched, type World } from '../../server/state/world.ts'

export type Line = { world: World; touched: Touched; writer: Writer; fatal: Error[]; log: Log }
export type HandClock = { now(): number; observe(): void; turn(ms: number): void }

/** 2026-11-21 08:00 in Shanghai. */
export const startAt = Date.UTC(2026, 10, 21, 0, 0, 0)

export function createHandClock(at = startAt): HandClock {
  let now = at
  return {
    now: () => now,
    observe: () => undefined,
    turn: ms => {
      now += ms
    },
  }
}

/** Boots a line on a log: checkpoint, tail, writer. */
export async function bootLine(
  log: Log,
  clock: HandClock,
  isDataFault: (error: unknown) => boolean = () => false,
): Promise<Line> {
  const rebuilt = await rebuildWorld(log, advance)
  const touched = createTouched()
  const fatal: Error[] = []
  const writer = startWriter(
    {
      log,
      world: rebuilt.world,
      touched,
      advance,
      clock,
      isAway: error => (error as { code?: string }).code === '08006',
      isDataFault,
      onApplied: () => undefined,
      onFatal: error => fatal.push(error),
    },
    await storeUndecided(log, await log.getHead(), rebuilt.undecided),
  )
  return { world: rebuilt.world, touched, writer, fatal, log }
}

type Key = { epoch: string; sourceSeq: number } | { uuid: string }

/** An admitted entry as intake would hand it over; the body is filled by its schema. */
export function makeEntry<K extends Kind>(
  kind: K,
  source: string,
  key: Key,
  body: BodyInputOf<K>,
  at: number,
  more: Partial<Entry> = {},
): Entry {
  return {
    seq: 0,
    loggedAt: 0,
    kind,
    source,
    ...key,
    occurredAt: at,
    receivedAt: at,
    ...more,
    body: getBodySchema(kind).parse(body),
  } as unknown as Entry
}

let uuids = 0
/** Distinct, repeatable UUIDs. */
export function makeUuid(n = ++uuids): string {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`
}

/** A city of one prefecture, two counties and some units, as entries of one source. */
export function makeCity(units: number, at = startAt): Entry[] {
  let seq = 0
  const key = () => ({ epoch: 'seed', sourceSeq: ++seq })
  const region = (code: string, level: 'city' | 'county', parentCode?: string) => ({
    code,
    ...(parentCode ? { parentCode } : {}),
    name: code,
    nameEn: code,
    level,
    lon: 120.7,
    lat: 30.7,
    population: 1_000_000,
  })
  const entries: Entry[] = [
    makeEntry(
      'region.published',
      'seed',
      key(),
      {
        version: 1,
        regions: [region('330400', 'city'), region('330402', 'county', '330400'), region('330411', 'county', '330400')],
      },
      at,
    ),
  ]
  for (let n = 1; n <= units; n++)
    entries.push(
      makeEntry(
        'unit.registered',
        'seed',
        key(),
        { unitId: `U${n}`, name: `${n} 号车`, unitClass: 'B', regionCode: n % 2 === 0 ? '330402' : '330411' },
        at,
      ),
    )
  return entries
}
