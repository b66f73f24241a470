// What detectors think of the recordings, beside what the played city raised: questions for the analyst and the report of its
// answers. Daily triage by region with and without the calendar; notifiable diseases by month, province and nation.
// It judges nothing itself and adds nothing up twice: the national total stands beside the provinces.
import type { CalendarSpan } from '#contract/calendar.ts'
import type { SeriesAnswer, SeriesQuestion } from '#contract/judging.ts'
import { formatDay, parseDay } from '#contract/scalars.ts'
import type { Monthly } from './monthly.ts'
import { formatMonth, nationCode, parseMonth } from './monthly.ts'
import type { Recording } from './recordings.ts'

/** @source gov.uk bank holidays, England and Wales 2020 */
export const englandHolidays: readonly CalendarSpan[] = [
  ['2020-01-01', "New Year's Day"],
  ['2020-04-10', 'Good Friday'],
  ['2020-04-13', 'Easter Monday'],
  ['2020-05-08', 'Early May bank holiday (VE day)'],
  ['2020-05-25', 'Spring bank holiday'],
  ['2020-08-31', 'Summer bank holiday'],
  ['2020-12-25', 'Christmas Day'],
  ['2020-12-28', 'Boxing Day (substitute day)'],
].map(([day, name]) => ({
  fromDay: day!,
  untilDay: day!,
  mark: 'public-holiday',
  name: name!,
  basis: 'gov.uk bank holidays, England and Wales',
}))

/** The recording begins inside the first wave: until here there is no baseline, so no opinion. */
const opinionFromDay = '2020-04-15'
/** Weeks that should be quiet, and the rise to be found. */
const quietFromDay = '2020-04-15'
const quietUntilDay = '2020-07-31'
const riseFromDay = '2020-08-01'
/** A lasting alert: alarms on three of seven days. */
const lastingAlarms = 3
const lastingDays = 7
const earsBaseline = 7
const earsMinSigma = 0.5
const methods = ['C1', 'C2', 'C3'] as const
const versions = ['plain', 'corrected'] as const

/** Daily counts of a region over all its facilities; null where nobody reported. */
export type RegionDays = { regionCode: string; name: string; firstDay: string; counts: (number | null)[] }

/** Sums what a triage recording says by region and day. A facility that reports a day twice counts with its last word. */
export function sumByRegion(recording: Recording): RegionDays[] {
  const byRegion = new Map<string, Map<number, Map<string, number>>>()
  let first = Number.POSITIVE_INFINITY
  let last = Number.NEGATIVE_INFINITY
  for (const { kind, body } of recording.sayings) {
    if (kind !== 'count.reported') continue
    const { regionCode, period, facilityId, count } = body as Record<string, unknown>
    const day = parseDay(String(period))
    if (day === undefined || typeof count !== 'number' || !Number.isInteger(count) || count < 0) continue
    first = Math.min(first, day)
    last = Math.max(last, day)
    const days = byRegion.get(String(regionCode)) ?? new Map<number, Map<string, number>>()
    byRegion.set(String(regionCode), days)
    const facilities = days.get(day) ?? new Map<string, number>()
    days.set(day, facilities)
    facilities.set(String(facilityId), count)
  }
  const nameOf = new Map(recording.regions.map(region => [region.code, region.nameEn]))
  return [...byRegion].map(([regionCode, days]) => ({
    regionCode,
    name: nameOf.get(regionCode) ?? regionCode,
    firstDay: formatDay(first),
    counts: Array.from({ length: last - first + 1 }, (_, at) => {
      const facilities = days.get(first + at)
      return facilities ? [...facilities.values()].reduce((sum, count) => sum + count, 0) : null
    }),
  }))
}

const nameTriage = (region: RegionDays, method: string, version: string): string =>
  `triage|${region.regionCode}|${method}|${version}`

/** Asks of every region's days what EARS says of each day from mid-April on, with and without the calendar. */
export function askTriage(regions: readonly RegionDays[]): SeriesQuestion[] {
  return regions.flatMap(region => {
    const first = parseDay(opinionFromDay)! - parseDay(region.firstDay)!
    if (first < 0 || first >= region.counts.length) return []
    return methods.flatMap(method =>
      versions.map(version => ({
        questionId: nameTriage(region, method, version),
        counts: region.counts,
        first,
        last: region.counts.length - 1,
        method: { type: 'ears' as const, method, baseline: earsBaseline, minSigma: earsMinSigma },
        ...(version === 'plain' ? {} : { calendar: { firstDay: region.firstDay, spans: [...englandHolidays] } }),
      })),
    )
  })
}

/** Alarm days of an answer, as day indexes; undefined when the analyst refused. */
function findAlarms(answer: SeriesAnswer | undefined, firstDay: number): Set<number> | undefined {
  if (!answer || !('opinions' in answer)) return undefined
  const alarms = new Set<number>()
  for (const [at, opinion] of answer.opinions.entries()) if (opinion.alarm === true) alarms.add(firstDay + at)
  return alarms
}

/**
 * The first lasting alert from a day on: the day of the third alarm within seven days, and the first of those alarms.
 * Undefined when there is none. Days before `fromDay` do not count.
 */
export function findLasting(
  alarms: ReadonlySet<number>,
  fromDay: number,
  untilDay: number,
): { firstDay: number; lastingDay: number } | undefined {
  for (let day = fromDay; day <= untilDay; day++) {
    const within: number[] = []
    for (let back = lastingDays - 1; back >= 0; back--)
      if (day - back >= fromDay && alarms.has(day - back)) within.push(day - back)
    if (within.length >= lastingAlarms) return { firstDay: within[0]!, lastingDay: day }
  }
  return undefined
}

/** The report of the triage answers, line by line; empty without a series that reaches the days asked about. */
export function describeTriage(regions: readonly RegionDays[], answers: ReadonlyMap<string, SeriesAnswer>): string[] {
  const own = regions.filter(region => answers.has(nameTriage(region, 'C2', 'plain')))
  if (own.length === 0) return []
  const [quietFrom, quietUntil] = [parseDay(quietFromDay)!, parseDay(quietUntilDay)!]
  const weeks = (quietUntil - quietFrom + 1) / 7
  const opinionFrom = parseDay(opinionFromDay)!
  const lines = [
    'triage by region, judged by the analyst on the recording itself (all facilities of a region, EARS with ' +
      `${earsBaseline} days, least sd ${earsMinSigma}); corrected = freed of weekdays and bank holidays as known on each day`,
    `  ${own[0]!.firstDay} to ${formatDay(opinionFrom - 1)}: no opinion (no baseline: the first wave is under way)`,
    `  lasting = third alarm within ${lastingDays} days, from ${riseFromDay} on (first of those alarms); ` +
      `alerts a week ${quietFromDay} to ${quietUntilDay}, then week by week`,
  ]
  for (const method of methods) {
    for (const version of versions) {
      let sum = 0
      for (const region of own) {
        const alarms = findAlarms(answers.get(nameTriage(region, method, version)), opinionFrom)
        if (!alarms) {
          lines.push(`  ${method} ${version} ${region.name}: refused`)
          continue
        }
        const until = parseDay(region.firstDay)! + region.counts.length - 1
        const lasting = findLasting(alarms, parseDay(riseFromDay)!, until)
        const byWeek = new Array<number>(Math.ceil(weeks)).fill(0)
        for (const day of alarms)
          if (day >= quietFrom && day <= quietUntil) byWeek[Math.floor((day - quietFrom) / 7)]!++
        const alerts = byWeek.reduce((total, one) => total + one, 0)
        sum += alerts
        const when = lasting ? `${formatDay(lasting.lastingDay)} (${formatDay(lasting.firstDay)})` : 'none'
        lines.push(
          `  ${method} ${version} ${region.name}: first lasting ${when}; alerts a week ${(alerts / weeks).toFixed(2)} [${byWeek.join(' ')}]`,
        )
      }
      lines.push(
        `  ${method} ${version} all ${own.length} regions: alerts a week and region ${(sum / weeks / own.length).toFixed(2)}`,
      )
    }
  }
  for (const { fromDay } of englandHolidays) {
    const day = parseDay(fromDay)!
    const isJudged = own.some(region => day >= opinionFrom && day < parseDay(region.firstDay)! + region.counts.length)
    if (!isJudged) continue
    const counted = methods.flatMap(method =>
      versions.map(version => {
        const hits = own.filter(region =>
          findAlarms(answers.get(nameTriage(region, method, version)), opinionFrom)?.has(day),
        )
        return `${method} ${version} ${hits.length}`
      }),
    )
    lines.push(`  regions in alarm on the bank holiday ${fromDay}: ${counted.join(', ')} of ${own.length}`)
  }
  return lines
}

// ── notifiable diseases by month ──────────────────────────────────────────────────────────────────────────────────

/** Years of history a month needs, half width of its season in months, season blocks: 3 months, then three blocks of 3. */
const years = 5
const halfWindow = 1
const periods = 4
/** Half a year before the judged month stays out of the baseline, as 26 weeks do. */
const pastMonthsLeftOut = 6
const alpha = 0.005

type Asked = { disease: string; notifiableFrom: string; judgedFrom: string; judgedUntil: string }

/** What is asked: five notifiable years lie before the first month judged. @source 手足口病 notifiable from 2 May 2008 */
const asked: readonly Asked[] = [
  { disease: 'Pertussis', notifiableFrom: '2004-01', judgedFrom: '2014-01', judgedUntil: '2019-12' },
  {
    disease: 'Hand foot and mouth disease',
    notifiableFrom: '2008-05',
    judgedFrom: '2013-05',
    judgedUntil: '2019-12',
  },
]

const nameMonthly = (disease: string, adcode: string): string => `monthly|${disease}|${adcode}`

/** Months before the disease was notifiable are no history: the series begins with the first notifiable month. */
export function askMonthly(monthly: Monthly): SeriesQuestion[] {
  return asked.flatMap(({ disease, notifiableFrom, judgedFrom, judgedUntil }) => {
    const from = parseMonth(notifiableFrom)!
    return [...(monthly.diseases.get(disease)?.byPlace ?? [])].flatMap(([adcode, place]) => {
      const skipped = from - monthly.firstMonth
      const counts = skipped >= 0 ? place.slice(skipped) : [...new Array<null>(-skipped).fill(null), ...place]
      const first = parseMonth(judgedFrom)! - from
      const last = Math.min(parseMonth(judgedUntil)! - from, counts.length - 1)
      if (last < first) return []
      return {
        questionId: nameMonthly(disease, adcode),
        counts,
        first,
        last,
        method: {
          type: 'farrington-flexible' as const,
          frequency: 12,
          years,
          halfWindow,
          periods,
          pastPointsLeftOut: pastMonthsLeftOut,
          alpha,
          leastCases: 5,
          leastCasesPoints: 1,
        },
      }
    })
  })
}

/** First month of the first run of two alarms in a row; undefined when alarms stand alone. */
function findRun(alarms: readonly number[]): number | undefined {
  return alarms.find((month, at) => alarms[at + 1] === month + 1)
}

/** The report of the monthly answers: one line a place, the nation first. */
export function describeMonthly(monthly: Monthly, answers: ReadonlyMap<string, SeriesAnswer>): string[] {
  const lines: string[] = []
  for (const { disease, notifiableFrom, judgedFrom, judgedUntil } of asked) {
    const held = monthly.diseases.get(disease)
    if (!held) {
      lines.push(`${disease}: no data`)
      continue
    }
    lines.push(
      `${held.nameZh} ${disease} by month ${judgedFrom} to ${judgedUntil}, judged by the analyst: Farrington flexible (nbPlugin), ` +
        `b ${years} years, alpha ${alpha}, w ${halfWindow}, ${periods} periods, ${pastMonthsLeftOut} months left out`,
      `  notifiable from ${notifiableFrom}; a month without ${years} notifiable years before it has no opinion; ${nationCode} is the national total, never added up`,
      `  place: first alarms; first run of two months; alarms of months judged (months without opinion)`,
    )
    const from = parseMonth(judgedFrom)!
    const places = [...held.byPlace.keys()].sort()
    for (const adcode of places) {
      const answer = answers.get(nameMonthly(disease, adcode))
      const name =
        `  ${adcode} ${adcode === nationCode ? '全国 nation' : (provinceNames[adcode.slice(0, 2)] ?? '')}`.trimEnd()
      if (!answer || !('opinions' in answer)) {
        lines.push(`${name}: ${answer && 'code' in answer ? `refused ${answer.code}` : 'no data'}`)
        continue
      }
      const alarms = answer.opinions.flatMap((opinion, at) => (opinion.alarm === true ? [from + at] : []))
      const judged = answer.opinions.filter(opinion => opinion.alarm !== null).length
      const run = findRun(alarms)
      lines.push(
        `${name}: ${alarms.length > 0 ? alarms.slice(0, 3).map(formatMonth).join(', ') : 'none'}; ` +
          `${run === undefined ? 'no run' : `run ${formatMonth(run)}`}; ${alarms.length} of ${judged} (${answer.opinions.length - judged})`,
      )
    }
    const zeros = held.impliedZeros
    const gaps = [...held.byPlace.values()].reduce((sum, months) => sum + months.filter(one => one === null).length, 0)
    lines.push(
      `  months without a row: ${zeros} taken for zero because the places present add up to the national total, ${gaps} left as absence`,
    )
  }
  return lines
}

/** Provinces by the first two digits of GB/T 2260. */
const provinceNames: Readonly<Record<string, string>> = {
  11: '北京',
  12: '天津',
  13: '河北',
  14: '山西',
  15: '内蒙古',
  21: '辽宁',
  22: '吉林',
  23: '黑龙江',
  31: '上海',
  32: '江苏',
  33: '浙江',
  34: '安徽',
  35: '福建',
  36: '江西',
  37: '山东',
  41: '河南',
  42: '湖北',
  43: '湖南',
  44: '广东',
  45: '广西',
  46: '海南',
  50: '重庆',
  51: '四川',
  52: '贵州',
  53: '云南',
  54: '西藏',
  61: '陕西',
  62: '甘肃',
  63: '青海',
  64: '宁夏',
  65: '新疆',
}
