/**
 * Advice through the doors of a whole server with the demo city's roads: arrivals against an independent search, who may ask, what
 * is ordered and asked again, and a server whose roads are broken or missing: the same question, answered and marked.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { AdviceView } from '#contract/view.ts'
import { AdviceView as AdviceShape } from '#contract/view.ts'
import { getHourOfWeek } from '../../server/roads/speeds.ts'
import { listHourFactors, SPEED_KMH, tellRegister } from '../../simulations/city.ts'
import { packCity, packRoads, seedCity } from '../../simulations/seed.ts'
import { startTestServer, type TestServer } from '../help/server.ts'

const city = seedCity({ seed: 7 })
const { graph } = city
let pack: string
let directory: string
let server: TestServer
const cookies: Record<string, string> = {}
const people: Record<string, { accountId: string; password: string }> = {}

const start = async (): Promise<void> => {
  server = await startTestServer({
    ...(directory ? { directory } : {}),
    environment: { VIGIL_REGION_PACK: pack },
  })
  directory = server.directory
}

before(async () => {
  pack = mkdtempSync(join(tmpdir(), 'vigil-pack-'))
  writeFileSync(join(pack, 'pack.json'), JSON.stringify(packCity(city, '2026-11-21')))
  writeFileSync(join(pack, 'roads.json'), JSON.stringify(packRoads(city, '2026-11-21', SPEED_KMH, listHourFactors())))
  await start()
  people.desk = await server.addPerson('desk', ['dispatcher'], ['330400'])
  people.leader = await server.addPerson('leader', ['shift-leader'], ['330400'])
  people.county = await server.addPerson('county', ['dispatcher'], ['330402'])
  people.other = await server.addPerson('other', ['dispatcher'], ['330421'])
  people.cdc = await server.addPerson('cdc', ['epidemiologist'], ['330400'])
  people.audit = await server.addPerson('audit', ['auditor'], [])
  await signInAll()
  const at = Date.now()
  await say([...tellRegister(city, at)].map(({ kind, body }) => ({ kind, body })))
  await say(
    city.units.map(unit => ({
      kind: 'unit.position',
      body: { unitId: unit.id, lon: graph.lon[unit.node], lat: graph.lat[unit.node] },
    })),
  )
})
after(async () => {
  await server?.remove()
  rmSync(pack, { recursive: true, force: true })
})

async function signInAll(): Promise<void> {
  for (const [name, { accountId, password }] of Object.entries(people))
    cookies[name] = await server.signIn(accountId, password)
}

async function say(items: { kind: string; body: object }[], token?: string): Promise<void> {
  for (let from = 0; from < items.length; from += 500) {
    const { status, body } = await server.post(
      items.slice(from, from + 500).map(item => ({ ...item, uuid: randomUUID(), occurredAt: Date.now() })),
      token,
    )
    assert.equal(status, 200)
    assert.deepEqual(
      body.outcomes.filter(outcome => outcome.result !== 'done'),
      [],
    )
  }
}

async function ask<T>(as: string, path: string): Promise<{ status: number; body: T }> {
  const answer = await fetch(server.url + path, { headers: { cookie: cookies[as] ?? '' } })
  return { status: answer.status, body: (await answer.json()) as T }
}
const advise = (as: string, incidentId: string) =>
  ask<AdviceView & { code?: string }>(as, `/v1/incidents/${incidentId}/advice`)

/** Opens an incident at a node of the road graph. */
async function open(incidentId: string, node: number, level: number, complaintCode?: string): Promise<void> {
  const street = city.streets[graph.street[node]!]!
  await say([
    {
      kind: 'incident.opened',
      body: {
        incidentId,
        level,
        regionCode: street.code,
        lon: graph.lon[node],
        lat: graph.lat[node],
        callIds: [],
        ...(complaintCode ? { complaint: { code: complaintCode, syndrome: 'cardiac', dictionary: 'zh-2026.11' } } : {}),
      },
    },
  ])
}

async function waitForRoads(incidentId: string): Promise<AdviceView> {
  for (let tries = 0; tries < 600; tries += 1) {
    const { status, body } = await advise('desk', incidentId)
    assert.equal(status, 200)
    if (body.travel === 'roads') return body
    assert.equal(body.travelWhy?.code, 'loading')
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  throw new Error('the roads were never read')
}

/** Seconds from every node to one, by relaxing until nothing changes; nothing of server/roads is used. */
function relaxTo(target: number, factor: number): Float64Array {
  const seconds = new Float64Array(graph.lon.length).fill(Number.POSITIVE_INFINITY)
  seconds[target] = 0
  for (let changed = true; changed; ) {
    changed = false
    for (let node = 0; node < graph.lon.length; node += 1)
      for (let arc = graph.first[node]!; arc < graph.first[node + 1]!; arc += 1) {
        const speed = SPEED_KMH[graph.roadClass[arc]! as 0 | 1 | 2 | 3] * factor
        const there = seconds[graph.to[arc]!]! + (graph.lengthM[arc]! * 3.6) / speed
        if (there < seconds[node]! - 1e-9) {
          seconds[node] = there
          changed = true
        }
      }
  }
  return seconds
}
const sceneNode = city.streetNodes[3]![5]!

test('REC-50 by the demo city’s roads: five assignable rows whose arrivals equal an independent search', async () => {
  await open('I-road', sceneNode, 1, 'arrest')
  const view = AdviceShape.parse(await waitForRoads('I-road'))
  assert.equal(view.travelWhy, undefined)
  assert.equal(view.rows.length, 5)
  assert.deepEqual(
    view.rows.map(row => row.rank),
    [1, 2, 3, 4, 5],
  )
  const seconds = relaxTo(sceneNode, listHourFactors().siren[getHourOfWeek(view.computedAt)]!)
  const etaOf = new Map(city.units.map(unit => [unit.id, seconds[unit.node]! + 120]))
  // The fastest of the city stands first at level I, and each row says what the roads say.
  const best = Math.min(...etaOf.values())
  assert.ok(Math.abs(view.rows[0]!.etaP50S - best) < 1.5, `${view.rows[0]!.etaP50S} against ${best}`)
  for (const row of view.rows) {
    assert.ok(Math.abs(row.etaP50S - etaOf.get(row.unitId)!) < 1.5, row.unitId)
    assert.ok(row.etaP90S > row.etaP50S && row.roadKm >= 0 && row.why.zh && row.why.en)
    const { start: _s, ...terms } = row.terms
    assert.ok(Math.abs(Object.values(terms).reduce((a, b) => a + b, 0) - row.scoreS) < 1)
  }
  assert.deepEqual(view.wants, ['defibrillator', 'als', 'ventilator'])
  const capable = view.rows.find(row => row.unitId === view.capableUnitId)
  assert.deepEqual(capable?.missingWants, [])
})

test('REC-51 who orders units may ask, and nobody else; what a desk does not see does not exist for it', async () => {
  await open('I-sight', sceneNode, 2)
  assert.equal((await advise('leader', 'I-sight')).status, 200)
  for (const role of ['cdc', 'audit']) {
    const refused = await advise(role, 'I-sight')
    assert.deepEqual([refused.status, refused.body.code], [403, 'ROLE_FORBIDDEN'])
  }
  assert.equal((await advise('stranger', 'I-sight')).status, 401)
  const foreign = city.streets[graph.street[sceneNode]!]!.parentCode === '330421' ? 'county' : 'other'
  assert.equal((await advise(foreign, 'I-sight')).body.code, 'INCIDENT_UNKNOWN')
  assert.equal((await advise('desk', 'I-none')).body.code, 'INCIDENT_UNKNOWN')
  const node = city.streetNodes[city.streets.findIndex(street => street.parentCode === '330402')]![0]!
  await open('I-county', node, 3)
  const { body } = await advise('county', 'I-county')
  const own = new Set(city.units.filter(unit => unit.region === '330402').map(unit => unit.id))
  assert.ok(body.rows.length > 0)
  for (const row of [...body.rows, ...body.soonFree, ...body.nearer]) assert.ok(own.has(row.unitId))
})

test('REC-52 what is ordered is no choice any more; a nearer one out of service is named with the reason; a closed case is not advised on', async () => {
  await open('I-order', sceneNode, 1)
  const before = (await advise('desk', 'I-order')).body
  const [first, second] = before.rows
  await say([{ kind: 'incident.unitAssigned', body: { incidentId: 'I-order', unitId: first!.unitId } }])
  // Out of service on the very spot: nearer than anybody, and named with the reason.
  const [lon, lat] = [graph.lon[sceneNode]!, graph.lat[sceneNode]!]
  await say([
    { kind: 'unit.position', body: { unitId: second!.unitId, lon, lat } },
    { kind: 'unit.status', body: { unitId: second!.unitId, status: 'unavailable', by: 'key' } },
  ])
  const later = (await advise('desk', 'I-order')).body
  assert.ok(later.incidentVersion > before.incidentVersion)
  const named = later.rows.map(row => row.unitId)
  assert.ok(!named.includes(first!.unitId) && !named.includes(second!.unitId))
  assert.ok(
    !later.nearer.some(unit => unit.unitId === first!.unitId),
    'who is on the case already is not left out of it',
  )
  assert.equal(later.nearer.find(unit => unit.unitId === second!.unitId)?.code, 'OUT_OF_SERVICE')
  await open('I-closed', sceneNode, 4)
  await say([{ kind: 'incident.closed', body: { incidentId: 'I-closed', outcome: 'cancelled', reason: 'x' } }])
  const closed = await advise('desk', 'I-closed')
  assert.deepEqual([closed.status, closed.body.code], [409, 'INCIDENT_CLOSED'])
})

test('REC-53 the question stands in the OpenAPI document with the shape of its answer', async () => {
  const { body } = await ask<{ paths: Record<string, { get?: { summary?: string; responses?: object } }> }>(
    'desk',
    '/docs/json',
  )
  const documented = body.paths['/v1/incidents/{incidentId}/advice']?.get
  assert.ok(documented?.summary)
  const text = JSON.stringify(documented.responses)
  for (const field of ['etaP50S', 'etaP90S', 'roadKm', 'coverLoss', 'travel', 'settingsVersion', 'nearer'])
    assert.ok(text.includes(field), field)
})

test('REC-54 after a while cover too goes by road, and the share a unit takes away is a share', async () => {
  let view = (await advise('desk', 'I-sight')).body
  for (let tries = 0; tries < 600 && view.coverTravel !== 'roads'; tries += 1) {
    await new Promise(resolve => setTimeout(resolve, 100))
    view = (await advise('desk', 'I-sight')).body
  }
  assert.equal(view.coverTravel, 'roads')
  assert.ok(view.rows.some(row => row.coverLoss > 0))
  for (const row of view.rows) assert.ok(row.coverLoss >= 0 && row.coverLoss <= 1)
})

test('REC-55 with a broken road pack the house starts, advises by the straight line and says which refusal it was', async () => {
  await server.stop()
  writeFileSync(join(pack, 'roads.json'), '{"meta":{}}')
  await start()
  await signInAll()
  let view = (await advise('desk', 'I-sight')).body
  for (let tries = 0; tries < 600 && view.travelWhy?.code === 'loading'; tries += 1) {
    await new Promise(resolve => setTimeout(resolve, 50))
    view = (await advise('desk', 'I-sight')).body
  }
  assert.equal(view.travel, 'straight-line')
  assert.deepEqual([view.travelWhy?.code, view.travelWhy?.zh], ['ROAD_PACK_INVALID', '路网包有误，未启用'])
  assert.equal(view.coverTravel, 'straight-line')
  assert.equal(view.rows.length, 5)
})
