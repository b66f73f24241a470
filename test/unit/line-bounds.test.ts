/** Bounds of the line: the weight of a group and of what waits, what a checkpoint may cover, a damaged checkpoint, new epochs, the door's own codes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Entry } from '#contract/entry.ts'
import { createEpochGate, newEpochsMax } from '../../server/intake/epochs.ts'
import { foldTail, openCheckpoint, rebuildWorld, storeUndecided } from '../../server/log/boot.ts'
import { canonicaliseSaid, genesisHash, hashCommit } from '../../server/log/chain.ts'
import { hashSlices, hashWorld, sliceWorld } from '../../server/log/checkpoint.ts'
import type { Commit, Log } from '../../server/log/log.ts'
import { createMemoryLog } from '../../server/log/memory.ts'
import { groupTextMax, startWriter, waitingTextMax } from '../../server/log/writer.ts'
import { advance, coreVersion } from '../../server/pipeline.ts'
import { createTouched, createWorld } from '../../server/state/world.ts'
import { makeCity, makeEntry, makeUuid, startAt } from '../help/line.ts'

function open(log: Log) {
  const world = createWorld()
  const fatal: Error[] = []
  let now = startAt
  const writer = startWriter(
    {
      log,
      world,
      touched: createTouched(),
      advance,
      clock: { now: () => ++now, observe: () => undefined },
      isAway: () => false,
      isDataFault: () => false,
      onApplied: () => undefined,
      onFatal: error => fatal.push(error),
    },
    { seq: 0, loggedAt: 0, commitNo: 0, hash: genesisHash },
  )
  return { world, writer, fatal }
}

/** A call whose sealed address weighs what it weighs; the world keeps none of it. */
function makeHeavyCall(n: number, units: number): Entry {
  const call = makeEntry(
    'call.received',
    'cti',
    { epoch: 'e', sourceSeq: n },
    { callId: `C${n}`, regionCode: '330402' },
    startAt,
  ) as Entry & { body: Record<string, unknown> }
  call.body.addressText = 'x'.repeat(units)
  return call
}

test('LOG-40 a group is bounded by its weight: heavy entries go in several commits, in order, and none is lost', async () => {
  const log = createMemoryLog()
  const weights: number[] = []
  const append = log.append
  log.append = (commit: Commit, onSent) => {
    weights.push(commit.entries.reduce((sum, entry) => sum + JSON.stringify(entry).length, 0))
    return append(commit, onSent)
  }
  const { writer, world } = open(log)
  await writer.submit(makeCity(2))
  const calls = Array.from({ length: 40 }, (_, n) => makeHeavyCall(n + 1, 1_000_000))
  const told = await writer.submit(calls)
  assert.deepEqual(new Set(told.map(t => t.result)), new Set(['done']))
  assert.deepEqual(
    told.map(t => t.seq),
    calls.map((_, n) => told[0]!.seq! + n),
  )
  assert.ok(Math.max(...weights) <= groupTextMax * 1.01, `heaviest ${Math.max(...weights)}`)
  assert.ok(weights.length >= 5, `${weights.length} commits`)
  assert.equal(world.calls.size, 40)
  await writer.stop()
})

test('LOG-41 one entry heavier than a whole group still goes, alone', async () => {
  const { writer } = open(createMemoryLog())
  await writer.submit(makeCity(1))
  const told = await writer.submit([makeHeavyCall(1, groupTextMax + 1), makeHeavyCall(2, 10)])
  assert.deepEqual(
    told.map(t => t.result),
    ['done', 'done'],
  )
  await writer.stop()
})

test('LOG-42 the door is told of no room while what waits is too heavy, and of room again after it was written', async () => {
  const log = createMemoryLog()
  let release = () => {}
  const held = new Promise<void>(resolve => {
    release = resolve
  })
  const append = log.append
  log.append = async (commit, onSent) => {
    await held
    return append(commit, onSent)
  }
  const { writer } = open(log)
  const none = { urgent: 0, live: 0, backfill: 0 }
  const first = writer.submit(makeCity(1))
  assert.equal(writer.hasRoom(none), true)
  const heavy = writer.submit(Array.from({ length: 5 }, (_, n) => makeHeavyCall(n + 1, Math.ceil(waitingTextMax / 4))))
  assert.equal(writer.hasRoom(none), false)
  release()
  await Promise.all([first, heavy])
  assert.equal(writer.hasRoom(none), true)
  await writer.stop()
})

test('LOG-43 a checkpoint covers only what has its outcomes stored; the rest is settled by the next commit', async () => {
  const log = createMemoryLog()
  const seen: [number, number][] = []
  const append = log.append
  const opened = open(log)
  log.append = async (commit, onSent) => {
    await append(commit, onSent)
    seen.push([opened.writer.getSettledSeq(), opened.writer.getHead().seq])
  }
  const { writer } = opened
  await writer.submit(makeCity(1))
  const command = makeEntry(
    'incident.opened',
    'desk',
    { uuid: makeUuid() },
    { incidentId: 'I1', level: 1, regionCode: '330402', lon: 120.7, lat: 30.7 },
    startAt,
    { expiresAt: startAt + 60_000 },
  )
  const told = await writer.submit([command])
  // While the commit with the outcome was under way, the command stood in the log undecided: not to be covered.
  assert.ok(seen.some(([settled, head]) => settled === told[0]!.seq! - 1 && head === told[0]!.seq!))
  assert.equal(writer.getSettledSeq(), writer.getHead().seq)
  await writer.stop()
})

test('LOG-44 outcomes that a crash left unstored are stored before a new era begins', async () => {
  const log = createMemoryLog()
  const { writer } = open(log)
  await writer.submit(makeCity(1))
  await writer.stop()
  const head = await log.getHead()
  // Written and never decided: the process died between the two.
  const lost = makeEntry(
    'incident.closed',
    'desk',
    { uuid: makeUuid() },
    { incidentId: 'I9', outcome: 'cancelled' },
    startAt,
  )
  lost.seq = head.seq + 1
  lost.loggedAt = startAt + 100
  await log.append({
    commitNo: head.commitNo + 1,
    firstSeq: lost.seq,
    entries: [lost],
    outcomes: [],
    previousHash: head.hash,
    hash: hashCommit(head.hash, head.commitNo + 1, []),
  })
  const rebuilt = await rebuildWorld(log, advance)
  assert.equal(rebuilt.undecided.length, 1)
  const after = await storeUndecided(log, await log.getHead(), rebuilt.undecided)
  assert.deepEqual(after, await log.getHead())
  const obeyed = await rebuildWorld(log, advance, true)
  assert.equal(obeyed.undecided.length, 0)
  assert.equal((await log.list(head.seq))[0]!.outcome!.result, 'refused')
})

test('LOG-45 a damaged newest checkpoint is stepped over for the one before it; the world is the same', async () => {
  const log = createMemoryLog()
  const { writer, world } = open(log)
  const save = async (damage: boolean) => {
    const copy = createWorld()
    await foldTail(log, advance, copy, new Set(), writer.getSettledSeq())
    const slices = [...sliceWorld(copy)]
    const hash = hashSlices(slices)
    if (damage) slices[0] = slices[0]!.replace('330402', '330403')
    await log.saveCheckpoint({ seq: copy.seq, eraNo: 1, coreVersion, hash, slices })
    return copy.seq
  }
  await writer.submit(makeCity(3))
  const whole = await save(false)
  await writer.submit([makeHeavyCall(1, 10)])
  const damaged = await save(true)
  const rebuilt = await rebuildWorld(log, advance)
  assert.deepEqual(rebuilt.damagedSeqs, [damaged])
  assert.equal(rebuilt.fromCheckpointSeq, whole)
  assert.equal(hashWorld(rebuilt.world), hashWorld(world))
  await writer.stop()
})

test('LOG-46 with no whole checkpoint in the running era boot stays down rather than fold across its border', async () => {
  const log = createMemoryLog()
  const { writer } = open(log)
  await writer.submit(makeCity(1))
  const seq = writer.getSettledSeq()
  await log.startEra({ eraNo: 2, openingSeq: seq, coreVersion, reason: 'core 0 → 1' })
  await log.saveCheckpoint({ seq, eraNo: 2, coreVersion, hash: 'not its hash', slices: ['["city",1,{}]\n'] })
  await assert.rejects(openCheckpoint(log), /restore a backup/)
  await writer.stop()
})

test('DOOR-40 a source may begin some new epochs an hour and no more; known ones always go on', () => {
  const known = new Set(['a/old'])
  const gate = createEpochGate((source, epoch) => known.has(`${source}/${epoch}`))
  const at = startAt
  for (let n = 0; n < newEpochsMax; n++) assert.equal(gate.admits('a', `e${n}`, at), true)
  assert.equal(gate.admits('a', 'e0', at), true)
  assert.equal(gate.admits('a', 'one-more', at), false)
  assert.equal(gate.admits('a', 'old', at), true)
  assert.equal(gate.admits('b', 'e', at), true)
  assert.equal(gate.admits('a', 'one-more', at + 3_600_000), true)
})

test('DOOR-41 the same words coded by a newer dictionary are the same saying; other words are not', () => {
  const call = (dictionary: string, complaintText: string) =>
    makeEntry(
      'call.received',
      'cti',
      { epoch: 'e', sourceSeq: 1 },
      {
        callId: 'C1',
        regionCode: '330402',
        complaintText,
        complaint: { code: 'fever', syndrome: 'respiratory', dictionary },
      },
      startAt,
    )
  assert.equal(canonicaliseSaid(call('zh-1', '发热')), canonicaliseSaid(call('zh-2', '发热')))
  assert.notEqual(canonicaliseSaid(call('zh-1', '发热')), canonicaliseSaid(call('zh-1', '咳嗽')))
})
