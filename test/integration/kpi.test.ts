/**
 * The report of key figures against the log: a played city of four hours, every figure recomputed from raw rows by an arithmetic
 * of its own (test/help/raw-figures.ts), equal to what the API answers, to the CSV and to what stands on the screen.
 */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { parse } from 'csv-parse/sync'
import type { DispatchReportView } from '#contract/report.ts'
import { stepCity, tellRegister, startCity as wakeCity } from '../../simulations/city.ts'
import { openDoor, type Saying } from '../../simulations/door.ts'
import { quietDay } from '../../simulations/scenarios/quiet-day.ts'
import { createChance, seedCity } from '../../simulations/seed.ts'
import { createTicker, mergeByTime } from '../../simulations/ticks.ts'
import { type As, type CityServer, startCity, until } from '../help/city-server.ts'
import { buildConsole, launchConsole, openConsole } from '../help/console-page.ts'
import { type LogRow, type RawFigures, recount } from '../help/raw-figures.ts'

const artifacts = resolve(import.meta.dirname, '../.artifacts')
const seed = 20260411
const startAt = Date.parse('2026-04-11T07:00:00+08:00')
const hours = 4
const endAt = startAt + hours * 3_600_000
/** The period cuts through the played hours on purpose. */
const period = { from: startAt + 600_000, to: endAt - 1_200_000 }

let server: CityServer
let leader: As
let password = ''
let rows: LogRow[] = []

/** What a telephone system and a desk add to the city's own words, seeded: pick-ups, hang-ups before them, edits, releases. */
function enrich(said: readonly Saying[], chance: ReturnType<typeof createChance>): Saying[] {
  const more: Saying[] = []
  const read = (saying: Saying) => saying.body as Record<string, string>
  const gone = new Set(said.filter(s => read(s).outcome === 'abandoned').map(s => read(s).callId))
  const withdrawn = new Set<string>()
  for (const saying of said) {
    const body = read(saying)
    if (saying.kind === 'call.received') {
      const own = chance.fork('answer', body.callId!)
      // One in twenty-five is answered without a stamp: the telephone system was away.
      if (gone.has(body.callId) || own.next() < 0.04) continue
      const at = saying.at + Math.ceil(own.logNormal(6_000, 0.6))
      more.push({ kind: 'call.answered', at, from: saying.from, body: { callId: body.callId! } })
    }
    if (saying.kind === 'incident.unitAssigned') {
      const own = chance.fork('release', body.incidentId!, body.unitId!)
      if (own.next() >= 0.1) continue
      const { incidentId, unitId } = body
      // Half are taken back before the wheels roll, half on the road.
      const isEarly = own.next() < 0.5
      if (isEarly) withdrawn.add(`${unitId} ${incidentId}`)
      const at = saying.at + (isEarly ? own.int(20_000) : 20_000 + own.int(240_000))
      more.push({ kind: 'incident.unitReleased', at, from: 'desk', body: { incidentId, unitId, reason: '改派' } })
    }
    if (saying.kind === 'unit.status' && body.status === 'on-scene' && body.incidentId) {
      const own = chance.fork('gps', body.incidentId, body.unitId!)
      // The fixes saw the arrival too, a little later: the key must count.
      if (own.next() < 0.3) more.push({ ...saying, at: saying.at + 40_000, body: { ...body, by: 'gps' } })
    }
    if (saying.kind === 'incident.opened' && chance.fork('level', body.incidentId!).next() < 0.08)
      more.push({
        kind: 'incident.levelChanged',
        at: saying.at + 5_000,
        from: 'desk',
        body: { incidentId: body.incidentId, level: 2, reason: '复核' },
      })
  }
  // A crew forgets a key now and then.
  const kept = said.filter(
    saying =>
      saying.kind !== 'unit.status' ||
      (!withdrawn.has(`${saying.from} ${read(saying).incidentId}`) &&
        chance.fork('forgotten', saying.from, saying.at).next() >= 0.04),
  )
  return [...kept, ...more].sort((a, b) => a.at - b.at)
}

/** The shift leader puts right what the keys got wrong: each edit is an entry with its reason. */
async function edit(tick: (at: number) => Promise<unknown>): Promise<void> {
  let at = endAt
  const orders = await server.database.pool.query<{ incidentId: string; unitId: string; at: number }>(
    `SELECT body ->> 'incidentId' AS "incidentId", body ->> 'unitId' AS "unitId", occurred_at AS at FROM entry e
     JOIN outcome o ON o.seq = e.seq WHERE e.kind = 'incident.unitAssigned' AND o.result = 'done' ORDER BY e.seq LIMIT 40`,
  )
  for (const [i, order] of orders.rows.entries()) {
    if (i % 5 !== 0) continue
    const { incidentId, unitId } = order
    // Of two edits the one entered last counts, not the later time.
    for (const afterMs of i % 10 === 0 ? [200_000, 95_000] : [95_000]) {
      at += 1_000
      await tick(at)
      const body = { incidentId, unitId, stamp: 'rolling', at: order.at + afterMs, reason: '按录音更正' }
      const told = await server.say(leader, 'incident.stampEdited', body, { occurredAt: at })
      assert.equal(told.result, 'done', JSON.stringify(told))
    }
  }
}

before(async () => {
  // A directory of its own: the city starts empty, at the hour of the play.
  const directory = await mkdtemp(join(tmpdir(), 'vigil-server-'))
  server = await startCity({ directory, environment: { CLOCK: 'entries' } })
  const made = await server.addPerson('leader', ['shift-leader'], ['330400'])
  password = made.password
  leader = { cookie: await server.signIn('leader', password) }
  const city = seedCity({ seed, units: 60 })
  const chance = createChance(seed)
  const state = wakeCity({
    city,
    chance,
    scenario: quietDay,
    startAt,
    callsPerDay: 1_300,
    manualShare: 0.03,
    cardsPerDay: 0,
  })
  const door = openDoor({ url: server.url, token: server.token, epoch: 'kpi', isPlayed: true })
  const ticker = createTicker(startAt)
  await door.send(ticker.runTo(startAt))
  await door.send([...tellRegister(city, startAt)] as Saying[])
  const dispatch = new Set(['call.received', 'call.ended', 'unit.status'])
  const said = (stepCity(state, endAt) as Saying[]).filter(
    saying => dispatch.has(saying.kind) || saying.kind.startsWith('incident.'),
  )
  const all = enrich(said, chance.fork('enrich')).filter(saying => saying.at < endAt)
  // Minute by minute: what is told lies less than a tick ahead of the city's clock. Refusals are part of the play: a status
  // after a release, a close of an incident still busy.
  let next = 0
  let held: Saying[] = []
  for (let at = startAt + 60_000; at <= endAt; at += 60_000) {
    const now: Saying[] = []
    for (; next < all.length && all[next]!.at < at; next++) {
      const saying = all[next]!
      // A tablet without network brings its keys minutes later, with the time they were pressed.
      const isHeld = saying.kind === 'unit.status' && chance.fork('offline', saying.from, saying.at).next() < 0.06
      if (isHeld) held.push(saying)
      else now.push(saying)
    }
    const brought = held.filter(saying => saying.at < at - 240_000)
    held = held.filter(saying => saying.at >= at - 240_000)
    await door.send([...mergeByTime(ticker.runTo(at), now), ...brought])
  }
  await edit(at => door.send(ticker.runTo(at)))
  const found = await server.database.pool.query<LogRow>(
    `SELECT e.seq, e.kind, e.logged_at AS "loggedAt", e.received_at AS "receivedAt", e.occurred_at AS "occurredAt", e.body,
       e.actor IS NOT NULL AS "hasActor", o.result
     FROM entry e LEFT JOIN outcome o ON o.seq = e.seq ORDER BY e.seq`,
  )
  rows = found.rows
})

after(async () => {
  await server?.remove()
})

async function ask(reactionFrom: 'ring' | 'answer', region = ''): Promise<DispatchReportView> {
  const answer = await server.ask(
    'GET',
    `/v1/reports/dispatch?from=${period.from}&to=${period.to}&reactionFrom=${reactionFrom}${region && `&region=${region}`}`,
    leader,
  )
  assert.equal(answer.status, 200, answer.text)
  return answer.body as unknown as DispatchReportView
}

/** The projection is behind by at most a second: waits until it holds what the log holds. */
async function settle(raw: RawFigures): Promise<DispatchReportView> {
  return until('the tables are level', async () => {
    const report = await ask('answer')
    return report.calls === raw.counts.calls && report.runsOn === raw.counts.runsOn && report.runs === raw.counts.runs
      ? report
      : undefined
  })
}

function compare(report: DispatchReportView, raw: RawFigures): void {
  for (const [name, count] of Object.entries(raw.counts))
    assert.equal(report[name as keyof DispatchReportView], count, name)
  assert.equal(report.rows.length, raw.times.size)
  for (const row of report.rows) {
    const key = `${row.kpi}|${row.regionCode}|${row.level}`
    const own = raw.times.get(key)
    assert.ok(own, `the log knows ${key}`)
    for (const name of ['n', 'missing', 'reversed', 'within', 'edited', 'offline', 'p50S', 'p90S'] as const)
      assert.equal(row[name], own[name], `${key} ${name}`)
    if (own.meanS === undefined) assert.equal(row.meanS, undefined)
    else assert.ok(Math.abs(row.meanS! - own.meanS) < 1e-9, `${key} mean ${row.meanS} ${own.meanS}`)
  }
  assert.equal(report.ratios.length, raw.shares.size)
  for (const row of report.ratios) {
    const key = `${row.ratio}|${row.regionCode}|${row.level}`
    assert.deepEqual({ numerator: row.numerator, denominator: row.denominator }, raw.shares.get(key), key)
  }
}

test('KPI-1 every figure of the API equals the recount from raw log rows, by area and level, from ring and from answer', async t => {
  const raw = recount(rows, period, 'answer')
  const report = await settle(raw)
  compare(report, raw)
  compare(await ask('ring'), recount(rows, period, 'ring'))
  const of = (kpi: string) => report.rows.find(row => row.kpi === kpi && row.regionCode === '' && row.level === 0)!
  t.diagnostic(
    `${rows.length} rows; ${JSON.stringify(raw.counts)}; reaction n ${of('reaction').n} missing ${of('reaction').missing}`,
  )
  // The play must be rich enough to prove something.
  assert.ok(of('rolling').n > 30 && of('rolling').missing > 0 && of('reaction').n > 30)
  assert.ok(of('answer').n > 100 && of('answer').missing > 0 && of('order').n > 30 && of('order').missing > 0)
  assert.ok(report.abandoned > 0 && report.withdrawn > 0 && raw.counts.runsOn! > 0)
  assert.ok(of('rolling').edited > 0 && of('rolling').offline > 0 && of('reaction').offline > 0)
  assert.ok(report.rows.some(row => row.regionCode !== '' && row.level === 2))
})

test('KPI-2 a county is counted alone; a county outside the scope is refused; too long a period is refused', async () => {
  const whole = await ask('answer')
  const county = whole.rows.find(row => row.kpi === 'rolling' && row.regionCode !== '' && row.level === 0)!
  const alone = await ask('answer', county.regionCode)
  const total = alone.rows.find(row => row.kpi === 'rolling' && row.regionCode === '' && row.level === 0)!
  assert.deepEqual({ ...total, regionCode: county.regionCode }, county)
  const south = await server.as('shift-leader', [county.regionCode])
  const other = whole.rows.find(row => row.regionCode !== '' && row.regionCode !== county.regionCode)!
  const path = `/v1/reports/dispatch?from=${period.from}&to=${period.to}`
  assert.equal((await server.ask('GET', `${path}&region=${other.regionCode}`, south)).body.code, 'REGION_FOREIGN')
  const own = (await server.ask('GET', path, south)).body as unknown as DispatchReportView
  assert.deepEqual(new Set(own.rows.map(row => row.regionCode)), new Set(['', county.regionCode]))
  const month = `/v1/reports/dispatch?from=${period.from}&to=${period.from + 32 * 86_400_000}`
  assert.equal((await server.ask('GET', month, leader)).body.code, 'REPORT_TOO_LONG')
  assert.equal(
    (await server.ask('GET', `/v1/reports/dispatch?from=${period.to}&to=${period.from}`, leader)).status,
    400,
  )
  const dispatcher = await server.as('dispatcher')
  assert.equal((await server.ask('GET', path, dispatcher)).body.code, 'ROLE_FORBIDDEN')
  assert.equal((await server.ask('GET', path)).status, 401)
})

test('KPI-3 the CSV begins with a byte order mark, carries its definitions and the same figures', async () => {
  const report = await ask('answer')
  const answer = await fetch(`${server.url}/v1/reports/dispatch.csv?from=${period.from}&to=${period.to}`, {
    headers: leader,
  })
  const bytes = new Uint8Array(await answer.arrayBuffer())
  assert.deepEqual([...bytes.slice(0, 3)], [0xef, 0xbb, 0xbf])
  assert.match(answer.headers.get('content-type')!, /^text\/csv/)
  assert.match(
    answer.headers.get('content-disposition')!,
    /attachment; filename="vigil-dispatch-2026-04-11-2026-04-11\.csv"/,
  )
  const lines: string[][] = parse(new TextDecoder('utf-8', { ignoreBOM: false }).decode(bytes), {
    relax_column_count: true,
  })
  const text = lines.flat().join('\n')
  for (const word of ['t1 摘机 − t0 振铃', 'stamp used', 'nearest rank']) assert.ok(text.includes(word), word)
  for (const row of report.rows) {
    const level = row.level === 0 ? '全部 all' : row.level === 9 ? '未定 none' : ['', 'I', 'II', 'III', 'IV'][row.level]
    const line = lines.find(cells => cells[0] === row.kpi && cells[1] === row.regionCode && cells[3] === level)
    assert.ok(line, `${row.kpi} ${row.regionCode} ${row.level}`)
    assert.deepEqual(line.slice(4, 10).map(Number), [
      row.n,
      row.missing,
      row.reversed,
      row.offline,
      row.edited,
      row.within,
    ])
    assert.deepEqual(
      line.slice(11),
      [row.meanS, row.p50S, row.p90S].map(value => (value === undefined ? '' : String(value))),
    )
  }
})

test('KPI-4 the figures on the screen are those of the recount', async t => {
  const raw = recount(rows, { from: startAt - 7 * 3_600_000, to: startAt + 17 * 3_600_000 }, 'answer')
  const built = await buildConsole()
  const opened = await launchConsole({ width: 1366, height: 768 })
  try {
    const { page, faults } = await openConsole(opened, built.dist, {
      url: server.url,
      accountId: 'leader',
      password,
      hash: '#/reports',
    })
    await page.getByTestId('nav-reports').click()
    await page.getByTestId('report').waitFor()
    const shown = await page.getByTestId('report').evaluate(element => {
      const read = (row: Element) =>
        Object.fromEntries(
          [...row.querySelectorAll('[data-figure]')].map(cell => [
            cell.getAttribute('data-figure')!,
            cell.textContent!,
          ]),
        )
      const of = (section: Element) =>
        [...section.querySelectorAll('tr[data-area]')].map(row => ({
          name: section.getAttribute('data-testid')!,
          area: row.getAttribute('data-area')!,
          level: row.getAttribute('data-level')!,
          cells: read(row),
        }))
      return {
        counts: read(element.querySelector('.report-counts')!),
        rows: [...element.querySelectorAll('.report-figure')].flatMap(of),
      }
    })
    assert.deepEqual(
      shown.counts,
      Object.fromEntries(Object.entries(raw.counts).map(([name, count]) => [name, String(count)])),
    )
    const percent = (part: number, whole: number) => (whole === 0 ? '—' : `${((part / whole) * 100).toFixed(1)}%`)
    const seconds = (value: number | undefined) => (value === undefined ? '—' : value.toFixed(1))
    let compared = 0
    for (const { name, area, level, cells } of shown.rows) {
      const [sort, id] = name.split('-') as [string, string]
      const key = `${id}|${area}|${level}`
      if (sort === 'ratio') {
        const own = raw.shares.get(key)!
        assert.deepEqual(
          cells,
          {
            numerator: `${own.numerator}`,
            denominator: `${own.denominator}`,
            share: percent(own.numerator, own.denominator),
          },
          key,
        )
      } else {
        const own = raw.times.get(key)!
        assert.equal(cells.n, String(own.n), key)
        assert.equal(cells.missing, String(own.missing), key)
        assert.equal(cells.mean, seconds(own.meanS), key)
        assert.equal(cells.p50, seconds(own.p50S), key)
        assert.equal(cells.p90, seconds(own.p90S), key)
        assert.equal(cells.within, percent(own.within, own.n), key)
      }
      compared++
    }
    // Every line of the recount that the page has a place for is there: the whole by level, every area over all levels.
    const wanted = [...raw.times.keys(), ...raw.shares.keys()].filter(key => key.includes('||') || key.endsWith('|0'))
    assert.equal(compared, wanted.length)
    assert.deepEqual(faults, [])
    t.diagnostic(`${compared} lines compared on the screen`)
    await mkdir(artifacts, { recursive: true })
    await page.screenshot({ path: join(artifacts, 'reports-1366.png') })
    await page.setViewportSize({ width: 1920, height: 1080 })
    await page.screenshot({ path: join(artifacts, 'reports-1920.png') })
  } finally {
    await opened.close()
    await built.remove()
  }
})
