/**
 * Default calendar: holidays and 调休 working days of mainland China 2019-2027, published as `calendar.published` at the first
 * start and replaced by the city's own. Written down from the yearly notices of the State Council's General Office as commonly
 * known, not copied from the official site: every year is to be reviewed by a partner before production use.
 */
import type { CalendarMark, CalendarSpan } from '#contract/calendar.ts'

const review = '待合作单位复核 to be reviewed by a partner'

type Row = readonly [from: string, until: string, mark: CalendarMark, name: string]

/** One notice: its number and its days, months and days alone; a span may begin in the year before. */
function expandNotice(basis: string, rows: readonly Row[]): CalendarSpan[] {
  return rows.map(([fromDay, untilDay, mark, name]) => ({
    fromDay,
    untilDay,
    mark,
    name,
    basis: `${basis};${review}`,
  }))
}

const rest = (from: string, until: string, name: string): Row => [from, until, 'public-holiday', name]
const festival = (from: string, until: string): Row => [from, until, 'spring-festival', '春节']
const work = (...days: string[]): Row[] => days.map(day => [day, day, 'adjusted-working-day', '调休上班'])

const holidays: CalendarSpan[] = [
  ...expandNotice('国办发明电〔2018〕15号;劳动节按国办发明电〔2019〕3号', [
    rest('2018-12-30', '2019-01-01', '元旦'),
    festival('2019-02-04', '2019-02-10'),
    rest('2019-04-05', '2019-04-07', '清明节'),
    rest('2019-05-01', '2019-05-04', '劳动节'),
    rest('2019-06-07', '2019-06-09', '端午节'),
    rest('2019-09-13', '2019-09-15', '中秋节'),
    rest('2019-10-01', '2019-10-07', '国庆节'),
    ...work('2018-12-29', '2019-02-02', '2019-02-03', '2019-04-28', '2019-05-05', '2019-09-29', '2019-10-12'),
  ]),
  // 2 February: the notice of 26 January 2020 made the holiday three days longer; many regions resumed work later still.
  ...expandNotice('国办发明电〔2019〕16号;春节按国办发明电〔2020〕1号延长', [
    rest('2020-01-01', '2020-01-01', '元旦'),
    festival('2020-01-24', '2020-02-02'),
    rest('2020-04-04', '2020-04-06', '清明节'),
    rest('2020-05-01', '2020-05-05', '劳动节'),
    rest('2020-06-25', '2020-06-27', '端午节'),
    rest('2020-10-01', '2020-10-08', '国庆节、中秋节'),
    ...work('2020-01-19', '2020-04-26', '2020-05-09', '2020-06-28', '2020-09-27', '2020-10-10'),
  ]),
  ...expandNotice('国办发明电〔2020〕27号', [
    rest('2021-01-01', '2021-01-03', '元旦'),
    festival('2021-02-11', '2021-02-17'),
    rest('2021-04-03', '2021-04-05', '清明节'),
    rest('2021-05-01', '2021-05-05', '劳动节'),
    rest('2021-06-12', '2021-06-14', '端午节'),
    rest('2021-09-19', '2021-09-21', '中秋节'),
    rest('2021-10-01', '2021-10-07', '国庆节'),
    ...work('2021-02-07', '2021-02-20', '2021-04-25', '2021-05-08', '2021-09-18', '2021-09-26', '2021-10-09'),
  ]),
  ...expandNotice('国办发明电〔2021〕11号', [
    rest('2022-01-01', '2022-01-03', '元旦'),
    festival('2022-01-31', '2022-02-06'),
    rest('2022-04-03', '2022-04-05', '清明节'),
    rest('2022-04-30', '2022-05-04', '劳动节'),
    rest('2022-06-03', '2022-06-05', '端午节'),
    rest('2022-09-10', '2022-09-12', '中秋节'),
    rest('2022-10-01', '2022-10-07', '国庆节'),
    ...work('2022-01-29', '2022-01-30', '2022-04-02', '2022-04-24', '2022-05-07', '2022-10-08', '2022-10-09'),
  ]),
  ...expandNotice('国办发明电〔2022〕16号', [
    rest('2022-12-31', '2023-01-02', '元旦'),
    festival('2023-01-21', '2023-01-27'),
    rest('2023-04-05', '2023-04-05', '清明节'),
    rest('2023-04-29', '2023-05-03', '劳动节'),
    rest('2023-06-22', '2023-06-24', '端午节'),
    rest('2023-09-29', '2023-10-06', '中秋节、国庆节'),
    ...work('2023-01-28', '2023-01-29', '2023-04-23', '2023-05-06', '2023-06-25', '2023-10-07', '2023-10-08'),
  ]),
  ...expandNotice('国办发明电〔2023〕7号', [
    rest('2024-01-01', '2024-01-01', '元旦'),
    festival('2024-02-10', '2024-02-17'),
    rest('2024-04-04', '2024-04-06', '清明节'),
    rest('2024-05-01', '2024-05-05', '劳动节'),
    rest('2024-06-10', '2024-06-10', '端午节'),
    rest('2024-09-15', '2024-09-17', '中秋节'),
    rest('2024-10-01', '2024-10-07', '国庆节'),
    ...work(
      '2024-02-04',
      '2024-02-18',
      '2024-04-07',
      '2024-04-28',
      '2024-05-11',
      '2024-09-14',
      '2024-09-29',
      '2024-10-12',
    ),
  ]),
  ...expandNotice('国办发明电〔2024〕12号', [
    rest('2025-01-01', '2025-01-01', '元旦'),
    festival('2025-01-28', '2025-02-04'),
    rest('2025-04-04', '2025-04-06', '清明节'),
    rest('2025-05-01', '2025-05-05', '劳动节'),
    rest('2025-05-31', '2025-06-02', '端午节'),
    rest('2025-10-01', '2025-10-08', '国庆节、中秋节'),
    ...work('2025-01-26', '2025-02-08', '2025-04-27', '2025-09-28', '2025-10-11'),
  ]),
  ...expandNotice('国办发明电〔2025〕7号', [
    rest('2026-01-01', '2026-01-03', '元旦'),
    festival('2026-02-15', '2026-02-23'),
    rest('2026-04-04', '2026-04-06', '清明节'),
    rest('2026-05-01', '2026-05-05', '劳动节'),
    rest('2026-06-19', '2026-06-21', '端午节'),
    rest('2026-09-25', '2026-09-27', '中秋节'),
    rest('2026-10-01', '2026-10-07', '国庆节'),
    ...work('2026-01-04', '2026-02-14', '2026-02-28', '2026-05-09', '2026-09-20', '2026-10-10'),
  ]),
  // No notice known: the statutory days alone (除夕 to 初三 and so on, regulation of November 2024), by the lunar calendar.
  ...expandNotice('全国年节及纪念日放假办法(2025-01-01 起施行)法定日,按农历推算;调休安排未知,按平日', [
    rest('2027-01-01', '2027-01-01', '元旦'),
    festival('2027-02-05', '2027-02-08'),
    rest('2027-04-05', '2027-04-05', '清明节'),
    rest('2027-05-01', '2027-05-02', '劳动节'),
    rest('2027-06-09', '2027-06-09', '端午节'),
    rest('2027-09-15', '2027-09-15', '中秋节'),
    rest('2027-10-01', '2027-10-03', '国庆节'),
  ]),
]

/** First day of the lunar year (初一); a test holds them against the Chinese calendar of the Unicode tables. */
export const lunarNewYears = [
  '2019-02-05',
  '2020-01-25',
  '2021-02-12',
  '2022-02-01',
  '2023-01-22',
  '2024-02-10',
  '2025-01-29',
  '2026-02-17',
  '2027-02-06',
] as const

function shiftDay(day: string, by: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + by * 86_400_000).toISOString().slice(0, 10)
}

/**
 * Vacations differ by province and grade. Only the core that is vacation practically everywhere stands here: ten days either side
 * of 初一, and 10 July to 25 August. A city publishes its own dates.
 */
const vacations: CalendarSpan[] = lunarNewYears.flatMap(newYear => {
  const year = newYear.slice(0, 4)
  const basis = `估计:各地寒暑假的共同部分,非官方日期;${review}`
  return [
    { fromDay: shiftDay(newYear, -10), untilDay: shiftDay(newYear, 10), mark: 'school-vacation', name: '寒假', basis },
    { fromDay: `${year}-07-10`, untilDay: `${year}-08-25`, mark: 'school-vacation', name: '暑假', basis },
  ] as const
})

/** The default calendar, in full; later spans stand over earlier ones. */
export const defaultCalendar: readonly CalendarSpan[] = [...vacations, ...holidays]
