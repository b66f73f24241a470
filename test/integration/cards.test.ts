/**
 * Report cards and the second person through the doors of a whole server on PostgreSQL: what a hospital files, a county sees, a
 * city above it and nobody beside it; one person's cards are joined without anybody's name; the line list, its file, its
 * series; a statutory alert closed by two; the roster's people told in a receiver on this machine.
 */
import assert from 'node:assert/strict'
import { createHmac, randomUUID } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { Rule } from '#contract/rule.ts'
import { formatDay, getDayIndex } from '#contract/scalars.ts'
import type { CardView, EventView } from '#contract/view.ts'
import type { CardPage } from '#contract/wire.ts'
import { defaultRules } from '../../server/detect/default-rules.ts'
import { type As, type CityServer, city, north, south, startCity, submission, until } from '../help/city-server.ts'
import { startPostgres } from '../help/postgres.ts'

const secret = 'a secret of the pager 51'
type Told = {
  pageId: string
  alertId: string
  role: string
  text: string
  to?: { accountId: string; contactRef?: string }[]
}
const pages: { raw: string; page: Told; signature: string }[] = []
let receiver: Server
let database: Awaited<ReturnType<typeof startPostgres>>
let server: CityServer

const planted = {
  patientName: '尉迟卡测甲',
  patientPhone: '13511118844',
  identityNumber: '330402197705058844',
  addressText: '卡测新村 8844 号',
}
const plain = Object.values(planted)

before(async () => {
  receiver = createServer((request, response) => {
    let raw = ''
    request.setEncoding('utf8').on('data', (text: string) => {
      raw += text
    })
    request.on('end', () => {
      pages.push({ raw, page: JSON.parse(raw) as Told, signature: String(request.headers['x-vigil-signature']) })
      response.end('{"receipt":true}')
    })
  })
  await new Promise<void>(done => receiver.listen(0, '127.0.0.1', done))
  database = await startPostgres()
  server = await startCity({
    databaseUrl: database.url,
    environment: {
      PAGER: 'live',
      VIGIL_PAGER_SMS_URL: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/sms`,
      VIGIL_PAGER_SECRET: secret,
      VIGIL_PUBLIC_URL: 'http://127.0.0.1:9',
    },
  })
})
after(async () => {
  await server?.remove()
  await database?.stop()
  receiver.closeAllConnections()
  await new Promise(done => receiver.close(done))
})

const card = (more: Record<string, unknown> = {}) => ({
  cardId: `K-${randomUUID().slice(0, 8)}`,
  diseaseId: 'measles',
  caseClass: 'clinical',
  regionCode: south,
  facilityId: 'F1',
  diagnosedAt: Date.now() - 60_000,
  ...more,
})
const done = async (as: As, kind: string, body: Record<string, unknown>) => {
  const told = await server.say(as, kind, body)
  assert.equal(told.result, 'done', `${kind}: ${JSON.stringify(told)}`)
  return body
}
const list = async (as: As, query = '') => {
  const answer = await server.ask('GET', `/v1/cards${query}`, as)
  assert.equal(answer.status, 200, answer.text)
  return answer.body as unknown as CardPage
}
const idsOf = (page: CardPage) => page.cards.map(one => one.cardId).sort()
/** Waits until the line list holds a card in a state. */
const projected = (as: As, cardId: string, state = 'filed') =>
  until(`${cardId} in the line list`, async () =>
    (await list(as)).cards.find(c => c.cardId === cardId && c.state === state),
  )

test('CARD-20 a card at the door: field validation in words, a feed refused, pseudonyms from nobody but the door', async () => {
  const hospital = await server.as('hospital', [south])
  for (const [more, code] of [
    [{ diseaseId: 'flu' }, 'DISEASE_UNKNOWN'],
    [{ diseaseId: 'measles', icd10: 'A00.9' }, 'CARD_ICD10'],
    [{ onsetDay: formatDay(getDayIndex(Date.now()) + 1) }, 'CARD_DATES'],
    [{ onsetDay: '2026-02-30' }, 'DAY_INVALID'],
    [{ caseClass: 'carrier' }, 'CARD_CLASS'],
    [{ diseaseId: 'nntetanus', ageBand: '60+' }, 'CARD_AGE'],
    [{ regionCode: north }, 'REGION_FOREIGN'],
    [{ placeId: 'nowhere' }, 'PLACE_UNKNOWN'],
  ] as const) {
    const told = await server.say(hospital, 'report.received', card(more))
    assert.equal(told.code, code, JSON.stringify(more))
    assert.ok(told.zh && told.en)
  }
  const made = await server.identity.devices.enrol(
    { deviceId: 'feed-cards', name: 'HIS', role: 'feed', regions: [south], unitIds: [] },
    'test',
  )
  assert.ok(!('code' in made))
  const feed = { authorization: `Bearer ${made.token}` }
  assert.equal((await server.say(feed, 'report.received', card())).code, 'KIND_FORBIDDEN')
  const drafted = card({ diseaseId: 'hepatitis', ...planted })
  await done(feed, 'report.drafted', drafted)
  assert.equal(server.world.drafts.get(drafted.cardId)?.sealedFields.length, 4)
  const desk = await server.open(hospital)
  assert.ok(
    desk.snapshots[0]!.world.drafts?.some(one => one.cardId === drafted.cardId),
    'the hospital is prompted',
  )
  const filed = await done(hospital, 'report.received', { ...drafted, personKeys: ['forged'] })
  await until('the draft has gone', () => desk.packets.some(p => p.changes.gone?.drafts?.includes(drafted.cardId)))
  await until('its card is there', () => desk.packets.some(p => p.changes.cards?.some(c => c.cardId === filed.cardId)))
  assert.ok(!desk.seen.some(text => plain.some(name => text.includes(name)) || /personKeys|forged/.test(text)))
  desk.socket.disconnect()
  const keys = server.world.cards.get(drafted.cardId)!.personKeys!
  assert.equal(keys.length, 2)
  assert.ok(keys.every(key => /^[in][0-9a-f]{24}$/.test(key)))
})

test('CARD-21 one person by identity number, or by phone and name: joined however written; the same telling twice is once', async () => {
  const hospital = await server.as('hospital', [south])
  const first = card({
    diseaseId: 'hfmd',
    identityNumber: '330402 20200101 1111',
    patientName: '某甲',
    patientPhone: '13522220001',
  })
  const entry = submission('report.received', first)
  const [one, again] = [await server.post([entry]), await server.post([entry])]
  assert.deepEqual([one.body.outcomes[0]!.result, again.body.outcomes[0]!.result], ['done', 'done'])
  assert.equal(again.body.outcomes[0]!.repeated, true, 'its pseudonyms are the same again')
  const byNumber = await done(
    hospital,
    'report.received',
    card({ diseaseId: 'hfmd', identityNumber: '330402202001011111' }),
  )
  const byPhone = await done(
    hospital,
    'report.received',
    card({ diseaseId: 'hfmd', patientName: ' 某甲', patientPhone: '+86 135-2222-0001' }),
  )
  const sibling = await done(
    hospital,
    'report.received',
    card({ diseaseId: 'hfmd', patientName: '某乙', patientPhone: '13522220001' }),
  )
  const withheld = await Promise.all(
    [1, 2].map(() => done(hospital, 'report.received', card({ diseaseId: 'hfmd', identityNumber: '无' }))),
  )
  const lead = (cardId: unknown) => server.world.cards.get(String(cardId))!.duplicateOf
  assert.deepEqual([lead(byNumber.cardId), lead(byPhone.cardId)], [first.cardId, first.cardId])
  for (const other of [sibling, ...withheld]) assert.equal(lead(other.cardId), undefined)
  const epidemiologist = await server.as('epidemiologist', [south])
  await projected(epidemiologist, String(byPhone.cardId))
  const all = await list(epidemiologist, '?diseaseId=hfmd')
  const cases = await list(epidemiologist, '?diseaseId=hfmd&duplicates=false')
  assert.deepEqual([all.total, cases.total], [6, 4])
})

test('CARD-22 county, city, nobody beside; a hospital its own; review by the county alone; corrections and retractions stay', async () => {
  const people = {
    hospital: await server.as('hospital', [south]),
    southern: await server.as('epidemiologist', [south]),
    northern: await server.as('epidemiologist', [north]),
    city: await server.as('epidemiologist', [city]),
  }
  const beside = await server.open(people.northern)
  const mine = card({ diseaseId: 'rubella', ...planted })
  const other = card({ diseaseId: 'rubella', regionCode: north, facilityId: 'F2' })
  await done(people.hospital, 'report.received', mine)
  await done(server.device, 'report.received', other)
  const foreign = card({ diseaseId: 'rubella' })
  await done(people.southern, 'report.received', foreign)
  await projected(people.city, foreign.cardId)
  const seen = async (as: As) => idsOf(await list(as, '?diseaseId=rubella'))
  assert.deepEqual(await seen(people.southern), [mine.cardId, foreign.cardId].sort())
  assert.deepEqual(await seen(people.northern), [other.cardId])
  assert.deepEqual(await seen(people.city), [mine.cardId, other.cardId, foreign.cardId].sort())
  assert.deepEqual(await seen(people.hospital), [mine.cardId])
  await until('its own card', () => beside.seen.some(text => text.includes(other.cardId)))
  assert.ok(!beside.seen.some(text => text.includes(mine.cardId)), 'nothing of the county beside')
  beside.socket.disconnect()
  for (const [as, cardId] of [
    [people.northern, mine.cardId],
    [people.hospital, foreign.cardId],
  ] as const)
    assert.equal((await server.ask('GET', `/v1/cards/${cardId}`, as)).body.code, 'CARD_UNKNOWN')
  for (const who of ['dispatcher', 'shift-leader', 'administrator', 'crew'])
    assert.equal((await server.ask('GET', '/v1/cards', await server.as(who, [city]))).status, 403, who)
  const code = async (as: As, kind: string, body: object) => (await server.say(as, kind, body)).code ?? 'done'
  assert.equal(
    await code(people.hospital, 'report.reviewed', { cardId: mine.cardId, decision: 'accepted' }),
    'KIND_FORBIDDEN',
  )
  assert.equal(
    await code(people.northern, 'report.reviewed', { cardId: mine.cardId, decision: 'accepted' }),
    'REGION_FOREIGN',
  )
  assert.equal(await code(people.hospital, 'report.retracted', { cardId: foreign.cardId, reason: 'x' }), 'CARD_UNKNOWN')
  assert.equal(
    await code(people.southern, 'report.reviewed', { cardId: mine.cardId, decision: 'returned', reason: '补填' }),
    'done',
  )
  assert.equal(
    await code(people.hospital, 'report.corrected', {
      cardId: mine.cardId,
      reason: '补填',
      sex: 'male',
      patientName: '尉迟卡测改',
    }),
    'done',
  )
  const opened = await server.ask('GET', `/v1/persons/card/${mine.cardId}`, people.southern)
  assert.equal((opened.body.fields as Record<string, string>).patientName, '尉迟卡测改')
  assert.equal((opened.body.fields as Record<string, string>).identityNumber, planted.identityNumber)
  assert.equal(await code(people.southern, 'report.reviewed', { cardId: mine.cardId, decision: 'accepted' }), 'done')
  assert.equal(await code(people.hospital, 'report.retracted', { cardId: mine.cardId, reason: '误报' }), 'done')
  await projected(people.city, mine.cardId, 'retracted')
  const held = (await server.ask('GET', `/v1/cards/${mine.cardId}`, people.city)).body as unknown as CardView
  assert.deepEqual(
    held.history.map(step => step.action),
    ['filed', 'returned', 'corrected', 'reviewed', 'retracted'],
  )
  const day = formatDay(getDayIndex(mine.diagnosedAt))
  const series = await server.ask(
    'GET',
    `/v1/card-series?diseaseId=rubella&regionCode=${city}&fromDay=${formatDay(getDayIndex(mine.diagnosedAt) - 6)}&untilDay=${day}`,
    people.city,
  )
  assert.deepEqual(series.body.values, [0, 0, 0, 0, 0, 0, 2], 'a retracted card is no case')
  const onset = await server.ask(
    'GET',
    `/v1/card-series?diseaseId=rubella&regionCode=${city}&by=onset&fromDay=${day}&untilDay=${day}`,
    people.city,
  )
  assert.deepEqual([onset.body.values, onset.body.undated], [[0], 2])
})

test('CARD-23 filters and paging meet each card once; the file holds the same, no person, and no formula', async () => {
  const epidemiologist = await server.as('epidemiologist', [south])
  const formula = '=HYPERLINK("http://x")'
  await done(server.device, 'place.registered', {
    placeId: 'F-formula',
    placeKind: 'clinic',
    name: formula,
    regionCode: south,
    lon: 120.75,
    lat: 30.75,
  })
  const filed = await Promise.all(
    Array.from({ length: 25 }, (_, n) =>
      done(
        server.device,
        'report.received',
        card({
          diseaseId: n % 2 === 0 ? 'tb_clinical' : 'tb_bacteriological',
          facilityId: n % 5 === 0 ? 'F-formula' : 'F1',
          sex: n % 3 === 0 ? 'female' : 'male',
          diagnosedAt: Date.now() - (n % 4) * 86_400_000 - 60_000,
          ...(n === 0 ? planted : {}),
        }),
      ),
    ),
  )
  await until('all of them', async () => (await list(epidemiologist, '?diseaseId=tb')).total === 25)
  const found: string[] = []
  let next: string | undefined
  do {
    const page: CardPage = await list(epidemiologist, `?diseaseId=tb&limit=4${next ? `&before=${next}` : ''}`)
    found.push(...page.cards.map(one => one.cardId))
    next = page.next
  } while (next)
  assert.deepEqual([...found].sort(), filed.map(one => String(one.cardId)).sort())
  assert.equal(new Set(found).size, 25)
  for (const [query, count] of [
    ['diseaseId=tb_clinical', 13],
    ['diseaseId=tb&facilityId=F-formula', 5],
    ['diseaseId=tb&sex=female', 9],
    ['diseaseId=tb&sex=female&facilityId=F-formula', 2],
    ['diseaseId=tb&state=reviewed', 0],
    ['diseaseId=tb&late=true', 18],
    ['diseaseId=tb&overdue=false', 25],
    ['diseaseId=tb&by=review', 0],
    [`diseaseId=tb&regionCode=${north}`, 0],
  ] as const)
    assert.equal((await list(epidemiologist, `?${query}`)).total, count, query)
  for (const [query, code] of [
    ['diseaseId=flu', 'DISEASE_UNKNOWN'],
    ['fromDay=2026-02-30', 'DAY_INVALID'],
    ['limit=100000', 'QUERY_INVALID'],
    ["before=x' OR 1=1", 'QUERY_INVALID'],
    ["sex=male'--", 'QUERY_INVALID'],
  ] as const)
    assert.equal((await server.ask('GET', `/v1/cards?${query}`, epidemiologist)).body.code, code, query)
  const file = await server.ask('GET', '/v1/cards.csv?diseaseId=tb', epidemiologist)
  assert.match(file.headers.get('content-type') ?? '', /text\/csv/)
  const lines = file.text.trim().split('\r\n')
  assert.equal(lines.length, 26)
  assert.ok(!plain.some(name => file.text.includes(name)))
  assert.equal(file.text.split(`"'=HYPERLINK(""http://x"")"`).length - 1, 5, 'a cell that looks like a formula is text')
})

test('CARD-24 nothing of a person stands anywhere in the clear, and forgetting makes the pseudonym mean nothing', async () => {
  const { pool } = server.database
  const tables = await pool.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`,
  )
  assert.ok(tables.rows.length > 15)
  for (const { name } of tables.rows) {
    const hit = await pool.query(`SELECT 1 FROM ${name} AS t WHERE t::text ~ $1 LIMIT 1`, [plain.join('|')])
    assert.equal(hit.rows.length, 0, name)
  }
  const named = await pool.query(`SELECT view::text ~ 'personKeys' AS shows FROM card_record`)
  assert.ok(named.rows.length > 0 && named.rows.every(row => row.shows === false))
  const alone = card({ diseaseId: 'mumps', identityNumber: '330402195001019999' })
  await done(await server.as('hospital', [south]), 'report.received', alone)
  const [token] = server.world.cards.get(alone.cardId)!.personKeys!
  const held = async () => (await pool.query('SELECT 1 FROM person_token WHERE token = $1', [token])).rows.length
  assert.equal(await held(), 1)
  const forgotten = await server.ask(
    'DELETE',
    `/v1/persons/card/${alone.cardId}`,
    await server.as('administrator', [city]),
    {
      reason: '本人要求',
    },
  )
  assert.ok(forgotten.status < 300, forgotten.text)
  assert.equal(await held(), 0)
  assert.equal(server.world.cards.get(alone.cardId)!.personKeys, undefined)
  const late = card({ diseaseId: 'mumps', identityNumber: '330402195001019999' })
  await done(await server.as('hospital', [south]), 'report.received', late)
  assert.notEqual(server.world.cards.get(late.cardId)!.personKeys![0], token, 'a new name for who comes again')
})

test('VERIFY-30 through the doors: one person proposes, the same one cannot confirm, another of the region can; an event runs its clock', async () => {
  const one = await server.as('epidemiologist', [south])
  const made = await server.addPerson('second-epidemiologist', ['epidemiologist'], [city])
  const two = { cookie: await server.signIn(made.accountId, made.password) }
  const far = await server.as('epidemiologist', [north])
  await done(await server.as('hospital', [south]), 'report.received', card({ diseaseId: 'sars' }))
  const alert = await until('the alert', () => [...server.world.alerts.values()].find(a => a.diseaseId === 'sars'))
  const { alertId } = alert
  const code = async (as: As, kind: string, body: object) =>
    (await server.say(as, kind, { alertId, ...body })).code ?? 'done'
  const verdict = { verdict: 'false', reason: '实验室排除' }
  assert.equal(await code(far, 'alert.closureProposed', verdict), 'REGION_FOREIGN')
  assert.equal(await code(one, 'alert.closed', verdict), 'SECOND_PERSON_NEEDED')
  assert.equal(await code(one, 'alert.closureConfirmed', {}), 'ALERT_TRANSITION')
  assert.equal(await code(one, 'alert.closureProposed', verdict), 'done')
  assert.equal(await code(one, 'alert.closureConfirmed', {}), 'SECOND_PERSON_SAME')
  assert.equal(await code(await server.as('dispatcher', [south]), 'alert.closureConfirmed', {}), 'ALERT_UNKNOWN')
  assert.equal(alert.state, 'closing')
  assert.equal(await code(two, 'alert.closureConfirmed', {}), 'done')
  assert.deepEqual(
    [alert.state, alert.closure?.byAccountId !== undefined, alert.closedBy],
    ['closed', true, made.accountId],
  )
  const stored = await until('its record', async () => {
    const answer = await server.ask('GET', `/v1/alerts/${alertId}`, two)
    return answer.status === 200 && answer.body.state === 'closed' && answer.body
  })
  assert.equal((stored.rules as unknown[]).length, 1)

  assert.equal(await code(one, 'alert.reopened', { reason: '复检阳性' }), 'done')
  const opened = { eventId: 'E-sars-1', regionCode: south, alertIds: [alertId], reason: '确诊', grade: 2 }
  assert.equal(
    (await server.say(await server.as('dispatcher', [south]), 'event.opened', opened)).code,
    'KIND_FORBIDDEN',
  )
  assert.equal((await server.say(far, 'event.opened', { ...opened, regionCode: north })).code, 'REGION_FOREIGN')
  assert.equal((await server.say(one, 'event.opened', opened)).result, 'done')
  assert.equal(alert.eventId, 'E-sars-1')
  const events = await until('the event', async () => {
    const answer = await server.ask('GET', '/v1/events', await server.as('shift-leader', [city]))
    return (answer.body.events as EventView[]).find(e => e.eventId === 'E-sars-1')
  })
  assert.deepEqual([events.grade, events.diseaseId], [2, 'sars'])
  assert.deepEqual((await server.ask('GET', '/v1/events', far)).body.events, [])
  assert.equal((await server.ask('GET', '/v1/events/E-sars-1', far)).body.code, 'EVENT_UNKNOWN')
  assert.equal(
    (await server.say(two, 'event.reported', { eventId: 'E-sars-1', report: 'initial', reference: 'PHE-2026-1' }))
      .result,
    'done',
  )
  assert.equal((await server.say(two, 'event.closed', { eventId: 'E-sars-1', reason: '终止' })).result, 'done')
})

test('VERIFY-31 the roster is told: who is on duty now, step by step, signed, receipted; level, place and link and no more', async () => {
  const quick = defaultRules.map(rule =>
    rule.ruleId === 'statutory-single'
      ? Rule.parse({
          ...rule,
          version: 9,
          name: '规则里写了名字欧阳',
          escalation: [
            { afterS: 0, role: 'epidemiologist' },
            { afterS: 2, role: 'shift-leader' },
          ],
        })
      : rule,
  )
  await done(await server.as('administrator', [city]), 'rule.published', { version: 50, rules: quick })
  const now = Date.now()
  const leader = await server.as('shift-leader', [city])
  await done(leader, 'roster.published', {
    regionCode: city,
    version: 1,
    shifts: [
      {
        role: 'shift-leader',
        accountId: 'leader-7',
        contactRef: 'book-7',
        fromAt: now - 1_000,
        untilAt: now + 3_600_000,
      },
      { role: 'epidemiologist', accountId: 'gone-home', fromAt: now - 7_200_000, untilAt: now - 3_600_000 },
    ],
    quietHours: [{ from: '00:00', until: '23:59', fromLevel: 2 }],
  })
  await done(await server.as('epidemiologist', [south]), 'roster.published', {
    regionCode: south,
    version: 1,
    shifts: [
      {
        role: 'epidemiologist',
        accountId: 'epi-3',
        contactRef: 'book-3',
        fromAt: now - 1_000,
        untilAt: now + 3_600_000,
      },
    ],
  })
  assert.equal(
    (
      await server.say(await server.as('epidemiologist', [south]), 'roster.published', {
        regionCode: north,
        version: 1,
        shifts: [],
      })
    ).code,
    'REGION_FOREIGN',
  )
  const before = pages.length
  await done(await server.as('hospital', [south]), 'report.received', card({ diseaseId: 'cholera', ...planted }))
  const alert = await until('the alert', () =>
    [...server.world.alerts.values()].find(a => a.diseaseId === 'cholera' && a.state === 'open'),
  )
  const told = await until('both steps', () => {
    const mine = pages.slice(before).filter(one => one.page.alertId === alert.alertId)
    return mine.length >= 2 && mine
  })
  assert.deepEqual(
    told.map(one => [one.page.role, one.page.to?.map(who => `${who.accountId}/${who.contactRef}`).join()]),
    [
      ['epidemiologist', 'epi-3/book-3'],
      ['shift-leader', 'leader-7/book-7'],
    ],
  )
  for (const one of told) {
    assert.equal(one.signature, createHmac('sha256', secret).update(one.raw).digest('hex'))
    assert.equal(one.page.text, '【守望】处置:南湖区')
    assert.ok(![...plain, '欧阳', 'cholera', '霍乱'].some(text => one.raw.includes(text)), one.raw)
  }
  await until('the receipts', () =>
    told.every(one => server.world.pages.get(one.page.pageId)?.receiptedAt !== undefined),
  )
  const rosters = await server.ask('GET', '/v1/rosters', await server.as('epidemiologist', [south]))
  assert.deepEqual(
    (rosters.body.rosters as { regionCode: string }[]).map(one => one.regionCode),
    [south],
  )
})
