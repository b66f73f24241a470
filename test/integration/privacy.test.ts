/**
 * Personal data in a run of the whole server as its own process on the embedded database, with everything it can leave behind:
 * files of the database, checkpoints, a backup, its own log at its most talkative, sockets, pages, answers, figures. Planted
 * names and numbers are in none of it, and still open for whose work it is, until they are forgotten, also after a restore.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { openDatabase } from '../../server/database/pool.ts'
import { openPostgresLog } from '../../server/log/postgres.ts'
import {
  type As,
  centre,
  city,
  type Desk,
  north,
  openDesk,
  regions,
  south,
  submission,
  until,
} from '../help/city-server.ts'

const root = resolve(import.meta.dirname, '../..')
let home: string
let receiver: Server
let house: House | undefined
/** Everything that was told to anybody who may not read persons: answers, sockets, pages. */
const told: { where: string; text: string }[] = []
let output = ''

const planted = {
  callerName: '欧阳植入甲',
  callerNumber: '13900007741',
  callAddress: '植入大道 7741 弄',
  complaint: '植入主诉七七四一胸痛',
  incidentNote: '植入备注司马',
  incidentAddress: '植入桥下 7742',
  laterNote: '植入追加备注皇甫',
  patientName: '司徒植入乙',
  patientPhone: '13700007742',
  identityNumber: '330402198002297742',
  cardAddress: '植入新村 7743 室',
  misplaced: '诸葛错放丙',
}

type House = { url: string; stop(): Promise<number | null> }
async function startHouse(data: string, more: Record<string, string> = {}): Promise<House> {
  const { port } = receiver.address() as AddressInfo
  const child: ChildProcess = spawn(process.execPath, [join(root, 'server/main.ts')], {
    cwd: home,
    env: {
      PATH: process.env.PATH ?? '',
      VIGIL_DATA: data,
      VIGIL_PORT: '0',
      VIGIL_LOG_LEVEL: 'debug',
      PAGER: 'live',
      VIGIL_PAGER_SMS_URL: `http://127.0.0.1:${port}/sms`,
      ...more,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<number | null>(done => child.once('exit', code => done(code)))
  let mine = ''
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding('utf8').on('data', (text: string) => {
      mine += text
      output += text
    })
  const url = await until(
    'the server',
    () => {
      if (child.exitCode !== null) throw new Error(mine.slice(-2_000))
      return /"url":"(http:[^"]+)"[^\n]*"msg":"ready"/.exec(mine)?.[1]
    },
    180_000,
  )
  return {
    url,
    async stop() {
      child.kill('SIGTERM')
      return ended
    },
  }
}
before(async () => {
  home = mkdtempSync(join(tmpdir(), 'vigil-privacy-'))
  receiver = createServer((request, response) => {
    let raw = ''
    request.setEncoding('utf8').on('data', (text: string) => {
      raw += text
    })
    request.on('end', () => {
      told.push({ where: 'a page', text: raw })
      response.end('{"receipt":true}')
    })
  })
  await new Promise<void>(done => receiver.listen(0, '127.0.0.1', done))
})
after(async () => {
  await house?.stop()
  receiver.closeAllConnections()
  await new Promise(done => receiver.close(done))
  rmSync(home, { recursive: true, force: true })
})

type Answer = { status: number; body: Record<string, unknown>; cookie: string }
async function ask(method: string, path: string, as: As = {}, body?: unknown, isSecret = false): Promise<Answer> {
  const answer = await fetch(house!.url + path, {
    method,
    headers: { ...as, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await answer.text()
  if (!isSecret) told.push({ where: `${method} ${path}`, text })
  return {
    status: answer.status,
    body: text.startsWith('{') ? JSON.parse(text) : {},
    cookie: (answer.headers.get('set-cookie') ?? '').split(';')[0]!,
  }
}
const strong = 'wander-lemon-quiet-48'
async function signIn(accountId: string, password: string): Promise<As> {
  const first = await ask('POST', '/v1/session', {}, { accountId, password })
  assert.equal(first.status, 200, JSON.stringify(first.body))
  if (first.body.mustChangePassword !== true) return { cookie: first.cookie }
  const changed = await ask(
    'POST',
    '/v1/session/password',
    { cookie: first.cookie },
    { current: password, next: strong },
  )
  return { cookie: changed.cookie }
}
async function say(as: As, kind: string, body: unknown, expected = 'done'): Promise<Record<string, unknown>> {
  const { body: said } = await ask('POST', '/v1/entries', as, { entries: [submission(kind, body)] })
  const outcome = (said.outcomes as Record<string, unknown>[] | undefined)?.[0] ?? said
  assert.equal(outcome.code ?? outcome.result, expected, `${kind}: ${JSON.stringify(outcome)}`)
  return outcome
}

function find(where: string, text: string, texts: Record<string, string> = planted): string[] {
  return Object.entries(texts).flatMap(([name, secret]) =>
    [
      secret,
      Buffer.from(secret).toString('hex'),
      Buffer.from(secret).toString('base64').slice(0, -4),
      encodeURIComponent(secret),
    ]
      .filter((needle, form) => (form < 3 || needle !== secret) && text.includes(needle))
      .map(() => `${name} in ${where}`),
  )
}
/** Looks through every file below a folder, as bytes and as text. */
function searchFiles(
  folder: string,
  texts: Record<string, string> = planted,
): { found: string[]; files: number; bytes: number } {
  const result = { found: [] as string[], files: 0, bytes: 0 }
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name)
    if (!statSync(path).isFile()) continue
    const bytes = readFileSync(path)
    result.files++
    result.bytes += bytes.length
    for (const [what, secret] of Object.entries(texts))
      if (bytes.includes(Buffer.from(secret))) result.found.push(`${what} in ${name}`)
    if (bytes.length < 2_000_000) result.found.push(...find(name, bytes.toString('latin1'), texts))
  }
  return result
}
const unpack = (file: string, folder: string) =>
  new Promise<void>((done, fail) => {
    mkdirSync(folder, { recursive: true })
    execFile('tar', ['-xzf', file, '-C', folder], error => (error ? fail(error) : done()))
  })
const command = (file: string, args: string[], env: Record<string, string> = {}) =>
  new Promise<string>((done, fail) =>
    execFile(
      process.execPath,
      [join(root, file), ...args],
      { cwd: home, env: { PATH: process.env.PATH ?? '', ...env } },
      (error, stdout, stderr) => {
        output += stdout + stderr
        if (error) fail(new Error(stdout + stderr))
        else done(stdout)
      },
    ),
  )

const data = () => join(home, 'house')
const backup = () => join(home, 'backup.tgz')
const people: Record<string, As> = {}

test('PRIV-1 planted names and numbers are in no answer, socket, page, figure or line of the log, and open for the right role', async () => {
  house = await startHouse(data())
  const secret = /[a-z2-9]{5}(?:-[a-z2-9]{5}){3}/.exec(output)?.[0]
  assert.ok(secret)
  people.administrator = await signIn('admin', secret)
  for (const [role, scope] of [
    ['dispatcher', [city]],
    ['shift-leader', [city]],
    ['epidemiologist', [city]],
    ['hospital', [south]],
    ['crew', [south]],
    ['auditor', []],
  ] as const) {
    const made = await ask('POST', '/v1/accounts', people.administrator, {
      accountId: role,
      name: role,
      roles: [role],
      regions: scope,
    })
    people[role] = await signIn(role, String(made.body.initialPassword))
  }
  const other = await ask('POST', '/v1/accounts', people.administrator, {
    accountId: 'elsewhere',
    name: 'elsewhere',
    roles: ['dispatcher'],
    regions: [north],
  })
  people.elsewhere = await signIn('elsewhere', String(other.body.initialPassword))
  const made = await ask('POST', '/v1/devices', people.administrator, {
    deviceId: 'player',
    role: 'player',
    regions: [city],
  })
  const player = { authorization: `Bearer ${made.body.token}` }
  await say(player, 'region.published', { version: 1, regions })
  await say(player, 'place.registered', {
    placeId: 'F1',
    placeKind: 'hospital',
    name: '一院',
    regionCode: south,
    ...centre,
  })
  await say(player, 'unit.registered', { unitId: 'U1', name: '1 号车', unitClass: 'B', regionCode: south })
  const desks: Desk[] = []
  for (const [role, as] of Object.entries(people)) {
    const desk = await openDesk(house.url, as)
    desk.socket.onAny((name: string, body: unknown) =>
      told.push({ where: `${name} to ${role}`, text: JSON.stringify(body) ?? '' }),
    )
    desks.push(desk)
  }
  const desk = people.dispatcher!
  const call = {
    callId: 'C1',
    regionCode: south,
    callerName: planted.callerName,
    callerNumber: planted.callerNumber,
    addressText: planted.callAddress,
    complaintText: planted.complaint,
  }
  await say(desk, 'call.received', call)
  const opened = await desks[1]!.submit([
    submission('incident.opened', {
      incidentId: 'I1',
      callIds: ['C1'],
      level: 1,
      regionCode: south,
      ...centre,
      note: planted.incidentNote,
      addressText: planted.incidentAddress,
      complaintText: planted.complaint,
    }),
    submission('incident.noted', { incidentId: 'I1', note: planted.laterNote }),
    submission('incident.noted', { incidentId: 'I404', note: planted.laterNote }),
    submission('incident.noted', { incidentId: planted.misplaced, note: planted.laterNote }),
    submission(planted.misplaced, {}),
  ])
  assert.deepEqual(
    opened.outcomes!.map(o => o.code ?? o.result),
    ['done', 'done', 'INCIDENT_UNKNOWN', 'SHAPE_INVALID', 'KIND_UNKNOWN'],
  )
  const card = {
    cardId: 'K1',
    diseaseId: 'plague',
    caseClass: 'confirmed',
    regionCode: south,
    facilityId: 'F1',
    diagnosedAt: Date.now() - 60_000,
    patientName: planted.patientName,
    patientPhone: planted.patientPhone,
    identityNumber: planted.identityNumber,
    addressText: planted.cardAddress,
  }
  await say(people.hospital!, 'report.received', card)
  await until('a page', () => told.some(t => t.where === 'a page'))
  // Refused ones keep no more of it than the others: a wrong field, a reused key, another region, a broken frame.
  const key = { epoch: 'e', seq: 1 }
  for (const [more, code] of [
    [{}, 'done'],
    [{ addressText: planted.misplaced }, 'SEQ_REUSED'],
  ] as const) {
    const { body } = await ask('POST', '/v1/entries', player, {
      entries: [submission('call.received', { ...call, callId: 'C2', ...more }, { uuid: undefined, ...key })],
    })
    const [outcome] = body.outcomes as Record<string, unknown>[]
    assert.equal(outcome!.code ?? outcome!.result, code)
  }
  await say(people.elsewhere!, 'call.received', { ...call, callId: 'C3' }, 'REGION_FOREIGN')
  await say(desk, 'call.received', { ...call, callId: 'C4', lon: 'x' }, 'SHAPE_INVALID')
  await say(people.auditor!, 'call.received', { ...call, callId: 'C5' }, 'ROLE_FORBIDDEN')
  await ask(
    'POST',
    '/v1/entries',
    desk,
    `{"entries":[{"kind":"call.received","body":{"callerName":"${planted.callerName}"`,
  )
  await ask('POST', '/v1/session', {}, { accountId: 'admin', password: planted.misplaced })

  for (const path of [
    '/v1/calls',
    '/v1/incidents',
    '/v1/incidents/I1',
    '/v1/alerts',
    '/v1/entries?limit=200',
    '/v1/entries?incidentId=I1',
    '/metrics',
    '/readyz',
    '/docs/json',
    '/v1/settings',
    '/v1/rules',
  ])
    for (const as of Object.values(people)) await ask('GET', path, as)

  // Who may look, sees; the look is in the log before the answer is.
  const looks: [role: string, kind: string, id: string, code: string | undefined][] = [
    ['dispatcher', 'call', 'C1', undefined],
    ['shift-leader', 'incident', 'I1', undefined],
    ['epidemiologist', 'card', 'K1', undefined],
    ['dispatcher', 'card', 'K1', 'ROLE_FORBIDDEN'],
    ['epidemiologist', 'call', 'C1', 'ROLE_FORBIDDEN'],
    ['administrator', 'call', 'C1', 'ROLE_FORBIDDEN'],
    ['auditor', 'card', 'K1', 'ROLE_FORBIDDEN'],
    ['hospital', 'card', 'K1', 'ROLE_FORBIDDEN'],
    ['crew', 'incident', 'I1', 'RECORD_UNKNOWN'],
    ['elsewhere', 'call', 'C1', 'RECORD_UNKNOWN'],
    ['elsewhere', 'incident', 'I404', 'RECORD_UNKNOWN'],
  ]
  const countViews = async () => {
    const { body } = await ask('GET', '/v1/entries?limit=200', people.auditor)
    return (body.entries as { kind: string; actorName: string; body: { recordId: string } }[])
      .filter(e => e.kind === 'record.viewed')
      .map(e => `${e.actorName} ${e.body.recordId}`)
  }
  const expected: string[] = []
  for (const [role, kind, id, code] of looks) {
    const { body } = await ask('GET', `/v1/persons/${kind}/${id}`, people[role], undefined, code === undefined)
    assert.equal(body.code, code, `${role} ${kind}/${id}: ${code === undefined ? body.code : JSON.stringify(body)}`)
    if (code === undefined) expected.unshift(`${role} ${id}`)
    assert.deepEqual(await countViews(), expected, `after ${role} ${id}`)
    if (id === 'C1' && code === undefined)
      assert.deepEqual(body.fields, {
        callerName: planted.callerName,
        callerNumber: planted.callerNumber,
        addressText: planted.callAddress,
        complaintText: planted.complaint,
      })
    if (id === 'I1' && code === undefined) assert.equal((body.fields as Record<string, string>).note, planted.laterNote)
    if (id === 'K1' && code === undefined)
      assert.equal((body.fields as Record<string, string>).identityNumber, planted.identityNumber)
  }
  for (const one of desks) one.socket.disconnect()
  assert.ok(told.length > 100)
  // The sender alone is told what was wrong with its own words; nobody else hears of them.
  const isOwn = (where: string) => where === 'POST /v1/entries'
  const found = told.flatMap(({ where, text }) =>
    find(where, text, isOwn(where) ? { ...planted, misplaced: planted.callerName } : planted),
  )
  assert.deepEqual(found, [])
  assert.deepEqual(find('the process log', output), [])
  assert.match(output, /"msg":"ready"/)
})

test('PRIV-2 not in the files of the database, its tables, its checkpoints, nor in a backup', async () => {
  assert.equal(await house!.stop(), 0)
  house = undefined
  const database = await openDatabase({ directory: join(data(), 'database') })
  const { rows: tables } = await database.pool.query(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
  )
  const found: string[] = []
  let rowsSeen = 0
  for (const { name } of tables) {
    const { rows } = await database.pool.query(`SELECT t::text AS text FROM ${name} t`)
    rowsSeen += rows.length
    found.push(...find(`table ${name}`, rows.map(row => row.text).join('\n')))
  }
  assert.ok(tables.length > 12 && rowsSeen > 60, `${rowsSeen} rows of ${tables.length} tables`)
  const log = await openPostgresLog(database.pool)
  const entries = await log.list(0)
  assert.ok(
    entries.some(({ entry }) => JSON.stringify(entry).includes('sealed:v1:')),
    'sealed fields stand there',
  )
  await database.close()
  assert.deepEqual(found, [])
  const files = searchFiles(data())
  assert.ok(files.files > 100 && files.bytes > 10_000_000, `${files.files} files, ${files.bytes} bytes`)
  assert.deepEqual(files.found, [])
  await command('server/operations/backup.ts', ['--out', backup()], { VIGIL_DATA: data() })
  await unpack(backup(), join(home, 'unpacked'))
  const unpacked = searchFiles(join(home, 'unpacked'))
  assert.ok(unpacked.files > 100)
  assert.deepEqual(unpacked.found, [])
  assert.deepEqual(
    readdirSync(join(home, 'unpacked'), { recursive: true, encoding: 'utf8' }).filter(name =>
      /master\.key|password$/.test(name),
    ),
    [],
    'the key does not travel with it',
  )
  // The search finds what is no secret, in files and in the backup alike.
  assert.ok(searchFiles(data(), { place: '一院' }).found.length > 0)
  assert.ok(searchFiles(join(home, 'unpacked'), { place: '一院' }).found.length > 0)
})

test('PRIV-3 what is forgotten cannot be read again, here or in a restored city, whether its backup knows of it or not', async () => {
  house = await startHouse(data())
  const admin = await signIn('admin', strong)
  const desk = await signIn('dispatcher', strong)
  assert.equal((await ask('DELETE', '/v1/persons/call/C1', desk, { reason: '本人要求' })).body.code, 'ROLE_FORBIDDEN')
  assert.equal((await ask('DELETE', '/v1/persons/call/C1', admin, { reason: '本人要求' })).status, 204)
  assert.equal((await ask('GET', '/v1/persons/call/C1', desk)).body.code, 'RECORD_FORGOTTEN')
  await say(
    desk,
    'call.received',
    { callId: 'C1', regionCode: south, callerName: planted.callerName },
    'RECORD_FORGOTTEN',
  )
  assert.equal(await house.stop(), 0)
  const later = join(home, 'later.tgz')
  await command('server/operations/backup.ts', ['--out', later], { VIGIL_DATA: data() })
  for (const [name, file, code] of [
    ['from the later backup', later, 'RECORD_FORGOTTEN'],
    ['from the earlier backup, which does not know', backup(), 'RECORD_FORGOTTEN'],
  ] as const) {
    const restored = join(home, randomUUID())
    await command('server/operations/restore.ts', ['--from', file, '--directory', restored])
    // The key and the list of what was erased lie beside the database and travel together.
    for (const part of ['master.key', 'forgotten.jsonl']) copyFileSync(join(data(), part), join(restored, part))
    house = await startHouse(restored)
    const opened = await ask('GET', '/v1/persons/call/C1', await signIn('dispatcher', strong), undefined, true)
    assert.equal(opened.body.code, code, name)
    assert.equal(await house.stop(), 0)
    house = undefined
  }
  assert.deepEqual(find('the process log', output), [])
})
