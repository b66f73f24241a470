/**
 * Kill rounds: a real server process on the embedded database takes entries and commands while it, or its database, is killed
 * with -9 at a random moment. Afterwards: nothing acknowledged is lost, nothing stands twice, outcomes are unchanged, the world
 * rebuilt from a checkpoint equals the one replayed from the first entry, and the chain verifies.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { getBodySchema, type Kind } from '#contract/entry.ts'
import type { EntriesResponse, EntryOutcome } from '#contract/wire.ts'
import { findOwner } from '../../server/database/embedded/owner-lock.ts'
import { migrate } from '../../server/database/migrate.ts'
import { openDatabase } from '../../server/database/pool.ts'
import { rebuildWorld } from '../../server/log/boot.ts'
import { canonicalise } from '../../server/log/chain.ts'
import { hashWorld } from '../../server/log/checkpoint.ts'
import { openPostgresLog } from '../../server/log/postgres.ts'
import { verifyLog } from '../../server/operations/audit.ts'
import { advance } from '../../server/pipeline.ts'
import { makeDirectory } from './embedded.ts'
import { makeCity } from './line.ts'
import { startTestServer } from './server.ts'

const root = resolve(import.meta.dirname, '../..')
const readyMaxMs = 180_000
const units = 20

type Sent = {
  kind: string
  epoch?: string
  seq?: number
  uuid?: string
  occurredAt: number
  body: Record<string, unknown>
}
type Told = { sent: Sent; outcome: EntryOutcome }

export type KillReport = {
  rounds: number
  acknowledged: number
  refused: number
  resent: number
  lost: number
  doubled: number
  changed: number
  worldsEqual: boolean
  findings: number
  kills: { server: number; database: number }
}

type Running = { child: ChildProcess; url: string }

/** Starts `server/main.ts` as its own process and waits for its address. */
async function startProcess(directory: string): Promise<Running> {
  const child = spawn(process.execPath, ['server/main.ts'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      VIGIL_DATA: directory,
      VIGIL_PORT: '0',
      VIGIL_LOG_LEVEL: 'error',
      VIGIL_CHECKPOINT_ENTRIES: '1000',
    },
  })
  let said = ''
  child.stderr!.on('data', chunk => {
    said = (said + chunk).slice(-2_000)
  })
  const url = await new Promise<string>((found, fail) => {
    const timer = setTimeout(() => fail(new Error(`no address within ${readyMaxMs} ms: ${said}`)), readyMaxMs)
    let text = ''
    child.stdout!.on('data', chunk => {
      text += chunk
      const match = text.match(/守望 Vigil \S+ {2}(http:\/\/\S+)/)
      if (!match) return
      clearTimeout(timer)
      found(match[1]!)
    })
    child.once('exit', code => {
      clearTimeout(timer)
      fail(new Error(`the server ended with ${code}: ${said} ${text}`))
    })
  })
  return { child, url }
}

const waitMs = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

/** Kills `rounds` times; every other time the database instead of the server. `chance` gives the moments. */
export async function runKillRounds(
  rounds: number,
  chance: () => number,
  report: (line: string) => void = () => undefined,
): Promise<KillReport> {
  const directory = makeDirectory('kill')
  const seeded = await startTestServer({ directory })
  await seeded.writer.submit(makeCity(units).map(e => ({ ...e, occurredAt: Date.now(), receivedAt: Date.now() })))
  const { token } = seeded
  await seeded.stop()

  const told = new Map<string, Told>()
  const kills = { server: 0, database: 0 }
  const result = { resent: 0, changed: 0 }
  let seq = 0
  let incident = 0
  const keyOf = (sent: Sent) => sent.uuid ?? `${sent.epoch}/${sent.seq}`
  const makeSent = (): Sent => {
    const occurredAt = Date.now()
    const die = chance()
    if (die < 0.8) {
      seq++
      return {
        kind: 'unit.position',
        epoch: 'kill',
        seq,
        occurredAt,
        body: { unitId: `U${1 + (seq % units)}`, lon: 120 + chance(), lat: 30 + chance() },
      }
    }
    const uuid = [8, 4, 4, 4, 12]
      .map(n => randomBytes(n / 2).toString('hex'))
      .join('-')
      .replace(/^(.{14})./, '$14')
      .replace(/^(.{19})./, '$18')
    if (die < 0.9) {
      incident++
      return {
        kind: 'incident.opened',
        uuid,
        occurredAt,
        body: { incidentId: `I${incident}`, level: 2, regionCode: '330402', lon: 120, lat: 30 },
      }
    }
    return {
      kind: 'incident.unitAssigned',
      uuid,
      occurredAt,
      body: {
        incidentId: `I${1 + Math.floor(chance() * Math.max(1, incident))}`,
        unitId: `U${1 + Math.floor(chance() * units)}`,
      },
    }
  }
  const post = async (url: string, entries: readonly Sent[]): Promise<void> => {
    const answer = await fetch(`${url}/v1/entries`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ entries }),
      signal: AbortSignal.timeout(10_000),
    })
    const said = (await answer.json()) as EntriesResponse
    for (const outcome of said.outcomes ?? []) {
      const sent = entries[outcome.index]!
      if (outcome.seq === undefined) continue
      const before = told.get(keyOf(sent))
      if (before) {
        result.resent++
        if (
          before.outcome.seq !== outcome.seq ||
          before.outcome.result !== outcome.result ||
          before.outcome.code !== outcome.code
        )
          result.changed++
      } else told.set(keyOf(sent), { sent, outcome })
    }
  }

  let running = await startProcess(directory)
  let unsure: Sent[] = []
  for (let round = 1; round <= rounds; round++) {
    const stopAt = performance.now() + 500 + chance() * 2_500
    const isServer = round % 2 === 1
    let isKilled = false
    const load = (async () => {
      while (!isKilled) {
        const batch = [...unsure.splice(0), ...Array.from({ length: 40 }, makeSent)]
        // Some of what was acknowledged is sent again: the answer must be the one given before.
        for (const { sent } of [...told.values()].slice(-5)) batch.push(sent)
        await post(running.url, batch).catch(() => {
          unsure = batch
        })
      }
    })()
    await waitMs(Math.max(0, stopAt - performance.now()))
    const owner = findOwner(join(directory, 'database'))
    if (isServer) {
      kills.server++
      const ended = new Promise(resolve => running.child.once('exit', resolve))
      running.child.kill('SIGKILL')
      await ended
      isKilled = true
      await load
      running = await startProcess(directory)
    } else {
      kills.database++
      process.kill(owner!.pid, 'SIGKILL')
      await waitMs(200)
      isKilled = true
      await load
    }
    // Comes back by itself: what was unsure is sent until it is answered.
    const deadline = Date.now() + readyMaxMs
    while (unsure.length > 0) {
      const batch = unsure
      unsure = []
      const isBack = await post(running.url, batch).then(
        () => batch.every(sent => told.has(keyOf(sent))),
        () => false,
      )
      if (isBack) break
      unsure = batch.filter(sent => !told.has(keyOf(sent)))
      if (Date.now() > deadline) throw new Error(`round ${round}: the server did not come back`)
      await waitMs(250)
    }
    report(`round ${round}: killed ${isServer ? 'server' : 'database'}, ${told.size} acknowledged so far`)
  }
  const ended = new Promise(resolve => running.child.once('exit', resolve))
  running.child.kill('SIGTERM')
  await ended

  const database = await openDatabase({ directory: join(directory, 'database') })
  await migrate(database)
  const log = await openPostgresLog(database.pool)
  const held = new Map<string, number>()
  let lost = 0
  let refused = 0
  const bodies = new Map<number, string>()
  for (let last = 0; ; ) {
    const page = await log.list(last)
    if (page.length === 0) break
    for (const { entry } of page) {
      last = entry.seq
      const key = entry.uuid ?? `${entry.epoch}/${entry.sourceSeq}`
      if (entry.epoch === 'kill' || entry.uuid) held.set(key, (held.get(key) ?? 0) + 1)
      bodies.set(entry.seq, canonicalise(entry.body))
    }
  }
  for (const { sent, outcome } of told.values()) {
    if (outcome.result === 'refused') refused++
    if (bodies.get(outcome.seq!) !== canonicalise(getBodySchema(sent.kind as Kind).parse(sent.body))) lost++
  }
  const doubled = [...held.values()].filter(n => n > 1).length
  const fromCheckpoint = await rebuildWorld(log, advance)
  const fromFirst = await rebuildWorld(log, advance, true)
  const worldsEqual = hashWorld(fromCheckpoint.world) === hashWorld(fromFirst.world)
  const findings = (await verifyLog(log)).findings.length
  await database.close()
  rmSync(directory, { recursive: true, force: true })
  return { rounds, acknowledged: told.size, refused, lost, doubled, worldsEqual, findings, kills, ...result }
}
