/**
 * The log of the last release, as it wrote it: entries with their outcomes and a checkpoint, recorded by release 0.1.0 itself
 * (core 1). Today's house must read it, show it and go on from it; the next release records its own beside it.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Entry, getBodySchema } from '#contract/entry.ts'
import { AlertView, CallView, CityView, IncidentView, PlaceView, RegionView, UnitView } from '#contract/view.ts'
import { rebuildWorld } from '../../server/log/boot.ts'
import { hashCommit } from '../../server/log/chain.ts'
import type { Checkpoint, LoggedEntry } from '../../server/log/log.ts'
import { createMemoryLog } from '../../server/log/memory.ts'
import { advance } from '../../server/pipeline.ts'
import { createTouched, createWorld } from '../../server/state/world.ts'
import { bootLine, createHandClock, makeEntry, makeUuid } from '../help/line.ts'

const rows = readFileSync(join(import.meta.dirname, 'releases/0.1.0.jsonl'), 'utf8')
  .trimEnd()
  .split('\n')
  .map(line => JSON.parse(line) as LoggedEntry | { checkpoint: Checkpoint })
const logged = rows.filter((row): row is LoggedEntry => 'entry' in row)
const { checkpoint } = rows.find(row => 'checkpoint' in row) as { checkpoint: Checkpoint }

/** The recorded log in a log of today. */
async function openRecorded() {
  const log = createMemoryLog()
  await log.append({
    commitNo: 1,
    firstSeq: 1,
    entries: logged.map(row => row.entry),
    outcomes: logged.flatMap(({ entry, outcome }) => (outcome ? [{ seq: entry.seq, outcome }] : [])),
    previousHash: '0'.repeat(64),
    hash: hashCommit('0'.repeat(64), 1, []),
  })
  await log.startEra({ eraNo: 1, openingSeq: 0, coreVersion: 1, reason: 'first start' })
  await log.saveCheckpoint(checkpoint)
  return log
}

test('LOG-50 every entry of the last release still has the shape of its kind', () => {
  assert.ok(logged.length > 200)
  for (const { entry } of logged) {
    const parsed = getBodySchema(entry.kind).safeParse(entry.body)
    assert.ok(parsed.success, `${entry.seq} ${entry.kind}: ${parsed.error?.message}`)
    assert.partialDeepStrictEqual(parsed.data, entry.body)
  }
})

test("LOG-51 the last release's log folds from its first entry, and every refusal it gave is given again", () => {
  const world = createWorld()
  for (const { entry, outcome } of logged) {
    const given = advance(world, structuredClone(entry) as Entry, createTouched(), outcome)
    if (outcome?.result === 'refused') assert.deepEqual(given, outcome)
  }
  assert.equal(world.incidents.get('I1')?.unitIds.join(), 'U2')
  assert.equal(world.incidents.get('I2')?.state, 'closed')
})

test("LOG-52 a city boots from the last release's checkpoint, shows every record in today's views, and goes on", async () => {
  const log = await openRecorded()
  const { world, damagedSeqs } = await rebuildWorld(log, advance)
  assert.deepEqual(damagedSeqs, [])
  const views = [
    [RegionView, world.regions, 3],
    [PlaceView, world.places, 3],
    [UnitView, world.units, 6],
    [CallView, world.calls, 1],
    [IncidentView, world.incidents, 2],
    [AlertView, world.alerts, 3],
  ] as const
  for (const [schema, records, count] of views) {
    assert.equal(records.size, count)
    for (const record of records.values()) {
      const parsed = schema.safeParse(record)
      assert.ok(parsed.success, `${JSON.stringify(record).slice(0, 200)}: ${parsed.error?.message}`)
    }
  }
  const { now, quarantined, lastTickGapMs, rulesVersion, regionsVersion } = world.city
  CityView.partial().parse({ now, quarantined, lastTickGapMs, rulesVersion, regionsVersion })
  const clock = createHandClock()
  clock.turn(world.city.now - clock.now() + 1_000)
  const line = await bootLine(log, clock)
  const at = clock.now()
  const actor = { accountId: 'desk1', name: '王值班', roles: ['dispatcher' as const], regions: ['330400'] }
  let spoken = 9_000
  const say = async (kind: 'incident.unitReleased' | 'incident.closed' | 'alert.acknowledged', body: never) =>
    (
      await line.writer.submit([
        makeEntry(kind, 'desk', { uuid: makeUuid(++spoken) }, body, at, { actor, expiresAt: at + 15_000 }),
      ])
    )[0]!.reject?.code ?? 'done'
  assert.equal(await say('incident.unitReleased', { incidentId: 'I1', unitId: 'U2', reason: '转派' } as never), 'done')
  assert.equal(await say('incident.closed', { incidentId: 'I1', outcome: 'cancelled' } as never), 'done')
  assert.equal(await say('alert.acknowledged', { alertId: 'A-2' } as never), 'done')
  // A day goes by: the detectors read the series the last release counted.
  clock.turn(86_400_000)
  const tick = makeEntry(
    'clock.ticked',
    'server',
    { epoch: 'new', sourceSeq: 1 },
    { gapMs: 1_000, boundary: 'day' },
    clock.now(),
  )
  assert.equal((await line.writer.submit([tick]))[0]!.result, 'done')
  assert.equal(line.fatal.length, 0)
  await line.writer.stop()
})
