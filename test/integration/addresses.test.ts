/**
 * Addresses and question packs through the doors of a whole server: who may search, what is refused, what is marked, and what a
 * city without a physician's approval may not ask.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type AddressAnswer, addressQueryMax } from '#contract/address.ts'
import type { PacksAnswer } from '#contract/pack.ts'
import { defaultPacks } from '../../server/operations/default-packs.ts'
import { drawGazetteer, writeGazetteer } from '../../simulations/gazetteer.ts'
import { packCity, seedCity } from '../../simulations/seed.ts'
import { type CityServer, startCity, until } from '../help/city-server.ts'

const day = '2026-11-21'
const packs: string[] = []
let live: CityServer
let demo: CityServer
const seeded = seedCity({ seed: 7, units: 10 })
const region = { code: '330411', name: '秀洲区' }

function writePack(names: readonly string[] | undefined): string {
  const directory = mkdtempSync(join(tmpdir(), 'vigil-pack-'))
  packs.push(directory)
  writeFileSync(join(directory, 'pack.json'), JSON.stringify(packCity(seeded, day)))
  if (names) writeFileSync(join(directory, 'gazetteer.ndjson'), names.join('\n'))
  return directory
}

before(async () => {
  const names = writeGazetteer(drawGazetteer(seeded), 'v-7', day)
  live = await startCity({ environment: { VIGIL_REGION_PACK: writePack(names) } })
  demo = await startCity({ environment: { VIGIL_REGION_PACK: writePack([...names, '{"id":']), VIGIL_DEMO: 'true' } })
})
after(async () => {
  await live?.remove()
  await demo?.remove()
  for (const directory of packs) rmSync(directory, { recursive: true, force: true })
})

const search = async (server: CityServer, q: string, more = '', role = 'dispatcher') => {
  const answer = await server.ask('GET', `/v1/addresses?q=${encodeURIComponent(q)}${more}`, await server.as(role))
  return { ...answer, body: answer.body as unknown as AddressAnswer & { code?: string } }
}

test('ADDR-12 desks search, nobody else; too long, empty and odd questions are refused by code', async () => {
  await until('the names', async () => (await search(live, 'zsl')).body.version === 'v-7')
  const found = await search(live, 'zsl')
  assert.equal(found.status, 200)
  assert.equal(found.body.hits[0]?.name, '中山路')
  assert.equal((await search(live, 'zsl', '', 'shift-leader')).status, 200)
  for (const role of ['epidemiologist', 'hospital'])
    assert.equal((await search(live, 'zsl', '', role)).status, 403, role)
  assert.equal((await live.ask('GET', '/v1/addresses?q=zsl')).status, 401)
  for (const q of ['', ' ', 'a'.repeat(addressQueryMax + 1)])
    assert.equal((await search(live, q)).body.code, 'QUERY_INVALID', `${q.length} characters`)
  assert.equal((await search(live, 'zsl', '&lat=91')).body.code, 'QUERY_INVALID')
})

test('ADDR-13 hits outside the published regions are marked, none is hidden, and the region of the call is lifted', async () => {
  const inside = await search(live, '人民路')
  assert.ok(inside.body.hits.length > 1)
  const lifted = await search(live, '人民路', `&region=${region.code}`)
  assert.ok(lifted.body.hits[0]?.regionCode?.startsWith(region.code))
  // Only two counties are published here: a name of another is told under the smallest published region that holds it.
  const elsewhere = inside.body.hits.filter(hit => hit.regionCode === '330400')
  assert.ok(elsewhere.length > 0 && elsewhere.every(hit => !hit.outside))
  const [shanghai] = (await search(live, '121.4737,31.2304')).body.hits
  assert.deepEqual([shanghai?.outside, shanghai?.kind, shanghai?.rough], [true, 'point', 'datum'])
  const [near] = (await search(live, '120.757,30.747')).body.hits
  assert.equal(near?.outside, false)
  assert.ok(near.regionCode)
})

test('ADDR-14 a gazetteer with a bad line is refused with its line, the city runs on, and positions are still read', async () => {
  const answer = await until('the refusal', async () => {
    const { body } = await search(demo, '120.757,30.747')
    return body.trouble ? body : undefined
  })
  assert.equal(answer.trouble?.code, 'GAZETTEER_INVALID')
  assert.match(answer.trouble.zh, /第 \d+ 行/)
  assert.equal(answer.version, undefined)
  assert.equal(answer.hits[0]?.kind, 'point')
  assert.deepEqual((await search(demo, 'zsl')).body.hits, [])
})

test('PACK-11 packs of the first start can be read; without approval they are asked in a demo alone; a broken one is refused', async () => {
  const [desk, admin, epidemiologist] = [
    await live.as('dispatcher'),
    await live.as('administrator', []),
    await live.as('epidemiologist'),
  ]
  const read = (await live.ask('GET', '/v1/packs', desk)).body as unknown as PacksAnswer
  assert.equal(read.packs.length, defaultPacks.length)
  assert.equal(read.mayDrill, false)
  assert.equal((await live.ask('GET', '/v1/packs', epidemiologist)).status, 403)
  const place = { regionCode: '330402', lon: 120.75, lat: 30.75 }
  const questions = { packId: 'arrest', packVersion: 1, answers: [{ questionId: 'who', answerId: 'adult' }] }
  for (const server of [live, demo]) {
    const person = await server.as('dispatcher')
    const opened = await server.say(person, 'incident.opened', {
      incidentId: 'I-1',
      level: 1,
      ...place,
      gazetteerId: 'W-1',
      addressText: '中山路 12 号',
    })
    assert.equal(opened.result, 'done')
    assert.equal(server.world.incidents.get('I-1')?.gazetteerId, 'W-1')
  }
  const refused = await live.say(desk, 'incident.questioned', { incidentId: 'I-1', ...questions })
  assert.equal(refused.code, 'PACK_UNAPPROVED')
  assert.match(refused.zh ?? '', /未经医学审核/)
  const asked = await demo.say(await demo.as('dispatcher'), 'incident.questioned', {
    incidentId: 'I-1',
    ...questions,
    note: '家属说在按压',
  })
  assert.equal(asked.result, 'done')
  const incident = demo.world.incidents.get('I-1')
  assert.deepEqual([incident?.proposedLevel, incident?.complaintCode], [1, 'arrest'])
  assert.ok(incident?.sealedFields.includes('note'), 'free text is sealed, answers are coded')

  const opened = await demo.ask('GET', '/v1/persons/incident/I-1', await demo.as('dispatcher'))
  assert.match(opened.text, /家属说在按压/)
  assert.match(opened.text, /中山路 12 号/)

  // A physician approves: the same pack under a new version, and the live city may ask it.
  const arrest = defaultPacks.find(pack => pack.packId === 'arrest')!
  const approved = { ...arrest, version: 2, approval: { approver: '沈医生', day } }
  assert.equal((await live.say(desk, 'pack.published', approved)).code, 'KIND_FORBIDDEN')
  assert.equal((await live.say(admin, 'pack.published', approved)).result, 'done')
  const now = await live.say(desk, 'incident.questioned', { incidentId: 'I-1', ...questions, packVersion: 2 })
  assert.equal(now.result, 'done')
  const dead = structuredClone(approved)
  dead.version = 3
  dead.questions[0]!.answers[0]!.next = 'nowhere'
  const broken = await live.say(admin, 'pack.published', dead)
  assert.equal(broken.code, 'PACK_INVALID')
  assert.match(broken.zh ?? '', /不存在的问题/)
  assert.match(broken.en ?? '', /which is not there/)
  assert.equal(live.world.packs.get('arrest')?.version, 2)
})
