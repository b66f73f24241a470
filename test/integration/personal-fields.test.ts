/**
 * Personal data in a run of the whole server, as a process of its own on a real PostgreSQL: planted names and numbers go in
 * by every kind that carries them and are looked for afterwards in every table, in the metrics, in what the process wrote and
 * in its files. They must be nowhere, and still be readable to the one whose work it is.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import pg from 'pg'
import { startPostgres } from '../help/postgres.ts'

const main = join(import.meta.dirname, '../../server/main.ts')
const startMaxMs = 120_000
type House = { url: string; output(): string; stop(): Promise<number | null> }

let home: string
let database: Awaited<ReturnType<typeof startPostgres>>
let house: House | undefined
let output = ''
before(async () => {
  home = mkdtempSync(join(tmpdir(), 'vigil-personal-'))
  writeFileSync(join(home, 'master.key'), randomBytes(32).toString('hex'), { mode: 0o600 })
  database = await startPostgres()
})
after(async () => {
  await house?.stop()
  await database.stop()
  rmSync(home, { recursive: true, force: true })
})

async function startHouse(): Promise<House> {
  const child: ChildProcess = spawn(process.execPath, [main], {
    cwd: home,
    env: {
      PATH: process.env.PATH ?? '',
      DATABASE_URL: database.url,
      VIGIL_MASTER_KEY_FILE: join(home, 'master.key'),
      VIGIL_DATA: join(home, 'house'),
      VIGIL_PORT: '0',
      VIGIL_LOG_LEVEL: 'debug',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<number | null>(resolve => child.once('exit', code => resolve(code)))
  let mine = ''
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding('utf8').on('data', (text: string) => {
      mine += text
      output += text
    })
  const until = Date.now() + startMaxMs
  for (;;) {
    const ready = /"url":"(http:[^"]+)"[^\n]*"msg":"ready"/.exec(mine)
    if (ready)
      return {
        url: ready[1]!,
        output: () => mine,
        async stop() {
          child.kill('SIGTERM')
          return ended
        },
      }
    if (child.exitCode !== null || Date.now() > until) {
      child.kill('SIGKILL')
      throw new Error(`the server did not start: ${mine.slice(-2_000)}`)
    }
    await new Promise(next => setTimeout(next, 100))
  }
}

type Answer = { status: number; body: Record<string, unknown>; cookie: string }
async function ask(method: string, path: string, body?: unknown, as: Record<string, string> = {}): Promise<Answer> {
  const answer = await fetch(house!.url + path, {
    method,
    headers: { ...as, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await answer.text()
  const cookie = (answer.headers.get('set-cookie') ?? '').split(';')[0]!
  return { status: answer.status, body: text.startsWith('{') ? JSON.parse(text) : { text }, cookie }
}
const strong = 'wander-lemon-quiet-47'
async function signIn(accountId: string, first: string): Promise<Record<string, string>> {
  const signedIn = await ask('POST', '/v1/session', { accountId, password: first })
  assert.equal(signedIn.status, 200, JSON.stringify(signedIn.body))
  if (signedIn.body.mustChangePassword !== true) return { cookie: signedIn.cookie }
  const changed = await ask(
    'POST',
    '/v1/session/password',
    { current: first, next: strong },
    { cookie: signedIn.cookie },
  )
  assert.equal(changed.status, 200, JSON.stringify(changed.body))
  return { cookie: changed.cookie }
}
async function say(as: Record<string, string>, kind: string, body: unknown): Promise<Record<string, unknown>> {
  const { body: answer } = await ask(
    'POST',
    '/v1/entries',
    { entries: [{ kind, uuid: randomUUID(), occurredAt: Date.now(), body }] },
    as,
  )
  const [outcome] = (answer.outcomes ?? [answer]) as Record<string, unknown>[]
  return outcome!
}

/** Planted: distinctive enough that finding one anywhere is no accident. */
const planted = {
  callerName: '欧阳测试植入',
  callerNumber: '13900007731',
  callAddress: '植入路 7731 弄 9 号',
  complaint: '植入患者胸痛七七三一',
  note: '植入备注司徒',
  patientName: '司徒植入患者',
  patientPhone: '13700007732',
  identityNumber: '330402197003077731',
  cardAddress: '植入新村 7732 室',
  misplaced: '诸葛错放植入',
}

/** Where any of these texts stands, plain, in hex or in base64: all tables, the process's output, all files of the house. */
async function findPlanted(texts: Record<string, string> = planted): Promise<string[]> {
  const found: string[] = []
  const needles = Object.entries(texts).flatMap(([name, text]) => [
    [name, text],
    [`${name} in hex`, Buffer.from(text).toString('hex')],
    [`${name} in base64`, Buffer.from(text).toString('base64').slice(0, -4)],
  ])
  const look = (where: string, text: string) => {
    for (const [name, needle] of needles) if (text.includes(needle!)) found.push(`${name} in ${where}`)
  }
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  try {
    const { rows: tables } = await client.query(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`,
    )
    let rowsSeen = 0
    for (const { name } of tables) {
      const { rows } = await client.query(`select t::text as text from ${name} t`)
      rowsSeen += rows.length
      look(`table ${name}`, rows.map(row => row.text).join('\n'))
    }
    assert.ok(tables.length > 8 && rowsSeen > 20, `${rowsSeen} rows of ${tables.length} tables were read`)
  } finally {
    await client.end()
  }
  look('the process log', output)
  for (const file of readdirSync(home, { recursive: true, encoding: 'utf8' })) {
    const path = join(home, file)
    if (statSync(path).isFile()) look(`file ${file}`, readFileSync(path, 'latin1') + readFileSync(path, 'utf8'))
  }
  return found
}

test('SEAL-30 planted names and numbers are in no table, log line, metric, file or view; looking leaves record.viewed', async () => {
  house = await startHouse()
  const first = /[a-z2-9]{5}(?:-[a-z2-9]{5}){3}/.exec(house.output())?.[0]
  assert.ok(first, 'the first administrator is printed')
  const admin = await signIn('admin', first)
  const region = {
    code: '330400',
    name: '嘉兴市',
    nameEn: 'Jiaxing',
    level: 'city',
    lon: 120.75,
    lat: 30.75,
    population: 5_500_000,
  }
  const place = { placeId: 'h1', placeKind: 'hospital', name: '一院', regionCode: '330400', lon: 120.7, lat: 30.7 }
  for (const [kind, body] of [
    ['region.published', { version: 1, regions: [region] }],
    ['place.registered', place],
  ] as const)
    assert.equal((await say(admin, kind, body)).result, 'done', kind)
  const people: Record<string, Record<string, string>> = {}
  for (const role of ['dispatcher', 'epidemiologist', 'hospital', 'auditor']) {
    const made = await ask(
      'POST',
      '/v1/accounts',
      { accountId: role, name: role, roles: [role], regions: role === 'auditor' ? [] : ['330400'] },
      admin,
    )
    assert.equal(made.status, 201, JSON.stringify(made.body))
    people[role] = await signIn(role, String(made.body.initialPassword))
  }
  const device = await ask('POST', '/v1/devices', { deviceId: 'feed-1', role: 'feed', regions: ['330400'] }, admin)
  const feed = { authorization: `Bearer ${device.body.token}` }
  const desk = people.dispatcher!

  const call = {
    callId: 'C1',
    regionCode: '330400',
    callerName: planted.callerName,
    callerNumber: planted.callerNumber,
    addressText: planted.callAddress,
    complaintText: planted.complaint,
  }
  const card = {
    cardId: 'K1',
    diseaseId: 'influenza',
    caseClass: 'confirmed',
    regionCode: '330400',
    facilityId: 'h1',
    diagnosedAt: Date.now() - 60_000,
    patientName: planted.patientName,
    patientPhone: planted.patientPhone,
    identityNumber: planted.identityNumber,
    addressText: planted.cardAddress,
  }
  const incident = {
    incidentId: 'I1',
    callIds: ['C1'],
    level: 2,
    regionCode: '330400',
    lon: 120.75,
    lat: 30.75,
    note: planted.note,
    complaintText: planted.complaint,
  }
  assert.equal((await say(desk, 'call.received', call)).result, 'done')
  // A feed never files a card: it prepares one, a person of the hospital files it under the same id.
  assert.equal((await say(feed, 'report.received', card)).code, 'KIND_FORBIDDEN')
  assert.equal((await say(feed, 'report.drafted', card)).result, 'done')
  assert.equal((await say(people.hospital!, 'report.received', card)).result, 'done')
  assert.equal((await say(desk, 'incident.opened', incident)).result, 'done')
  assert.equal((await say(desk, 'incident.noted', { incidentId: 'I1', note: planted.note })).result, 'done')
  // Personal text where it does not belong: refused, and repeated nowhere.
  const refused = [
    await say(desk, 'call.received', { ...call, callId: 'C2', name: planted.misplaced }),
    await say(desk, 'call.received', { ...call, callId: planted.misplaced }),
    await say(desk, planted.misplaced, {}),
    (await ask('POST', '/v1/entries', `{"entries":[{"${planted.misplaced}`, desk)).body,
    (await ask('POST', '/v1/session', { accountId: planted.misplaced, password: planted.misplaced })).body,
    (await ask('GET', `/v1/incidents?state=${encodeURIComponent(planted.misplaced)}`, undefined, desk)).body,
  ]
  for (const answer of refused) assert.match(String(answer.code), /^[A-Z_]+$/, JSON.stringify(answer))

  const opened = await ask('GET', '/v1/persons/call/C1', undefined, desk)
  assert.deepEqual(opened.body.fields, {
    callerName: planted.callerName,
    callerNumber: planted.callerNumber,
    addressText: planted.callAddress,
    complaintText: planted.complaint,
  })
  const patient = await ask('GET', '/v1/persons/card/K1', undefined, people.epidemiologist)
  assert.equal((patient.body.fields as Record<string, string>).identityNumber, planted.identityNumber)
  assert.equal((await ask('GET', '/v1/persons/card/K1', undefined, desk)).body.code, 'ROLE_FORBIDDEN')
  assert.equal((await ask('GET', '/v1/persons/call/C1', undefined, people.epidemiologist)).body.code, 'ROLE_FORBIDDEN')
  assert.equal((await ask('GET', '/v1/persons/call/C1', undefined, admin)).body.code, 'ROLE_FORBIDDEN')

  const trail = await ask('GET', '/v1/entries?limit=200', undefined, people.auditor)
  assert.equal(trail.status, 200, JSON.stringify(trail.body))
  const viewed = (trail.body.entries as { kind: string; actorName?: string; body: Record<string, unknown> }[]).filter(
    entry => entry.kind === 'record.viewed',
  )
  assert.deepEqual(viewed.map(entry => `${entry.actorName} ${entry.body.recordKind} ${entry.body.recordId}`).sort(), [
    'dispatcher call C1',
    'epidemiologist card K1',
  ])
  const shown = [trail.body]
  for (const path of ['/metrics', '/v1/calls', '/v1/incidents', '/v1/entries?incidentId=I1', '/readyz']) {
    const { status, body } = await ask('GET', path, undefined, path === '/metrics' ? {} : desk)
    assert.ok(status < 400, `${path}: ${JSON.stringify(body)}`)
    shown.push(body)
  }
  for (const [name, text] of Object.entries(planted))
    assert.ok(!JSON.stringify(shown).includes(text), `${name} is shown in a view`)
  assert.deepEqual(await findPlanted(), [])
  // The search can find: what is no secret stands where it should.
  const control = await findPlanted({ place: '一院', account: 'epidemiologist', mode: 'world rebuilt' })
  for (const where of ['place in table', 'account in table public.account', 'mode in the process log'])
    assert.ok(
      control.some(one => one.includes(where) || one.replace(' in hex', '').includes(where)),
      `${where}: ${control.join(', ')}`,
    )
})

test('SEAL-31 after a restart the same person reads the same; what was erased stays erased, and its key is gone', async () => {
  assert.equal(await house?.stop(), 0)
  house = await startHouse()
  assert.ok(
    !/[a-z2-9]{5}(?:-[a-z2-9]{5}){3}/.test(house.output().replaceAll(/"[^"]*"/g, '')),
    'the first secret is printed once',
  )
  const desk = await signIn('dispatcher', strong)
  const admin = await signIn('admin', strong)
  const opened = await ask('GET', '/v1/persons/call/C1', undefined, desk)
  assert.equal((opened.body.fields as Record<string, string>).callerNumber, planted.callerNumber)
  const erased = await ask('DELETE', '/v1/persons/call/C1', { reason: '本人申请' }, admin)
  assert.equal(erased.status, 204, JSON.stringify(erased.body))
  assert.equal((await ask('GET', '/v1/persons/call/C1', undefined, desk)).body.code, 'RECORD_FORGOTTEN')
  // A restore brings the key back: the next start forgets it again.
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query(`update record_key set key_id = k.key_id, wrapped = k.wrapped, forgotten_at = null
    from (select key_id, wrapped from record_key where record_id = 'I1') k where record_id = 'C1'`)
  assert.equal(await house.stop(), 0)
  house = await startHouse()
  assert.equal((await ask('GET', '/v1/persons/call/C1', undefined, desk)).body.code, 'RECORD_FORGOTTEN')
  const { rows } = await client.query(`select wrapped from record_key where record_id = 'C1'`)
  await client.end()
  assert.deepEqual(rows, [{ wrapped: null }])
  assert.deepEqual(await findPlanted(), [])
})
