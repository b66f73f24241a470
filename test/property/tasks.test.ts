/**
 * Property: two desks race for units over both task slots, 1,000 random races through the real writer. Whatever the order, a unit
 * has at most one active and one next task, both lists agree, and every loser is told who won.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Entry } from '#contract/entry.ts'
import { hashWorld } from '../../server/log/checkpoint.ts'
import { createMemoryLog } from '../../server/log/memory.ts'
import type { World } from '../../server/state/world.ts'
import { bootLine, createHandClock, makeCity, makeEntry, makeUuid } from '../help/line.ts'

const seed = Number(process.argv[2] ?? 20_261_121)
const racesMax = 1_000

function createChance(from: number): () => number {
  let state = from >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Both slots of every unit against the lists of every incident. */
function checkSlots(world: World, where: string): void {
  for (const unit of world.units.values()) {
    const active = [...world.incidents.values()].filter(each => each.unitIds.includes(unit.unitId))
    const next = [...world.incidents.values()].filter(each => (each.nextUnitIds ?? []).includes(unit.unitId))
    assert.deepEqual(
      active.map(each => each.incidentId),
      unit.incidentId === undefined ? [] : [unit.incidentId],
      `${where}: one active task`,
    )
    assert.deepEqual(
      next.map(each => each.incidentId),
      unit.nextIncidentId === undefined ? [] : [unit.nextIncidentId],
      `${where}: one next task`,
    )
    for (const incident of [...active, ...next]) {
      assert.equal(incident.state, 'open', `${where}: a task of a closed case`)
      const listed = [...incident.unitIds, ...(incident.nextUnitIds ?? [])]
      assert.equal(new Set(listed).size, listed.length, `${where}: twice on one case`)
    }
    if (unit.nextIncidentId !== undefined) {
      assert.notEqual(unit.incidentId, undefined, `${where}: a next task without an active one`)
      assert.notEqual(unit.nextIncidentId, unit.incidentId, `${where}: both slots on one case`)
    }
  }
}

test('TASK-1 1,000 races of two desks over both slots: one active and one next at most, every loser is told who won', async t => {
  const chance = createChance(seed)
  t.diagnostic(`seed ${seed}`)
  const pick = (n: number) => Math.floor(chance() * n)
  const clock = createHandClock()
  const log = createMemoryLog()
  const line = await bootLine(log, clock)
  await line.writer.submit(makeCity(6))
  let uuid = 1
  const say = (name: string, kind: Entry['kind'], body: Record<string, unknown>, more: Partial<Entry> = {}) =>
    makeEntry(kind, `desk:${name}`, { uuid: makeUuid(++uuid) }, body as never, clock.now(), {
      actor: { accountId: name, name, roles: ['dispatcher'], regions: ['330400'] },
      ...more,
    })
  let opened = 0
  const codes = new Map<string, number>()
  let races = 0
  let lost = 0
  while (races < racesMax) {
    clock.turn(1_000 + pick(20_000))
    const open = [...line.world.incidents.values()].filter(each => each.state === 'open').map(each => each.incidentId)
    while (open.length < 5) {
      const incidentId = `I${++opened}`
      await line.writer.submit([
        say('甲', 'incident.opened', { incidentId, level: 1 + pick(4), regionCode: '330402', lon: 120.7, lat: 30.7 }),
      ])
      open.push(incidentId)
    }
    const unit = line.world.units.get(`U${1 + pick(6)}`)!
    const seen = { unit: unit.version }
    const one = (name: string): Entry => {
      const incidentId = open[pick(open.length)]!
      const { unitId } = unit
      const die = chance()
      // Half of all orders forget to say what they saw: the slots must hold without it too.
      const more = chance() < 0.5 ? { expects: seen } : {}
      if (die < 0.35) return say(name, 'incident.unitAssigned', { incidentId, unitId }, more)
      if (die < 0.7) return say(name, 'incident.unitQueued', { incidentId, unitId }, more)
      if (die < 0.78)
        return say(name, 'incident.nextWithdrawn', {
          incidentId: unit.nextIncidentId ?? incidentId,
          unitId,
          reason: 'x',
        })
      if (die < 0.9)
        return say(
          name,
          'incident.unitDiverted',
          { incidentId, fromIncidentId: unit.incidentId ?? open[0]!, unitId, reason: 'x' },
          more,
        )
      return say(name, 'incident.unitReleased', { incidentId: unit.incidentId ?? incidentId, unitId, reason: 'x' })
    }
    const race = [one('甲'), one('乙')]
    const told = await line.writer.submit(race)
    races++
    told.forEach((each, at) => {
      const code = each.result === 'done' ? 'done' : each.reject!.code
      codes.set(code, (codes.get(code) ?? 0) + 1)
      assert.notEqual(code, 'INTERNAL')
      if (code !== 'UNIT_TAKEN' && code !== 'NEXT_TAKEN') return
      lost++
      const params = each.reject!.params as Record<string, string>
      assert.match(params.by!, /^desk:|^[甲乙]$/, `race ${races} entry ${at}: the loser is told who won`)
      assert.ok(line.world.incidents.has(params.incidentId!), 'and for which case')
    })
    checkSlots(line.world, `race ${races}`)
    // Life goes on: crews confirm, drive and end their tasks, cases are cancelled, merged and closed.
    const die = chance()
    const other = line.world.units.get(`U${1 + pick(6)}`)!
    const fact = (kind: Entry['kind'], body: Record<string, unknown>) => line.writer.submit([say('车', kind, body)])
    if (die < 0.25) {
      const status = (['rolling', 'on-scene', 'loaded', 'handover', 'returning', 'idle', 'unavailable'] as const)[
        pick(7)
      ]!
      await fact('unit.status', { unitId: other.unitId, status, by: 'key' })
      if (status === 'unavailable') await fact('unit.status', { unitId: other.unitId, status: 'idle', by: 'key' })
    } else if (die < 0.4 && other.nextIncidentId !== undefined) {
      await fact('unit.taskAcknowledged', { unitId: other.unitId, incidentId: other.nextIncidentId, by: 'key' })
    } else if (die < 0.5) {
      await fact('incident.merged', { incidentId: open[0]!, mergedId: open[1]! })
    } else if (die < 0.6) {
      await fact('incident.cancelled', { incidentId: open[pick(open.length)]!, cause: 'other' })
    } else if (die < 0.7 && other.incidentId !== undefined) {
      await fact('incident.split', {
        incidentId: other.incidentId,
        newIncidentId: `I${++opened}`,
        unitIds: [other.unitId],
        level: 2,
        regionCode: '330402',
        lon: 120.7,
        lat: 30.7,
      })
    } else if (die < 0.8) {
      await fact('incident.closed', { incidentId: open[pick(open.length)]!, outcome: 'transported' })
    }
    checkSlots(line.world, `after race ${races}`)
    assert.deepEqual(line.fatal, [])
  }
  t.diagnostic(JSON.stringify(Object.fromEntries([...codes].sort())))
  assert.ok(lost > 100, `${lost} losers`)
  for (const code of ['done', 'UNIT_TAKEN', 'NEXT_TAKEN', 'VERSION_STALE', 'NEXT_ACKNOWLEDGED'])
    assert.ok((codes.get(code) ?? 0) > 0, `${code} occurred`)
  const live = hashWorld(line.world)
  await line.writer.stop()
  assert.equal(hashWorld((await bootLine(log, clock)).world), live, 'replay = live')
})
