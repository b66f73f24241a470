/**
 * Review city: a whole server with sixty days behind it: seven counties of the drawn city, sources that report every day, one
 * that fell silent, one that trebled, and two outbreaks, a statutory single case and report cards of today. For journeys of
 * a review morning; everything goes in through the door, pages go out to a receiver on this machine.
 */
import assert from 'node:assert/strict'
import { createHmac, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RuleInput } from '#contract/rule.ts'
import { dayMs, formatDay, getDayIndex, getDayStartAt, hourMs } from '#contract/scalars.ts'
import { createChance, packCity, seedCity } from '../../simulations/seed.ts'
import { startTestServer, type TestServer } from './server.ts'

/** A page as the receiver took it. */
export type ReceivedPage = { pageId: string; text: string; link: string; role: string }
export type ReviewCity = TestServer & {
  /** Password of every person below. */
  people: Readonly<
    Record<'epidemiologist' | 'second' | 'administrator' | 'auditor', { account: string; password: string }>
  >
  received: ReceivedPage[]
  /** Facility that has been silent for six days. */
  silentFacility: string
  stopAll(): Promise<void>
}

const historyDays = 60
const secret = 'a secret of the review pager'
/** Entries of one request. */
const batchMax = 500

const single = (ruleId: string, name: string, nameEn: string, level: 3 | 4, more: Partial<RuleInput>): RuleInput => ({
  ruleId,
  version: 1,
  name,
  nameEn,
  level,
  regionLevel: 'county',
  windowH: 48,
  when: {
    type: 'detector',
    method: 'earsC2',
    sourceKind: 'school-absence',
    syndrome: 'fever-rash',
    period: 'day',
    minSigma: 1,
    minCount: 8,
  },
  minCases: 0,
  escalation: [{ afterS: 0, role: 'epidemiologist' }],
  basis: 'EARS C2 (Hutwagner 2003)',
  ...more,
})

const multi = (syndrome: 'respiratory' | 'diarrhoeal', name: string, nameEn: string): RuleInput => ({
  ruleId: `multi-${syndrome}`,
  version: 1,
  name,
  nameEn,
  level: 2,
  syndrome,
  regionLevel: 'county',
  windowH: 48,
  when: {
    type: 'kOf',
    k: 2,
    of: (
      ['hospital-outpatient', 'hospital-emergency', 'pharmacy', 'school-absence', 'call-120', 'hotline'] as const
    ).map(sourceKind => ({
      type: 'detector',
      method: 'earsC2',
      sourceKind,
      syndrome,
      period: 'day',
      minSigma: 1,
      minCount: 5,
    })),
  },
  minCases: 20,
  escalation: [
    { afterS: 0, role: 'epidemiologist' },
    { afterS: 1_800, role: 'shift-leader' },
  ],
  basis: '国疾控监测发〔2024〕16号 多点触发;EARS C2 (Hutwagner 2003), 两类独立来源',
})

/** The rules of this city, written out: what a fresh house starts with may change, this morning does not. */
const cityRules: RuleInput[] = [
  multi('respiratory', '呼吸道症候群多点触发', 'Respiratory multi-trigger'),
  multi('diarrhoeal', '腹泻症候群多点触发', 'Diarrhoeal multi-trigger'),
  {
    ruleId: 'statutory-single',
    version: 1,
    name: '单病例法定预警',
    nameEn: 'Statutory single case',
    level: 1,
    regionLevel: 'county',
    windowH: 24,
    when: { type: 'card', diseaseIds: ['plague', 'cholera', 'sars', 'polio', 'novelflu'], min: 1 },
    escalation: [
      { afterS: 0, role: 'epidemiologist' },
      { afterS: 600, role: 'shift-leader' },
    ],
    basis: '突发公共卫生事件信息报告 2 小时时限',
  },
  {
    ruleId: 'own-silence',
    version: 1,
    name: '系统时钟中断',
    nameEn: 'Our own clock stopped',
    level: 3,
    regionLevel: 'city',
    windowH: 1,
    when: { type: 'tick-gap', minGapS: 30 },
    escalation: [{ afterS: 0, role: 'administrator' }],
    basis: '两次时钟间隔超过 30 秒',
  },
  single('single-fever-rash', '学校发热出疹单源', 'School fever and rash, one source', 3, { syndrome: 'fever-rash' }),
  single('single-diarrhoeal-pharmacy', '止泻药销售异常', 'Anti-diarrhoeal sales', 4, {
    syndrome: 'diarrhoeal',
    when: {
      type: 'detector',
      method: 'earsC1',
      sourceKind: 'pharmacy',
      syndrome: 'diarrhoeal',
      period: 'day',
      minSigma: 1,
      minCount: 8,
    },
  }),
]

type Watch = { sourceKind: string; syndrome: string; mean: number; denominator?: number }
const watchOf: Readonly<Record<string, readonly Watch[]>> = {
  hospital: [
    { sourceKind: 'hospital-outpatient', syndrome: 'respiratory', mean: 46, denominator: 900 },
    { sourceKind: 'hospital-emergency', syndrome: 'respiratory', mean: 17, denominator: 160 },
    { sourceKind: 'hospital-outpatient', syndrome: 'diarrhoeal', mean: 12, denominator: 900 },
  ],
  clinic: [{ sourceKind: 'hospital-outpatient', syndrome: 'respiratory', mean: 9 }],
  school: [
    { sourceKind: 'school-absence', syndrome: 'respiratory', mean: 7, denominator: 1_200 },
    { sourceKind: 'school-absence', syndrome: 'fever-rash', mean: 2, denominator: 1_200 },
  ],
  pharmacy: [
    { sourceKind: 'pharmacy', syndrome: 'respiratory', mean: 31 },
    { sourceKind: 'pharmacy', syndrome: 'diarrhoeal', mean: 8 },
  ],
}

/** Times the usual on the newest days of a county × syndrome: what the morning must find. */
const outbreaks: Readonly<Record<string, readonly [yesterday: number, today: number]>> = {
  '330402|respiratory': [1.7, 2.9],
  '330482|diarrhoeal': [1.5, 3.2],
  '330424|fever-rash': [1, 7],
}

/** Times the usual on days past, by days back: an outbreak that was found and confirmed, for a dry run to catch again. */
const pastOutbreak = { county: '330483', syndrome: 'respiratory', fromBack: 24, untilBack: 22, factor: 2.6 } as const

/**
 * Starts the city in two sittings on one database: sixty days are played day by day, each received the morning after and its
 * alerts closed by a colleague; then the server starts again on the wall's clock, with the pager live, and today begins.
 */
export async function startReviewCity(
  options: { databaseUrl?: string; seed?: number; environment?: Record<string, string> } = {},
): Promise<ReviewCity> {
  const received: ReceivedPage[] = []
  const receiver = createServer((request, response) => {
    let body = ''
    request.on('data', chunk => {
      body += chunk
    })
    request.on('end', () => {
      const signature = createHmac('sha256', secret).update(body).digest('hex')
      assert.equal(request.headers['x-vigil-signature'], signature, 'a page is signed')
      received.push(JSON.parse(body) as ReceivedPage)
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end('{"receipt":true}')
    })
  })
  await new Promise<void>(done => receiver.listen(0, '127.0.0.1', done))

  const seed = options.seed ?? 7
  const city = seedCity({ seed, units: 20, stations: 7, facilities: 160 })
  const pack = mkdtempSync(join(tmpdir(), 'vigil-pack-'))
  const now = Date.now()
  const today = getDayIndex(now)
  writeFileSync(join(pack, 'pack.json'), JSON.stringify(packCity(city, formatDay(today))))
  const database = options.databaseUrl === undefined ? {} : { databaseUrl: options.databaseUrl }
  const chance = createChance(seed).fork('review')
  const counted = [...city.hospitals, ...city.facilities].filter(place => watchOf[place.kind])
  // Per county two hospitals and three of each kind of facility are enough to see and quick to send.
  const perCounty = new Map<string, number>()
  const chosen = counted.filter(place => {
    const key = `${place.region.slice(0, 6)}|${place.kind}`
    const held = perCounty.get(key) ?? 0
    perCounty.set(key, held + 1)
    return held < (place.kind === 'hospital' ? 2 : 3)
  })
  const silent = chosen.find(place => place.kind === 'hospital' && place.region.startsWith('330481'))!
  const trebled = chosen.find(place => place.kind === 'pharmacy' && place.region.startsWith('330411'))!

  /** What the facilities report of one day, `back` days ago. */
  const listCounts = (back: number): Record<string, unknown>[] => {
    const dayIndex = today - back
    // 1970-01-01 was a Thursday: fewer visits at the weekend.
    const isWeekend = [2, 3].includes(((dayIndex % 7) + 7) % 7)
    return chosen.flatMap(place => {
      const county = place.region.slice(0, 6)
      if (place === silent && back < 6) return []
      return watchOf[place.kind]!.flatMap(watch => {
        const surge = outbreaks[`${county}|${watch.syndrome}`]
        // Today is counted only where something is going on: the morning is young.
        if (back === 0 && !surge) return []
        const isPast =
          county === pastOutbreak.county &&
          watch.syndrome === pastOutbreak.syndrome &&
          back <= pastOutbreak.fromBack &&
          back >= pastOutbreak.untilBack
        const more = back === 0 ? surge![1] : back === 1 && surge ? surge[0] : isPast ? pastOutbreak.factor : 1
        const share = isWeekend ? 0.8 : 1
        const volume = place === trebled && back > 0 && back <= 8 ? 3 : 1
        return [
          {
            sourceKind: watch.sourceKind,
            facilityId: place.id,
            syndrome: watch.syndrome,
            regionCode: place.region,
            period: formatDay(dayIndex),
            count: chance.negativeBinomial(watch.mean * share * more * volume, 40),
            ...(watch.denominator === undefined ? {} : { denominator: Math.round(watch.denominator * share) }),
          },
        ]
      })
    })
  }

  const post = async (server: TestServer, entries: readonly unknown[]) => {
    for (let at = 0; at < entries.length; at += batchMax) {
      const answer = await server.post(entries.slice(at, at + batchMax))
      const refused = answer.body.outcomes?.find(outcome => outcome.result !== 'done')
      assert.ok(answer.body.outcomes && !refused, JSON.stringify(refused ?? answer.body))
    }
  }

  let server: TestServer | undefined
  const stopAll = async () => {
    await server?.remove()
    receiver.closeAllConnections()
    await new Promise(done => receiver.close(done))
    rmSync(pack, { recursive: true, force: true })
  }
  try {
    // --- the sixty days before
    let played = await startTestServer({ ...database, environment: { CLOCK: 'entries', ...options.environment } })
    server = played
    let seq = 0
    const said = (kind: string, body: unknown, occurredAt: number) => ({
      kind,
      epoch: 'review',
      seq: ++seq,
      occurredAt,
      body,
    })
    const startAt = getDayStartAt(today - historyDays)
    // The clock stands where the newest tick left it: what is said at an instant is sent after the tick of that instant.
    await post(played, [said('clock.ticked', { gapMs: 0, boundary: 'day' }, startAt)])
    await post(played, [
      said(
        'region.published',
        { version: 1, regions: city.regions.map(({ polygon: _polygon, ...region }) => region) },
        startAt,
      ),
      said('rule.published', { version: 2, rules: cityRules }, startAt),
      ...[...city.stations, ...chosen].map(place =>
        said(
          'place.registered',
          {
            placeId: place.id,
            placeKind: place.kind,
            name: place.name,
            nameEn: place.nameEn,
            regionCode: place.region,
            lon: place.lon,
            lat: place.lat,
          },
          startAt,
        ),
      ),
    ])
    const colleague = await played.addPerson('cdc0', ['epidemiologist'], ['330400'])
    const cookie = await played.signIn(colleague.accountId, colleague.password)
    for (let back = historyDays; back >= 1; back--) {
      // A day is told the morning after, the alerts of that morning are closed before the next.
      const morningAt = Math.min(getDayStartAt(today - back + 1) + 7 * hourMs, now - 60_000)
      await post(played, [
        said('clock.ticked', { gapMs: 0, boundary: 'day' }, getDayStartAt(today - back + 1)),
        said('clock.ticked', { gapMs: 0, boundary: 'none' }, morningAt),
      ])
      await post(
        played,
        listCounts(back).map(body => said('count.reported', body, morningAt)),
      )
      if (back === 1) break
      const open = [...played.world.alerts.values()].filter(alert => alert.state !== 'closed')
      for (const alert of open) {
        const isReal = alert.regionCode === pastOutbreak.county && alert.syndrome === pastOutbreak.syndrome
        const closed = {
          kind: 'alert.closed',
          uuid: randomUUID(),
          occurredAt: morningAt,
          expects: { alert: alert.version },
          body: {
            alertId: alert.alertId,
            verdict: isReal ? 'confirmed' : 'noise',
            reason: isReal ? '学校流感暴发，实验室确认' : '单源波动，次日回落',
          },
        }
        const answer = await fetch(`${played.url}/v1/entries`, {
          method: 'POST',
          headers: { cookie, 'content-type': 'application/json' },
          body: JSON.stringify({ entries: [closed] }),
        })
        const { outcomes } = (await answer.json()) as { outcomes?: { result: string }[] }
        assert.equal(outcomes?.[0]?.result, 'done', JSON.stringify(outcomes))
      }
      // The world keeps closed alerts for some days only, and days go by in milliseconds here: the tables have them first.
      const ids = open.map(alert => alert.alertId)
      for (;;) {
        const { rows } = await played.database.pool.query<{ n: number }>(
          "SELECT count(*)::int AS n FROM alert_record WHERE id = ANY($1) AND state = 'closed'",
          [ids],
        )
        if (rows[0]!.n === ids.length) break
        await new Promise(resolve => setTimeout(resolve, 100))
      }
    }
    const { directory } = played
    await played.stop()

    // --- today
    played = await startTestServer({
      ...database,
      directory,
      environment: {
        VIGIL_REGION_PACK: pack,
        PAGER: 'live',
        VIGIL_PAGER_SMS_URL: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/sms`,
        VIGIL_PAGER_SECRET: secret,
        ...options.environment,
      },
    })
    server = played
    seq = 0
    const diseases = [
      'hfmd',
      'influenza',
      'otherdiarrhoea',
      'scarlet',
      'mumps',
      'pertussis',
      'tb',
      'dysentery',
    ] as const
    const hospitals = chosen.filter(place => place.kind === 'hospital')
    const cholera = hospitals.find(place => place.region.startsWith('330481')) ?? hospitals[0]!
    const cards = Array.from({ length: 160 }, (_, at) => {
      const place = chance.pick(hospitals)
      const diagnosedAt = now - Math.floor(chance.next() * 27 * dayMs) - 3_600_000
      return {
        cardId: `C-${String(at + 1).padStart(4, '0')}`,
        diseaseId: diseases[Math.floor(chance.next() ** 2 * diseases.length)]!,
        caseClass: chance.pick(['suspected', 'clinical', 'confirmed', 'confirmed']),
        regionCode: place.region,
        facilityId: place.id,
        diagnosedAt,
        // Filed within the day, but for every eighth.
        filedAt: Math.min(now, diagnosedAt + (at % 8 === 7 ? 40 : 1 + Math.floor(chance.next() * 20)) * hourMs),
        onsetDay: formatDay(getDayIndex(diagnosedAt) - Math.floor(chance.next() * 5)),
        ageBand: chance.pick(['0-4', '5-14', '15-24', '25-59', '60+']),
        sex: chance.pick(['male', 'female']),
        patientName: `示例${at + 1}`,
        patientPhone: `1380000${String(at).padStart(4, '0')}`,
        addressText: `示例路 ${at + 1} 号`,
      }
    })
    await post(played, [
      ...listCounts(0).map(body => said('count.reported', body, now)),
      ...cards.map(body => said('report.received', body, now)),
      said(
        'report.received',
        {
          cardId: 'C-0999',
          diseaseId: 'cholera',
          caseClass: 'suspected',
          regionCode: cholera.region,
          facilityId: cholera.id,
          diagnosedAt: now - 40 * 60_000,
          onsetDay: formatDay(today - 1),
          ageBand: '25-59',
          sex: 'male',
          patientName: '示例甲',
          patientPhone: '13800009999',
          addressText: '示例路 999 号',
        },
        now,
      ),
    ])
    const person = async (account: string, role: string, regions: string[]) => {
      const { password } = await played.addPerson(account, [role], regions)
      return { account, password }
    }
    return {
      ...played,
      people: {
        epidemiologist: await person('cdc1', 'epidemiologist', ['330400']),
        second: await person('cdc2', 'epidemiologist', ['330400']),
        administrator: await person('keeper', 'administrator', ['330400']),
        auditor: await person('audit1', 'auditor', []),
      },
      received,
      silentFacility: silent.id,
      stopAll,
    }
  } catch (fault) {
    await stopAll()
    throw fault
  }
}
