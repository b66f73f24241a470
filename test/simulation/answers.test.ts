/**
 * When the writer tells: what is durable is told while the next group is being stored, and at the latest when the storage has
 * been silent for too long. A writer on a memory log whose appends the test holds back; nothing else is replaced.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Log } from '../../server/log/log.ts'
import { createMemoryLog } from '../../server/log/memory.ts'
import { bootLine, createHandClock, makeCity, makeEntry, startAt } from '../help/line.ts'

/** A log whose appends wait at the gate; `says` decides whether it calls onSent before it waits. */
function createGatedLog(says: boolean) {
  const log = createMemoryLog()
  const gates: (() => void)[] = []
  let isGated = false
  const gated: Log = {
    ...log,
    async append(commit, onSent) {
      if (isGated) {
        if (says) onSent?.()
        await new Promise<void>(resolve => gates.push(resolve))
      }
      await log.append(commit)
    },
  }
  return {
    log: gated,
    closeGate: () => {
      isGated = true
    },
    async waitForOne() {
      while (gates.length === 0) await new Promise(resolve => setTimeout(resolve, 1))
    },
    openOne: () => gates.shift()!(),
  }
}

const fix = (n: number) =>
  makeEntry('unit.position', `T${n}`, { epoch: 'a', sourceSeq: n }, { unitId: 'U1', lon: 120, lat: 30 }, startAt + n)

/** One durable fact, one that stands before a closed gate; `says` as above. */
async function holdSecond(says: boolean): Promise<void> {
  const gate = createGatedLog(says)
  const line = await bootLine(gate.log, createHandClock())
  await line.writer.submit(makeCity(1))
  gate.closeGate()
  const first = line.writer.submit([fix(1)])
  await gate.waitForOne()
  let isSecondTold = false
  const second = line.writer.submit([fix(2)]).then(told => {
    isSecondTold = true
    return told[0]!
  })
  gate.openOne()
  // From here on the second group stands before the storage and nobody lets it in.
  const told = (await first)[0]!
  assert.equal(told.result, 'done')
  assert.ok((await gate.log.list(0)).some(({ entry }) => entry.seq === told.seq))
  if (says) {
    assert.equal(isSecondTold, false)
    await gate.waitForOne()
    gate.openOne()
    assert.equal((await second).result, 'done')
  } else {
    assert.equal((await second).reject?.code, 'DATABASE_AWAY')
    await gate.waitForOne()
    gate.openOne()
  }
  await line.writer.stop()
  assert.equal(line.fatal.length, 0)
}

test('LOG-23 what is durable is told while the next group is stored', () => holdSecond(true))
test('LOG-24 what is durable is told even when the next append never ends', () => holdSecond(false))
