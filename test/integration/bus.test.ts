/** The bus: one suite for both carriers, the one in memory and a real Redis. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Entry, Lane } from '#contract/entry.ts'
import { type Bus, type Group, underWayMax } from '../../server/bus/bus.ts'
import { createMedium, openMemoryBus } from '../../server/bus/memory.ts'
import { openRedisBus } from '../../server/bus/redis.ts'
import type { Told } from '../../server/log/writer.ts'
import { makeEntry, startAt } from '../help/line.ts'
import { startRedis, type TestRedis } from '../help/redis.ts'

type Carrier = { name: string; open(city?: string): Promise<Bus>; cut(): Promise<void>; mend(): Promise<void> }

let redis: TestRedis
const opened: Bus[] = []
before(async () => {
  redis = await startRedis()
})
after(async () => {
  for (const bus of opened) await bus.close()
  await redis.remove()
})

const media = new Map<string, ReturnType<typeof createMedium>>()
const carriers: Carrier[] = [
  {
    name: 'memory',
    async open(city = 'a') {
      const medium = media.get(city) ?? createMedium()
      media.set(city, medium)
      const bus = openMemoryBus(medium)
      opened.push(bus)
      return bus
    },
    async cut() {
      for (const medium of media.values()) medium.isCut = true
    },
    async mend() {
      for (const medium of media.values()) medium.isCut = false
    },
  },
  {
    name: 'redis',
    async open(city = 'a') {
      const bus = await openRedisBus({ url: redis.url, city, onState: () => undefined, onError: () => undefined })
      opened.push(bus)
      await waitUntil(() => bus.getState() === 'ready')
      return bus
    },
    cut: () => redis.kill(),
    mend: () => redis.start(),
  },
]

async function waitUntil(isSo: () => boolean, maxMs = 20_000): Promise<void> {
  const until = performance.now() + maxMs
  while (!isSo()) {
    assert.ok(performance.now() < until, 'waited too long')
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

const fix = (n: number): Entry =>
  makeEntry('unit.position', 'gw', { epoch: 'e', sourceSeq: n }, { unitId: 'U1', lon: 120, lat: 30 }, startAt + n)
const fixes = (from: number, count: number) => Array.from({ length: count }, (_, n) => fix(from + n))
const live = (entries: readonly unknown[]): Lane[] => entries.map(() => 'live')
/** A line that says done with the sender's own number as seq. */
const echo = async (entries: readonly Entry[]): Promise<Told[]> =>
  entries.map(entry => ({ result: 'done', seq: entry.sourceSeq! }))
/** Once a line serves, its first answer may take a moment: its stream is found first. */
async function serve(bus: Bus, take = echo): Promise<() => Promise<void>> {
  const stop = bus.serve(take)
  for (;;) {
    const [told] = await bus.submit([fix(1)], ['urgent'])
    if (told!.result === 'done') return stop
  }
}

for (const carrier of carriers) {
  test(`BUS-1 what a door hands over is answered entry by entry, in its order (${carrier.name})`, async () => {
    const [line, door, other] = [await carrier.open(), await carrier.open(), await carrier.open()]
    const stop = await serve(line)
    const answers = await Promise.all([
      door.submit(fixes(10, 300), live(fixes(10, 300))),
      other.submit(fixes(1_000, 5), live(fixes(1_000, 5))),
      door.submit(fixes(500, 2), ['urgent', 'urgent']),
    ])
    assert.deepEqual(
      answers.map(told => told.map(t => t.seq)),
      [fixes(10, 300), fixes(1_000, 5), fixes(500, 2)].map(entries => entries.map(e => e.sourceSeq)),
    )
    assert.equal(door.countUnderWay(), 0)
    await stop()
  })

  test(`BUS-2 without a line a sender is told LINE_AWAY, and nothing stays under way (${carrier.name})`, async () => {
    const door = await carrier.open('nobody')
    const told = await door.submit([fix(1), fix(2)], ['urgent', 'urgent'])
    assert.deepEqual(
      told.map(t => t.reject?.code),
      ['LINE_AWAY', 'LINE_AWAY'],
    )
    assert.equal(door.countUnderWay(), 0)
  })

  test(`BUS-3 followers hear every group in order, each its own copy (${carrier.name})`, async () => {
    const [line, one, two] = [await carrier.open('c'), await carrier.open('c'), await carrier.open('c')]
    const heard: Group[][] = [[], []]
    const stops = [one.follow(group => heard[0]!.push(group)), two.follow(group => heard[1]!.push(group))]
    // Who joins hears from then on: the first groups prove that both are there.
    let n = 0
    while (heard.some(groups => groups.length === 0)) {
      line.publish({ entries: [fix(++n)] })
      await new Promise(resolve => setTimeout(resolve, 20))
    }
    const last = n + 50
    while (n < last) line.publish({ entries: [fix(++n)] })
    await waitUntil(() => heard.every(groups => groups.at(-1)!.entries[0]!.sourceSeq === last))
    for (const groups of heard) {
      const seqs = groups.map(group => group.entries[0]!.sourceSeq!)
      assert.deepEqual(
        seqs,
        seqs.map((_, i) => seqs[0]! + i),
      )
    }
    assert.notEqual(heard[0]!.at(-1)!.entries[0], heard[1]!.at(-1)!.entries[0])
    for (const stop of stops) await stop()
  })

  test(`BUS-4 a door has a bound on what is under way (${carrier.name})`, async () => {
    const [line, door] = [await carrier.open('d'), await carrier.open('d')]
    let release = () => {}
    const gate = new Promise<void>(resolve => {
      release = resolve
    })
    const stop = await serve(line, async entries => {
      if (entries.length > 1) await gate
      return echo(entries)
    })
    const batch = fixes(1, 1_000)
    const held = Array.from({ length: underWayMax / batch.length }, () => door.submit(batch, live(batch)))
    assert.equal(door.countUnderWay(), underWayMax)
    const [over] = await door.submit([fix(1)], ['live'])
    assert.equal(over!.result, 'refused')
    assert.match(over!.reject!.code, /LANE_FULL|LINE_AWAY/)
    release()
    for (const told of await Promise.all(held)) assert.equal(told.length, batch.length)
    assert.equal(door.countUnderWay(), 0)
    await stop()
  })

  test(`BUS-5 a carrier that is away says so at once, comes back by itself and has forgotten nothing that counts (${carrier.name})`, async () => {
    const [line, door] = [await carrier.open('e'), await carrier.open('e')]
    const stop = await serve(line)
    await carrier.cut()
    await waitUntil(() => door.getState() === 'away' && line.getState() === 'away')
    const [told] = await door.submit([fix(7)], ['urgent'])
    assert.equal(told!.reject?.code, 'LINE_AWAY')
    line.publish({ entries: [fix(8)] })
    await carrier.mend()
    await waitUntil(() => door.getState() === 'ready' && line.getState() === 'ready')
    let again: Told | undefined
    await waitUntilDone(async () => {
      ;[again] = await door.submit([fix(7)], ['urgent'])
      return again!.result === 'done'
    })
    assert.equal(again!.seq, 7)
    await stop()
  })

  test(`BUS-6 two cities on one carrier hear nothing of each other (${carrier.name})`, async () => {
    const [line, door, foreign] = [await carrier.open('f'), await carrier.open('f'), await carrier.open('g')]
    const heard: Group[] = []
    const stopHearing = foreign.follow(group => heard.push(group))
    const stop = await serve(line)
    line.publish({ entries: [fix(1)] })
    assert.equal((await door.submit([fix(2)], ['urgent']))[0]!.result, 'done')
    assert.equal((await foreign.submit([fix(3)], ['urgent']))[0]!.reject?.code, 'LINE_AWAY')
    assert.deepEqual(heard, [])
    await stopHearing()
    await stop()
  })
}

async function waitUntilDone(isDone: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 20; tries++) if (await isDone()) return
  assert.fail('never done')
}
