/**
 * Bench of the gateway's flow: JT/T 808 frames of many terminals → framer → session → spool (sealed, synced) in this process,
 * beside a bare counterpart of the same run: as many rows of the same size in SQLite, synced as often. CPU time and wall time.
 * `node test/bench/gateway-flow.ts [terminals] [seconds]`.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import {
  createJt808Framer,
  encodeJt808,
  encodeJt808Fix,
  getJt808Address,
  type Jt808Session,
  jt808Ids,
  openJt808Session,
  stepJt808,
  toEntries,
} from '../../edge-gateway/sources/jt808.ts'
import { openSpool } from '../../edge-gateway/spool.ts'

export type FlowBench = {
  load: number
  terminals: number
  frames: number
  framesPerCpuSecond: number
  framesPerSecond: number
  bytesPerEntry: number
  /** Taking, opening and acknowledging what was stored. */
  offeredPerCpuSecond: number
  bare: { rowsPerCpuSecond: number; rowsPerSecond: number }
}

const startAt = Date.UTC(2026, 10, 21)
/** Bytes of a sealed position. */
const bareBytes = 190

function measure(): () => { cpuS: number; wallS: number } {
  const cpu = process.cpuUsage()
  const at = performance.now()
  return () => {
    const { user, system } = process.cpuUsage(cpu)
    return { cpuS: (user + system) / 1e6, wallS: (performance.now() - at) / 1_000 }
  }
}

/** Runs the flow: each terminal sends one frame a second, all frames of a second share what syncs they can. */
export async function benchFlow(terminals = 2_000, seconds = 20): Promise<FlowBench> {
  const directory = mkdtempSync(join(tmpdir(), 'vigil-flow-'))
  try {
    let nowAt = startAt
    const spool = openSpool({
      directory,
      keyFile: join(directory, 'spool.key'),
      bytesMax: 4_000_000_000,
      ageMaxMs: 86_400_000,
      now: () => nowAt,
      onGap: () => undefined,
      onFault: fault => {
        throw fault
      },
    })
    const enrolled = Array.from({ length: terminals }, (_, index) => ({
      number: String(13_900_000_001 + index),
      unitId: `U${index}`,
      authCode: 'bench-code',
      datum: 'WGS84' as const,
      isRegistrationOpen: false,
    }))
    const byNumber = new Map(enrolled.map(one => [one.number, one]))
    const roster = {
      findTerminal: (number: string) => byNumber.get(number),
      findHolder: () => undefined,
      isAddressAllowed: () => true,
    }
    const framers = enrolled.map(() => createJt808Framer())
    const sessions: Jt808Session[] = enrolled.map(({ number, authCode }, index) => {
      const hello = encodeJt808(
        jt808Ids.authenticate,
        getJt808Address(number, false),
        0,
        new TextEncoder().encode(authCode),
      )[0]!
      const frame = framers[index]!.push(hello, nowAt).frames[0]!
      return stepJt808(openJt808Session(String(index), '127.0.0.1'), frame, nowAt, roster).session
    })
    const wire = Array.from({ length: seconds }, (_, second) =>
      enrolled.map(
        ({ number }, index) =>
          encodeJt808(
            jt808Ids.location,
            getJt808Address(number, false),
            second + 1,
            encodeJt808Fix({
              fixedAt: startAt + second * 1_000,
              lon: 120.7 + index / 1e5,
              lat: 30.7 + second / 1e5,
              speedKmh: 40,
              courseDeg: index % 360,
            }),
          )[0]!,
      ),
    )
    const end = measure()
    let replies = 0
    for (const second of wire) {
      nowAt += 1_000
      const writing: Promise<void>[] = []
      for (const [index, bytes] of second.entries())
        for (const frame of framers[index]!.push(bytes, nowAt).frames) {
          const step = stepJt808(sessions[index]!, frame, nowAt, roster)
          sessions[index] = step.session
          replies += step.replies.length
          const items = toEntries(step.fixes).map((entry, place) => ({
            device: `jt808:${step.fixes[place]!.unitId}`,
            ...entry,
            isLive: true,
            mark: Number.parseInt(step.fixes[place]!.key.split('/')[2]!, 36),
          }))
          writing.push(spool.append(items))
        }
      await Promise.all(writing)
    }
    const flow = end()
    const frames = terminals * seconds
    if (replies !== frames || spool.getWaitingCount() !== frames) throw new Error('frames were lost')
    const bytesPerEntry = spool.getState().bytes / frames
    const endOffer = measure()
    spool.noteIncarnation('bench')
    for (let entries = spool.takeRecord(500); entries.length > 0; entries = spool.takeRecord(500))
      spool.acknowledge(entries)
    const offer = endOffer()
    spool.close()

    const database = new DatabaseSync(join(directory, 'bare.db'))
    database.exec(
      'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE bare (id INTEGER PRIMARY KEY, body BLOB)',
    )
    const insert = database.prepare('INSERT INTO bare (body) VALUES (?)')
    const body = new Uint8Array(bareBytes)
    const endBare = measure()
    for (let second = 0; second < seconds; second++) {
      database.exec('BEGIN')
      for (let row = 0; row < terminals; row++) insert.run(body)
      database.exec('COMMIT')
    }
    const bare = endBare()
    database.close()
    return {
      load: loadavg()[0]!,
      terminals,
      frames,
      framesPerCpuSecond: Math.round(frames / flow.cpuS),
      framesPerSecond: Math.round(frames / flow.wallS),
      bytesPerEntry: Math.round(bytesPerEntry),
      offeredPerCpuSecond: Math.round(frames / offer.cpuS),
      bare: { rowsPerCpuSecond: Math.round(frames / bare.cpuS), rowsPerSecond: Math.round(frames / bare.wallS) },
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

if (import.meta.main)
  console.log(JSON.stringify(await benchFlow(Number(process.argv[2] ?? 2_000), Number(process.argv[3] ?? 20)), null, 2))
