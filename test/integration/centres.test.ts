/**
 * Centres, hospitals and cover through the doors of a whole server: who sees and may move what, notes read back with their numbers,
 * the whisper of who looks, and the answers a desk asks for.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Looking } from '#contract/wire.ts'
import { type CityServer, centre, city, type Desk, north, south, startCity, until } from '../help/city-server.ts'

let server: CityServer
const codeOf = async (
  as: Parameters<CityServer['say']>[0],
  kind: string,
  body: unknown,
  more?: Record<string, unknown>,
) => {
  const { code, result } = await server.say(as, kind, body, more)
  return code ?? result
}
const place = (placeId: string, placeKind: string, regionCode: string, off: number) =>
  server.say(server.device, 'place.registered', {
    placeId,
    placeKind,
    name: `${placeId} 名`,
    regionCode,
    lon: centre.lon,
    lat: centre.lat + off,
  })

before(async () => {
  server = await startCity()
  await place('S1', 'station', south, 0)
  await place('S2', 'station', north, 0.04)
  await place('P1', 'standby', north, 0.02)
  await place('H1', 'hospital', south, 0.01)
  for (let n = 1; n <= 8; n++) {
    const unitId = `U${n}`
    const isNorth = n % 2 === 0
    const off = isNorth ? 0.04 : 0
    await server.say(server.device, 'unit.registered', {
      unitId,
      name: `${n} 号车`,
      unitClass: 'B',
      regionCode: isNorth ? north : south,
      stationId: isNorth ? 'S2' : 'S1',
      ...(isNorth ? { baseIds: ['P1'] } : {}),
    })
    const fix = { unitId, lon: centre.lon, lat: centre.lat + off + n * 0.001 }
    assert.equal(await codeOf(server.device, 'unit.position', fix), 'done')
  }
})
after(() => server.remove())

const open = (incidentId: string, regionCode = south, more = {}) => ({
  incidentId,
  level: 1,
  regionCode,
  ...centre,
  ...more,
})

test('CENTRE-5 notes are numbered and all read back; a centre that was shown the case reads them, another does not', async () => {
  const desk = await server.as('dispatcher', [south])
  const other = await server.as('dispatcher', [north])
  assert.equal(await codeOf(desk, 'incident.opened', open('N1', south, { note: '第一条' })), 'done')
  for (const note of ['第二条', '第三条', '第二条'])
    assert.equal(await codeOf(desk, 'incident.noted', { incidentId: 'N1', note }), 'done')
  const read = await server.ask('GET', '/v1/persons/incident/N1', desk)
  assert.equal(read.status, 200, read.text)
  const notes = read.body.notes as { number: number; text: string; by: string }[]
  assert.deepEqual(
    notes.map(note => [note.number, note.text]),
    [
      [1, '第一条'],
      [2, '第二条'],
      [3, '第三条'],
      [4, '第二条'],
    ],
  )
  assert.equal((read.body.fields as Record<string, string>).note, '第二条', 'the field keeps the newest')
  const viewed = (await server.log.list(0)).filter(
    ({ entry }) => entry.kind === 'record.viewed' && entry.body.recordId === 'N1',
  )
  assert.equal(viewed.length, 1, 'the look stands in the log')
  assert.equal((await server.ask('GET', '/v1/persons/incident/N1', other)).status, 404)
  assert.equal(
    await codeOf(desk, 'incident.transferOffered', { incidentId: 'N1', toCode: north, reason: '更近' }),
    'done',
  )
  const shown = await server.ask('GET', '/v1/persons/incident/N1', other)
  assert.equal(shown.status, 200, shown.text)
  assert.equal((shown.body.notes as unknown[]).length, 4)
})

test('CENTRE-6 a transferred case appears at the other desk with its unit and call, and leaves when the offer is refused', async () => {
  const desk = await server.as('dispatcher', [south])
  const other = await server.as('dispatcher', [north])
  const screen = await server.open(other)
  const holds = (id: string) => {
    let held = screen.snapshots.at(-1)!.world.incidents.some(each => each.incidentId === id)
    for (const { changes } of screen.packets) {
      if (changes.incidents?.some(each => each.incidentId === id)) held = true
      if (changes.gone?.incidents?.includes(id)) held = false
    }
    return held
  }
  assert.equal(await codeOf(server.device, 'call.received', { callId: 'TC1', regionCode: south }), 'done')
  assert.equal(await codeOf(desk, 'incident.opened', open('T1', south, { callIds: ['TC1'] })), 'done')
  assert.equal(await codeOf(desk, 'incident.unitAssigned', { incidentId: 'T1', unitId: 'U1' }), 'done')
  assert.equal(holds('T1'), false)
  const offer = { incidentId: 'T1', toCode: north, reason: '更近' }
  assert.equal(await codeOf(desk, 'incident.transferOffered', offer), 'done')
  await until('the other desk sees it', () => holds('T1'))
  await until('and its unit', () =>
    screen.packets.some(({ changes }) => changes.units?.some(each => each.unitId === 'U1')),
  )
  await until('and its call', () =>
    screen.packets.some(({ changes }) => changes.calls?.some(each => each.callId === 'TC1')),
  )
  assert.equal(await codeOf(other, 'incident.levelChanged', { incidentId: 'T1', level: 2 }), 'INCIDENT_FOREIGN')
  assert.equal(await codeOf(other, 'incident.transferRefused', { incidentId: 'T1', reason: '无车' }), 'done')
  await until('it leaves again', () => !holds('T1'))
  await until('with its unit', () => screen.packets.some(({ changes }) => changes.gone?.units?.includes('U1')))
  assert.equal(await codeOf(other, 'incident.transferAccepted', { incidentId: 'T1' }), 'REGION_FOREIGN')
  // Taken, it is the other centre's: the former owner may look and note.
  assert.equal(await codeOf(desk, 'incident.transferOffered', offer), 'done')
  assert.equal(await codeOf(other, 'incident.transferAccepted', { incidentId: 'T1' }), 'done')
  assert.equal(await codeOf(desk, 'incident.levelChanged', { incidentId: 'T1', level: 2 }), 'INCIDENT_FOREIGN')
  assert.equal(await codeOf(desk, 'incident.noted', { incidentId: 'T1', note: '补充' }), 'done')
  assert.equal(await codeOf(other, 'incident.levelChanged', { incidentId: 'T1', level: 2 }), 'done')
  assert.equal(
    await codeOf(await server.as('dispatcher', [city]), 'incident.levelChanged', { incidentId: 'T1', level: 1 }),
    'done',
  )
  // A hospital answers for itself alone.
  const hospital = await server.as('hospital', [north])
  const told = { placeId: 'H1', incidentId: 'T1', unitId: 'U1' }
  assert.equal(await codeOf(other, 'hospital.notified', told), 'done', 'a hospital beyond the border may be told')
  assert.equal(await codeOf(hospital, 'hospital.noticeAcknowledged', told), 'REGION_FOREIGN')
  assert.equal(await codeOf(hospital, 'hospital.stateReported', { placeId: 'H1', edState: 'closed' }), 'REGION_FOREIGN')
  assert.equal(await codeOf(await server.as('hospital', [south]), 'hospital.noticeAcknowledged', told), 'done')
  screen.socket.disconnect()
})

test('CENTRE-7 who has a case open is told to those who have it open too, and to nobody who may not see it', async () => {
  const desk = await server.as('dispatcher', [south])
  const leader = await server.as('shift-leader', [south])
  const foreign = await server.as('dispatcher', [north])
  assert.equal(await codeOf(desk, 'incident.opened', open('L1')), 'done')
  const seats: Desk[] = []
  const heard = (seat: Desk): Looking[] => (seat as Desk & { looking?: Looking[] }).looking ?? []
  for (const as of [desk, leader, foreign]) {
    const seat = await server.open(as)
    const looking: Looking[] = []
    ;(seat as Desk & { looking?: Looking[] }).looking = looking
    seat.socket.on('looking', (told: Looking) => looking.push(told))
    seats.push(seat)
  }
  const [one, two, three] = seats as [Desk, Desk, Desk]
  one.socket.emit('look', { incidentId: 'L1' })
  await until('alone', () => heard(one).at(-1)?.names.length === 0)
  three.socket.emit('look', { incidentId: 'L1' })
  two.socket.emit('look', { incidentId: 'L1' })
  await until('both know', () => heard(one).at(-1)?.names.length === 1 && heard(two).at(-1)?.names.length === 1)
  assert.deepEqual(heard(two).at(-1)!.names, [one.hello.session.name])
  assert.deepEqual(heard(three), [], 'who does not see the case hears nothing and is not named')
  for (const junk of [null, 'L1', { incidentId: 7 }, { incidentId: 'L1', more: 1 }]) two.socket.emit('look', junk)
  two.socket.disconnect()
  await until('the name leaves', () => heard(one).at(-1)?.names.length === 0)
  const entries = await server.log.list(0)
  assert.ok(!entries.some(({ entry }) => JSON.stringify(entry).includes('looking')), 'nothing of it is stored')
  one.socket.disconnect()
  three.socket.disconnect()
})

test('CENTRE-8 cover, hospitals and a mass casualty are answered within the seat’s sight, and bad questions are refused', async () => {
  const desk = await server.as('dispatcher', [city])
  const county = await server.as('dispatcher', [north])
  const cover = await server.ask('GET', '/v1/cover?unitId=U2', desk)
  assert.equal(cover.status, 200, cover.text)
  const view = cover.body as {
    freeUnits: number
    covered: number
    cells: { prepared: number }[]
    choices: { placeId: string }[]
  }
  assert.ok(view.freeUnits >= 6)
  assert.ok(view.covered > 0 && view.covered <= 1)
  assert.ok(view.cells.length === 2 && view.cells.every(cell => cell.prepared >= 0 && cell.prepared <= 1))
  assert.deepEqual(view.choices.map(row => row.placeId).toSorted(), ['P1', 'S2'])
  const own = (await server.ask('GET', '/v1/cover', county)).body as { freeUnits: number; cells: unknown[] }
  assert.ok(own.freeUnits < view.freeUnits && own.cells.length === 1, 'a county counts its own')
  assert.equal(
    (await server.ask('GET', '/v1/cover?unitId=U1', county)).body.code === undefined,
    server.world.units.get('U1')!.incidentId !== undefined,
  )
  assert.equal((await server.ask('GET', '/v1/cover?unitId=U3', county)).body.code, 'UNIT_UNKNOWN')
  assert.equal(
    await codeOf(
      county,
      'unit.moveOrdered',
      { unitId: 'U2', placeId: 'P1' },
      { expects: { unit: server.world.units.get('U2')!.version } },
    ),
    'done',
  )
  assert.equal(await codeOf(county, 'unit.moveOrdered', { unitId: 'U3', placeId: 'P1' }), 'REGION_FOREIGN')

  assert.equal(
    await codeOf(
      desk,
      'incident.opened',
      open('M1', north, { complaint: { code: 'chest-pain', syndrome: 'cardiac', dictionary: 'zh-2026.11' } }),
    ),
    'done',
  )
  const plan = (await server.ask('GET', '/v1/incidents/M1/mass?count=20', desk)).body as {
    rows: { unitId: string }[]
    idle: number
    kept: number
    short: number
  }
  assert.equal(plan.kept, Math.floor(plan.idle * 0.3))
  assert.equal(plan.rows.length, plan.idle - plan.kept)
  assert.equal(plan.short, 20 - plan.rows.length)
  const lifted = (await server.ask('GET', '/v1/incidents/M1/mass?count=20&lifted=true', desk)).body as typeof plan
  assert.equal(lifted.rows.length, lifted.idle)
  assert.equal(new Set(lifted.rows.map(row => row.unitId)).size, lifted.rows.length)
  assert.equal((await server.ask('GET', '/v1/incidents/M1/mass?count=0', desk)).body.code, 'QUERY_INVALID')
  assert.equal((await server.ask('GET', '/v1/incidents/M9/mass', desk)).body.code, 'INCIDENT_UNKNOWN')

  const services = ['emergency', 'chest-pain']
  assert.equal(
    await codeOf(server.device, 'hospital.stateReported', { placeId: 'H1', edState: 'open', services }),
    'done',
  )
  const where = (await server.ask('GET', '/v1/incidents/M1/destinations', desk)).body as {
    wants: string[]
    rows: { placeId: string; missing: string[]; isOld: boolean; rank: number }[]
  }
  assert.deepEqual(where.wants, ['chest-pain'])
  assert.equal(where.rows[0]!.placeId, 'H1')
  assert.deepEqual(where.rows[0]!.missing, [])
  assert.ok(where.rows.slice(1).every(row => row.isOld && row.missing.length === 1))
  const until1h = Date.now() + 3_600_000
  const diversions = [{ service: 'chest-pain', reason: '导管室检修', until: until1h }]
  await server.say(server.device, 'hospital.stateReported', { placeId: 'H1', edState: 'open', services, diversions })
  const after = (await server.ask('GET', '/v1/incidents/M1/destinations', desk)).body as typeof where
  assert.equal(after.rows.at(-1)!.placeId, 'H1', 'last, but never hidden')
  assert.equal((await server.ask('GET', '/v1/incidents/M1/destinations?unitId=U99', desk)).body.code, 'UNIT_UNKNOWN')
})
