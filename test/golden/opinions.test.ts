// What a replay prints of the detectors' opinions, on an own synthetic recording and, where they lie, on the shared ones.
// Every date printed is computed a second time here, from the rows themselves and the detector called directly.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import type { SeriesQuestion } from '#contract/judging.ts'
import { formatDay, parseDay } from '#contract/scalars.ts'
import { answerLine, answerQuestion } from '../../server/analysts/judge-series.ts'
import { adjustForCalendar, buildCalendar } from '../../server/detect/calendar.ts'
import { assessEars } from '../../server/detect/ears.ts'
import { assessFarringtonFlexible } from '../../server/detect/farrington-flexible.ts'
import { askAnalyst } from '../../simulations/analyst.ts'
import { findMonthly, formatMonth, monthlyPath, parseMonth, readMonthly } from '../../simulations/monthly.ts'
import {
  askMonthly,
  askTriage,
  describeMonthly,
  describeTriage,
  englandHolidays,
  findLasting,
  sumByRegion,
} from '../../simulations/opinions.ts'
import { readTriage } from '../../simulations/recordings.ts'
import { createChance } from '../../simulations/seed.ts'

const root = resolve(import.meta.dirname, '../..')
const shared = resolve(root, '../shared/data')
const folder = mkdtempSync(join(tmpdir(), 'vigil-opinions-'))
after(() => rmSync(folder, { recursive: true }))

const ears = (counts: (number | null)[], first: number, last: number): SeriesQuestion => ({
  questionId: 'q',
  counts,
  first,
  last,
  method: { type: 'ears', method: 'C2', baseline: 7, minSigma: 0.5 },
})

test('EVAL-20 the analyst answers as the detector does, has no opinion without history, and refuses with a code', () => {
  const counts = [4, 6, 5, 7, 3, 5, 6, 4, 5, 6, 30, 5, null, 6]
  const answer = answerQuestion(ears(counts, 0, 13))
  assert.ok('opinions' in answer)
  const direct = assessEars(counts, { first: 9, last: 13 }, { method: 'C2', minSigma: 0.5 })
  assert.ok(Array.isArray(direct))
  assert.deepEqual(
    answer.opinions.map(one => one.alarm),
    [...new Array(9).fill(null), ...direct.map(one => one.alarm)],
  )
  assert.equal(answer.opinions[10]!.alarm, true)
  assert.equal(answer.opinions[10]!.threshold, direct[1]!.upperbound)
  const outside = answerQuestion(ears(counts, 0, 14))
  assert.ok('code' in outside && outside.code === 'RANGE_INVALID')
  for (const line of ['', 'x', '{}', '{"questionId":"n","counts":[-1],"first":0,"last":0}', '[1]']) {
    const refused = answerLine(line)
    assert.ok('code' in refused && refused.code === 'SHAPE_INVALID', line)
    assert.match(refused.zh, /[一-鿿]/)
    assert.ok(refused.en.length > 0)
  }
})

test('EVAL-21 the analyst as a process answers every question by its id, in whatever number', async () => {
  const questions = Array.from({ length: 50 }, (_, at) => ({
    ...ears([4, 6, 5, 7, 3, 5, 6, 4, 5, 6, 30 + at, 5], 9, 11),
    questionId: `q${at}`,
  }))
  const answers = await askAnalyst(questions)
  assert.equal(answers.size, 50)
  for (const question of questions) assert.deepEqual(answers.get(question.questionId), answerQuestion(question))
  assert.equal((await askAnalyst([])).size, 0)
})

test('EVAL-22 a lasting alert is the third alarm within seven days, never counting days before the rise', () => {
  const at = (...days: number[]) => new Set(days)
  assert.equal(findLasting(at(), 10, 40), undefined)
  assert.equal(findLasting(at(11, 19, 27, 35), 10, 40), undefined, 'once a week never lasts')
  assert.deepEqual(findLasting(at(12, 15, 18), 10, 40), { firstDay: 12, lastingDay: 18 })
  assert.equal(findLasting(at(12, 15, 19), 10, 40), undefined, 'eight days are not seven')
  assert.deepEqual(findLasting(at(8, 9, 11, 30, 31, 32), 10, 40), { firstDay: 30, lastingDay: 32 })
  assert.equal(findLasting(at(38, 39, 41), 10, 40), undefined, 'beyond the recording')
})

const recordedFrom = parseDay('2020-03-18')!
const recordedDays = 187
// A week of its own shape: Mondays high, weekends at a third. 31 August is a Monday and a holiday.
const week = [0.4, 1.9, 1.1, 1.1, 1, 1, 0.5]

function writeTriage(): { path: string; sums: Map<string, (number | null)[]> } {
  const chance = createChance(4)
  const sums = new Map<string, (number | null)[]>()
  const rows = ['site_type,date,ccg_code,nhs_region,count']
  for (const region of ['North', 'South']) {
    const sum: (number | null)[] = []
    for (let at = 0; at < recordedDays; at++) {
      const day = recordedFrom + at
      // North rises by half from 10 August on, South never does.
      const lift = region === 'North' && formatDay(day) >= '2020-08-10' ? 1.5 : 1
      const isOff = englandHolidays.some(one => one.fromDay === formatDay(day))
      const factor = isOff ? week[0]! : week[(day + 4) % 7]!
      const parts = ['A', 'B'].map(code => ({ code, count: chance.negativeBinomial(150 * factor * lift, 400) }))
      for (const { code, count } of parts) rows.push(`111,${formatDay(day)},${region}${code},${region},${count}`)
      sum.push(parts.reduce((total, part) => total + part.count, 0))
    }
    sums.set(region, sum)
  }
  rows.push('111,not-a-day,NorthA,North,5')
  const path = join(folder, 'triage.csv')
  writeFileSync(path, `${rows.join('\n')}\n`)
  return { path, sums }
}

type Sums = ReadonlyMap<string, (number | null)[]>

/** Alarm days of a region by the detector called directly. */
function listAlarmDays(counts: (number | null)[], method: 'C1' | 'C2' | 'C3', isCorrected: boolean): string[] {
  const judged = isCorrected ? adjustForCalendar(counts, recordedFrom, buildCalendar(englandHolidays)) : counts
  const first = parseDay('2020-04-15')! - recordedFrom
  const points = assessEars(judged, { first, last: counts.length - 1 }, { method, minSigma: 0.5 })
  assert.ok(Array.isArray(points))
  return points.flatMap((point, at) => (point.alarm === true ? [formatDay(recordedFrom + first + at)] : []))
}

function checkTriage(lines: readonly string[], sums: Sums): void {
  for (const method of ['C1', 'C2', 'C3'] as const)
    for (const version of ['plain', 'corrected'] as const)
      for (const [region, counts] of sums) {
        const line = lines.find(one => one.startsWith(`  ${method} ${version} ${region}: first lasting `))
        assert.ok(line, `${method} ${version} ${region}`)
        const alarms = listAlarmDays(counts, method, version === 'corrected')
        const rise = alarms.filter(day => day >= '2020-08-01')
        const third = rise.find((day, at) => at >= 2 && parseDay(day)! - parseDay(rise[at - 2]!)! < 7)
        assert.equal(/first lasting (\S+?)[ ;]/.exec(line)?.[1], third ?? 'none', line)
        const quiet = alarms.filter(day => day <= '2020-07-31')
        assert.ok(line.includes(`alerts a week ${(quiet.length / (108 / 7)).toFixed(2)} [`), line)
        const weeks = /\[([\d ]+)\]/.exec(line)![1]!.split(' ').map(Number)
        assert.equal(weeks.length, 16)
        assert.equal(
          weeks.reduce((sum, one) => sum + one, 0),
          quiet.length,
        )
      }
}

test('EVAL-23 triage: the corrected detector finds a rise that the week hides, is silent without one, and has no opinion early', async () => {
  const { path, sums } = writeTriage()
  const recording = await readTriage(path)
  assert.equal(recording.unread.length, 1)
  const regions = sumByRegion(recording)
  assert.deepEqual(new Map(regions.map(region => [region.name, region.counts])), sums)
  const lines = describeTriage(regions, await askAnalyst(askTriage(regions)))
  checkTriage(lines, sums)
  assert.ok(lines.some(line => /2020-03-18 to 2020-04-14: no opinion/.test(line)))
  const find = (start: string) => lines.find(line => line.startsWith(start))!
  assert.match(find('  C2 corrected North'), /first lasting 2020-08-1[0-9]/)
  assert.match(find('  C2 plain North'), /first lasting none/)
  assert.match(find('  C2 corrected South'), /first lasting none/)
  assert.match(find('  regions in alarm on the bank holiday 2020-08-31'), /of 2$/)
  assert.deepEqual(describeTriage([], new Map()), [])
})

function writeMonthly(): string {
  const chance = createChance(9)
  const rows = ['disease,disease_zh,adcode,month,cases,deaths']
  for (const [disease, zh, from] of [
    ['Pertussis', '百日咳', '2004-01'],
    ['Hand foot and mouth disease', '手足口病', '2008-05'],
  ] as const)
    for (let month = parseMonth('2004-01')!; month <= parseMonth('2019-12')!; month++) {
      // Before it was notifiable a few cases are listed all the same; they are no history.
      const mean = month < parseMonth(from)! ? 2 : 60
      let total = 0
      for (const adcode of ['110000', '310000', '540000']) {
        // Tibet reports no row at all; Beijing has its outbreak in June 2016.
        if (adcode === '540000') continue
        const lift = adcode === '110000' && month === parseMonth('2016-06')! ? 4 : 1
        const cases = chance.negativeBinomial(mean * lift, 60)
        total += cases
        rows.push(`${disease},${zh},${adcode},${formatMonth(month)},${cases},0`)
      }
      if (month === parseMonth('2012-03')) rows.push(`${disease},${zh},540000,${formatMonth(month)},,0`)
      rows.push(`${disease},${zh},100000,${formatMonth(month)},${total},0`)
    }
  rows.push('Pertussis,百日咳,110000,2016-13,5,0', 'Pertussis,百日咳,110000,2016-05,-5,0')
  const path = join(folder, monthlyPath)
  mkdirSync(join(folder, 'notifiable'), { recursive: true })
  writeFileSync(path, gzipSync(`${rows.join('\n')}\n`))
  return path
}

test('EVAL-24 monthly: the planted month is the first alarm of its province, the nation is a line of its own, gaps that the total explains are zero', async () => {
  writeMonthly()
  const monthly = (await findMonthly(folder))!
  assert.equal(monthly.unread.length, 2)
  assert.equal(monthly.absent, 2)
  const pertussis = monthly.diseases.get('Pertussis')!
  assert.deepEqual([...pertussis.byPlace.keys()].sort(), ['100000', '110000', '310000'])
  const lines = describeMonthly(monthly, await askAnalyst(askMonthly(monthly)))
  const start = lines.findIndex(line => line.includes('手足口病'))
  const find = (part: readonly string[], adcode: string) => part.find(line => line.startsWith(`  ${adcode} `))!
  const [first, second] = [lines.slice(0, start), lines.slice(start)]
  for (const part of [first, second]) {
    assert.ok(find(part, '110000').includes('2016-06'), find(part, '110000'))
    assert.ok(!find(part, '310000').includes('2016-06'))
    assert.match(find(part, '100000'), /全国 nation: .*2016-06/)
  }
  assert.match(find(first, '110000'), / of 72 \(0\)$/)
  // May 2013 is the first month with five notifiable years before it.
  assert.match(second[0]!, /2013-05 to 2019-12/)
  assert.match(find(second, '110000'), / of 80 \(0\)$/)
  const gap = join(folder, 'gap.csv')
  writeFileSync(
    gap,
    [
      'disease,disease_zh,adcode,month,cases,deaths',
      'Pertussis,百日咳,100000,2014-01,9,0',
      'Pertussis,百日咳,110000,2014-01,9,0',
      'Pertussis,百日咳,100000,2014-02,9,0',
      'Pertussis,百日咳,110000,2014-02,4,0',
      'Pertussis,百日咳,310000,2014-03,4,0',
    ].join('\n'),
  )
  const held = (await readMonthly(gap)).diseases.get('Pertussis')!
  // January adds up without Shanghai; February does not; March has no total.
  assert.deepEqual(held.byPlace.get('310000'), [0, null, 4])
  assert.deepEqual(held.byPlace.get('110000'), [9, 4, null])
  assert.equal(held.impliedZeros, 1)
})

test('EVAL-25 a folder with the monthly file alone is answered without starting a city', () => {
  writeMonthly()
  const ran = spawnSync(process.execPath, ['simulations/replay.ts', '--data', folder], { cwd: root, encoding: 'utf8' })
  assert.equal(ran.status, 0, ran.stderr)
  assert.equal(ran.stdout.match(/: no data$/gm)?.length, 3)
  assert.match(ran.stdout, /百日咳 Pertussis by month 2014-01 to 2019-12/)
  assert.ok(!ran.stderr.includes('starting'))
})

test('EVAL-26 the shared triage recording: every printed date is that of the detector on the rows', async context => {
  const path = join(shared, 'syndromic/nhs_111_triage_2020.csv.gz')
  if (!existsSync(path)) {
    context.diagnostic('no data')
    return
  }
  const sums = new Map<string, (number | null)[]>()
  for (const row of gunzipSync(readFileSync(path)).toString().trim().split('\n').slice(1)) {
    const [, day, , region, count] = row.split(',')
    const sum = sums.get(region!) ?? new Array<number | null>(recordedDays).fill(null)
    sums.set(region!, sum)
    const at = parseDay(day!)! - recordedFrom
    sum[at] = (sum[at] ?? 0) + Number(count)
  }
  assert.equal(sums.size, 7)
  const regions = sumByRegion(await readTriage(path))
  const lines = describeTriage(regions, await askAnalyst(askTriage(regions)))
  checkTriage(lines, sums)
  for (const line of lines.filter(one => /^ {2}C2 (plain|corrected) /.test(one))) context.diagnostic(line.trim())
})

test('EVAL-27 the shared monthly series: first alarms of every place are those of the detector on the rows', async context => {
  const monthly = await findMonthly(shared)
  if (!monthly) {
    context.diagnostic('no data')
    return
  }
  const rows = gunzipSync(readFileSync(join(shared, monthlyPath)))
    .toString()
    .trim()
    .split('\n')
    .slice(1)
    .map(row => row.split(','))
  const lines = describeMonthly(monthly, await askAnalyst(askMonthly(monthly)))
  const start = lines.findIndex(line => line.includes('手足口病'))
  for (const [disease, from, until, own] of [
    ['Pertussis', '2004-01', '2014-01', lines.slice(0, start)],
    ['Hand foot and mouth disease', '2008-05', '2013-05', lines.slice(start)],
  ] as const) {
    const byPlace = new Map<string, number[]>()
    const months = parseMonth('2019-12')! - parseMonth(from)! + 1
    for (const [name, , adcode, month, cases] of rows) {
      const at = parseMonth(month!)! - parseMonth(from)!
      if (name !== disease || cases === '' || at < 0) continue
      // The provinces add up to the nation in every month of this file, so a missing row is a zero.
      const counts = byPlace.get(adcode!) ?? new Array<number>(months).fill(0)
      byPlace.set(adcode!, counts)
      counts[at] = Number(cases)
    }
    assert.equal(byPlace.size, 32)
    for (const [adcode, counts] of byPlace) {
      const first = parseMonth(until)! - parseMonth(from)!
      const points = assessFarringtonFlexible(
        { counts, frequency: 12 },
        { first, last: months - 1 },
        { b: 5, w: 1, noPeriods: 4, pastWeeksNotIncluded: 6, alpha: 0.005, limit54: [5, 1] },
      )
      assert.ok(Array.isArray(points))
      const alarms = points.flatMap((point, at) => (point.alarm ? [formatMonth(parseMonth(until)! + at)] : []))
      const line = own.find(one => one.startsWith(`  ${adcode} `))!
      assert.ok(line.includes(`: ${alarms.length > 0 ? alarms.slice(0, 3).join(', ') : 'none'};`), line)
      assert.ok(line.includes(`; ${alarms.length} of `), line)
      if (adcode === '100000') context.diagnostic(line.trim())
    }
  }
})
