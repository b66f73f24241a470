/**
 * Bench of the line list: a million report cards in the table of a whole server on native PostgreSQL, read through its own doors
 * by a province's epidemiologist: every filter alone and together, deep pages, the count, series by day. Target: a second.
 */

import pg from 'pg'
import { diseases } from '#contract/diseases.ts'
import type { CardPage } from '#contract/wire.ts'
import { startPostgres } from '../help/postgres.ts'
import { startTestServer } from '../help/server.ts'
import { formatCount, judge, print } from './measure.ts'

const cardsWanted = 1_000_000
const targetMs = 1_000
const rounds = 7
const counties = 90

/** Cards of three years over 90 counties and 1,800 facilities; a few diseases make most of them, as everywhere. */
async function fill(pool: { query(sql: string, values?: unknown[]): Promise<unknown> }): Promise<void> {
  const roots = diseases.filter(one => one.lawClass !== undefined)
  // Harmonic weights: the first disease is as frequent as the next three together.
  const common = ['influenza', 'hfmd', 'otherdiarrhoea', 'covid19', 'tb', 'hepatitis', 'syphilis', 'mumps']
  const order = [...common, ...roots.map(one => one.diseaseId).filter(id => !common.includes(id))]
  const slots = order.flatMap((id, n) => Array<string>(Math.max(1, Math.round(300 / (n + 1)))).fill(id))
  for (let from = 0; from < cardsWanted; from += 100_000)
    await pool.query(
      `INSERT INTO card_record (id, disease_id, root_id, case_class, state, region_code, facility_id, source, age_band, sex, onset_day,
         diagnosis_day, filing_day, review_day, filed_late, review_due_at, duplicate_of, version, view)
       SELECT id, disease, disease, class, state, region, facility, 'desk:h' || (h % 400), band, sex, day - (h % 5)::int, day, filed,
         CASE WHEN state = 'reviewed' THEN filed END, h % 17 = 0, (filed - date '1970-01-01')::bigint * 86400000 + 86400000,
         CASE WHEN h % 50 = 0 THEN id || 'x' END, 2,
         jsonb_build_object('cardId', id, 'version', 2, 'state', state, 'diseaseId', disease, 'caseClass', class, 'regionCode', region,
           'facilityId', facility, 'ageBand', band, 'sex', sex, 'onsetDay', to_char(day - (h % 5)::int, 'YYYY-MM-DD'),
           'diagnosedAt', (day - date '1970-01-01')::bigint * 86400000, 'filedAt', (filed - date '1970-01-01')::bigint * 86400000,
           'fileDueAt', (filed - date '1970-01-01')::bigint * 86400000, 'filedLate', h % 17 = 0,
           'reviewDueAt', (filed - date '1970-01-01')::bigint * 86400000 + 86400000, 'duplicateIds', '[]'::jsonb,
           'sealedFields', '["patientName","patientPhone","identityNumber","addressText"]'::jsonb,
           'history', jsonb_build_array(jsonb_build_object('at', (filed - date '1970-01-01')::bigint * 86400000, 'by', '张医师', 'action', 'filed'),
             jsonb_build_object('at', (filed - date '1970-01-01')::bigint * 86400000, 'by', '县疾控', 'action', 'reviewed')))
       FROM (
         SELECT 'B' || n AS id, h, $3::text[] AS slots, ($3::text[])[1 + h % array_length($3::text[], 1)] AS disease,
           (ARRAY['suspected','clinical','confirmed','confirmed','confirmed'])[1 + (h / 7) % 5] AS class,
           CASE WHEN h % 211 = 0 THEN 'filed' WHEN h % 97 = 0 THEN 'retracted' ELSE 'reviewed' END AS state,
           '33' || lpad(((h / 11) % ${counties} + 1)::text, 4, '0') AS region, 'F' || ((h / 11) % ${counties}) * 20 + (h / 13) % 20 AS facility,
           (ARRAY['0-4','5-14','15-24','25-59','60+'])[1 + (h / 3) % 5] AS band, (ARRAY['male','female'])[1 + (h / 5) % 2] AS sex,
           date '2023-11-22' + ((h / 19) % 1095)::int AS day, date '2023-11-22' + ((h / 19) % 1095)::int + (h % 3)::int AS filed
         FROM (SELECT n, (hashint8(n)::bigint & 2147483647) AS h FROM generate_series($1::bigint, $2::bigint) AS n) AS made) AS row`,
      [from + 1, from + 100_000, slots],
    )
  await pool.query('VACUUM ANALYZE card_record')
}

const queries: readonly [name: string, path: string][] = [
  ['first page, no filter', '/v1/cards'],
  ['a common disease', '/v1/cards?diseaseId=influenza'],
  ['a rare disease', '/v1/cards?diseaseId=kalaazar'],
  ['a county', '/v1/cards?regionCode=330017'],
  ['a facility', '/v1/cards?facilityId=F333'],
  ['a month by onset', '/v1/cards?by=onset&fromDay=2025-03-01&untilDay=2025-03-31'],
  ['by review day', '/v1/cards?by=review&fromDay=2024-06-01&untilDay=2024-06-30'],
  ['class, age band and sex', '/v1/cards?caseClass=suspected&ageBand=0-4&sex=female'],
  ['filed late without duplicates', '/v1/cards?late=true&duplicates=false'],
  ['review overdue', '/v1/cards?overdue=true'],
  [
    'all of it together',
    '/v1/cards?diseaseId=tb&regionCode=330017&caseClass=confirmed&sex=male&fromDay=2024-01-01&untilDay=2024-12-31',
  ],
  [
    'nothing matches',
    '/v1/cards?diseaseId=kalaazar&regionCode=330017&sex=female&ageBand=0-4&caseClass=suspected&by=filing',
  ],
  ['a page deep in the list', '/v1/cards?before=2024-01-05~B500000'],
  ['200 rows of a disease', '/v1/cards?diseaseId=hfmd&limit=200'],
  [
    'series of 800 days, one disease',
    '/v1/card-series?diseaseId=influenza&regionCode=330000&fromDay=2024-09-13&untilDay=2026-11-21',
  ],
  [
    'series by onset, a county',
    '/v1/card-series?diseaseId=hfmd&regionCode=330017&by=onset&fromDay=2025-11-22&untilDay=2026-11-21',
  ],
]

/** Prints the time of every filter, median and worst of some rounds, through the door. */
export async function benchCards(): Promise<void> {
  const database = await startPostgres()
  try {
    const server = await startTestServer({ databaseUrl: database.url })
    try {
      const region = (code: string, level: string, parentCode?: string) => ({
        code,
        ...(parentCode ? { parentCode } : {}),
        name: code,
        nameEn: code,
        level,
        lon: 120.5,
        lat: 30.5,
        population: 400_000,
      })
      const codes = Array.from({ length: counties }, (_, n) => `33${String(n + 1).padStart(4, '0')}`)
      const device = await server.identity.devices.enrol(
        { deviceId: 'bench', name: 'bench', role: 'player', regions: ['330000'], unitIds: [] },
        'bench',
      )
      if ('code' in device) throw new Error(device.code)
      const at = Date.now()
      const said = await server.post(
        [
          {
            kind: 'region.published',
            epoch: 'b',
            seq: 1,
            occurredAt: at,
            body: {
              version: 1,
              regions: [region('330000', 'province'), ...codes.map(code => region(code, 'county', '330000'))],
            },
          },
        ],
        device.token,
      )
      if (said.body.outcomes[0]!.result !== 'done') throw new Error(JSON.stringify(said.body))
      const from = performance.now()
      // The pool of the house cuts long statements off; a million rows are not its work.
      const filler = new pg.Client({ connectionString: database.url })
      await filler.connect()
      await fill(filler)
      await filler.end()
      print(
        'cards',
        `${formatCount(cardsWanted)} cards written in ${((performance.now() - from) / 1_000).toFixed(0)} s`,
      )
      const { accountId, password } = await server.addPerson('bench-epi', ['epidemiologist'], ['330000'])
      const cookie = await server.signIn(accountId, password)
      for (const [name, path] of queries) {
        const times: number[] = []
        let found = ''
        for (let round = 0; round < rounds; round++) {
          const start = performance.now()
          const answer = await fetch(server.url + path, { headers: { cookie } })
          const body = (await answer.json()) as CardPage & { values?: number[] }
          times.push(performance.now() - start)
          if (answer.status !== 200) throw new Error(`${path}: ${JSON.stringify(body)}`)
          found = body.values
            ? `${body.values.reduce((sum, n) => sum + n, 0)} cases`
            : `${body.total}${body.isMore ? '+' : ''} match`
        }
        times.sort((a, b) => a - b)
        print(
          'cards',
          `${name}: median ${times[rounds >> 1]!.toFixed(0)} ms, worst of ${rounds} ${times.at(-1)!.toFixed(0)} ms, ${judge(times.at(-1)!, targetMs, true, ' ms')} (${found})`,
        )
      }
    } finally {
      await server.remove()
    }
  } finally {
    await database.stop()
  }
}
