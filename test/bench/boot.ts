/**
 * Bench of the boot: a log of a million entries on native PostgreSQL, written by the house's own writer; then the whole server
 * from its newest checkpoint with the longest tail that ordinary running leaves, a full replay, and the longest pause of the
 * line while a checkpoint is made, beside the same seconds without one. Targets: 10 s from a checkpoint, 50 ms of pause.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Entry } from '#contract/entry.ts'
import { loadConfig } from '../../server/config.ts'
import { migrate } from '../../server/database/migrate.ts'
import { openDatabase } from '../../server/database/pool.ts'
import { rebuildWorld } from '../../server/log/boot.ts'
import { hashSlices, hashWorld, sliceWorld } from '../../server/log/checkpoint.ts'
import type { Log } from '../../server/log/log.ts'
import { openPostgresLog } from '../../server/log/postgres.ts'
import { advance, coreVersion } from '../../server/pipeline.ts'
import { bootLine, createHandClock, makeCity, makeEntry, startAt } from '../help/line.ts'
import { startPostgres } from '../help/postgres.ts'
import { startTestServer, type TestServer } from '../help/server.ts'
import { formatCount, judge, measureCpu, print, readPostmaster } from './measure.ts'

const entriesWanted = 1_000_000
const units = 500
/** Seconds of the city in one group: 500 positions and a tick each, with a call now and then. */
const secondsPerGroup = 9
const bootMaxS = 10
const pauseMaxMs = 50
const pauseSeconds = 5

/** What a city of 500 units says in one second. */
function makeSecond(second: number): Entry[] {
  const at = startAt + second * 1_000
  const entries: Entry[] = [
    makeEntry(
      'clock.ticked',
      'house',
      { epoch: 'fill', sourceSeq: second + 1 },
      { gapMs: 1_000, boundary: 'none' },
      at,
    ),
  ]
  for (let u = 0; u < units; u++)
    entries.push(
      makeEntry(
        'unit.position',
        `T${u}`,
        { epoch: 'fill', sourceSeq: second + 1 },
        {
          unitId: `U${u + 1}`,
          lon: 120 + ((second * 37 + u * 11) % 99_991) / 100_000,
          lat: 30 + ((second * 53 + u * 7) % 99_989) / 100_000,
          speedKmh: (second + u) % 90,
          courseDeg: (second * 3 + u) % 360,
        },
        at,
      ),
    )
  if (second % 5 === 0)
    entries.push(
      makeEntry(
        'call.received',
        'acd',
        { epoch: 'fill', sourceSeq: second + 1 },
        { callId: `C${second}`, regionCode: '330402', lon: 120.7, lat: 30.7 },
        at,
      ),
    )
  return entries
}

/** Fills the log through a writer, and saves a checkpoint so that the tail behind it is the longest of ordinary running. */
async function fillLog(log: Log, tail: number): Promise<void> {
  const clock = createHandClock()
  const line = await bootLine(log, clock)
  await line.writer.submit(makeCity(units))
  let second = 0
  let isChecked = false
  while (line.writer.getHead().seq < entriesWanted) {
    const group: Entry[] = []
    for (let n = 0; n < secondsPerGroup; n++) group.push(...makeSecond(second++))
    const told = await line.writer.submit(group, () => 'live')
    if (told.some(t => t.result !== 'done')) throw new Error(`refused: ${JSON.stringify(told.find(t => t.reject))}`)
    line.touched.positions.clear()
    clock.turn(secondsPerGroup * 1_000)
    if (!isChecked && line.writer.getHead().seq >= entriesWanted - tail) {
      isChecked = true
      const slices = [...sliceWorld(line.world)]
      await log.saveCheckpoint({ seq: line.world.seq, eraNo: 1, coreVersion, hash: hashSlices(slices), slices })
    }
  }
  await line.writer.stop()
}

type Pause = { wallMs: number; ownMs: number }

/**
 * Longest the event loop was late over what `run` takes at least, while a light load goes through the writer: by the clock, and
 * by the processor time this thread itself used meanwhile, which other processes cannot stretch.
 */
async function measurePause(server: TestServer, run: () => Promise<unknown>, epoch: string): Promise<Pause> {
  let isOver = false
  let seq = 0
  const load = (async () => {
    while (!isOver) {
      seq++
      const at = Date.now()
      await server.writer.submit(
        Array.from({ length: 50 }, (_, u) =>
          makeEntry(
            'unit.position',
            `T${u}`,
            { epoch, sourceSeq: seq },
            { unitId: `U${u + 1}`, lon: 120.5, lat: 30.5 },
            at,
          ),
        ),
      )
      await sleep(100)
    }
  })()
  const everyMs = 2
  const longest: Pause = { wallMs: 0, ownMs: 0 }
  let seenAt = performance.now()
  let used = process.threadCpuUsage()
  const timer = setInterval(() => {
    const now = performance.now()
    const { user, system } = process.threadCpuUsage(used)
    longest.wallMs = Math.max(longest.wallMs, now - seenAt - everyMs)
    longest.ownMs = Math.max(longest.ownMs, (user + system) / 1_000)
    seenAt = now
    used = process.threadCpuUsage()
  }, everyMs)
  await Promise.all([run(), sleep(pauseSeconds * 1_000)])
  clearInterval(timer)
  isOver = true
  await load
  return longest
}

/** Prints the times of a boot, a full replay and a checkpoint. */
export async function benchBoot(): Promise<void> {
  const tail = loadConfig({}).checkpointEntries
  const native = await startPostgres()
  try {
    const database = await openDatabase({ databaseUrl: native.url, directory: '' })
    await migrate(database)
    const log = await openPostgresLog(database.pool)
    await log.startEra({ eraNo: 1, openingSeq: 0, coreVersion, reason: 'bench' })
    const pid = readPostmaster(native.directory)
    const filled = await measureCpu(pid, () => fillLog(log, tail))
    const { seq } = await log.getHead()
    print('boot', `log filled with ${formatCount(seq)} entries in ${filled.wallS.toFixed(1)} s`)

    const replay = await measureCpu(pid, () => rebuildWorld(log, advance, true))
    print(
      'boot',
      `full replay: ${formatCount(replay.result.replayed / replay.wallS)} entries/s in ${replay.wallS.toFixed(1)} s (CPU an entry: ${((replay.threadS / seq) * 1e6).toFixed(1)} µs main thread, ${((replay.otherS / seq) * 1e6).toFixed(1)} µs database)`,
    )
    const fromCheckpoint = await rebuildWorld(log, advance)
    const isEqual = hashWorld(fromCheckpoint.world) === hashWorld(replay.result.world)
    await database.close()

    const boot = await measureCpu(pid, () => startTestServer({ databaseUrl: native.url }))
    const server = boot.result
    try {
      print(
        'boot',
        `server ready from a checkpoint and ${formatCount(fromCheckpoint.replayed)} entries behind it in ${boot.wallS.toFixed(1)} s (CPU ${boot.threadS.toFixed(1)} s main thread, ${boot.otherS.toFixed(1)} s database), ${judge(boot.wallS, bootMaxS, true, ' s')}; world ${isEqual ? 'equal to' : 'DIFFERENT from'} the full replay's`,
      )
      const quiet = await measurePause(server, async () => undefined, 'quiet')
      const busy = await measurePause(server, () => server.makeCheckpoint(), 'busy')
      print(
        'boot',
        `longest pause of the line while a checkpoint is made: ${busy.wallMs.toFixed(1)} ms by the clock, of which the line itself at most ${busy.ownMs.toFixed(1)} ms; the same ${pauseSeconds} s without one ${quiet.wallMs.toFixed(1)} ms and ${quiet.ownMs.toFixed(1)} ms; ${judge(busy.wallMs, pauseMaxMs, true, ' ms')}`,
      )
    } finally {
      await server.remove()
    }
  } finally {
    await native.stop()
  }
}
