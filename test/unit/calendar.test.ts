/**
 * Calendar: the default data against the Chinese calendar of the Unicode tables and against plain arithmetic; the fold; and
 * factors of weekday and holiday that know nothing later than the day they judge.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type BodyInputOf, getBodySchema } from '#contract/entry.ts'
import { formatDay, parseDay } from '#contract/scalars.ts'
import {
  adjustForCalendar,
  adjustUntil,
  buildCalendar,
  findDayFactor,
  getCalendar,
  getDayKind,
  getWeekday,
  isVacation,
  measureDayFactors,
} from '../../server/detect/calendar.ts'
import { defaultCalendar, lunarNewYears } from '../../server/detect/default-calendar.ts'
import { createFolding } from '../help/folding.ts'

const calendar = buildCalendar(defaultCalendar)
const day = (text: string) => parseDay(text)!
const lunar = new Intl.DateTimeFormat('en-u-ca-chinese', { month: 'numeric', day: 'numeric', timeZone: 'UTC' })
const lunarOf = (text: string) => lunar.format(new Date(`${text}T00:00:00Z`))
const plain = buildCalendar([])

test('CAL-1 every span of the default calendar is a valid span, runs forward and names its notice', () => {
  const spans = getBodySchema('calendar.published').parse({ version: 1, spans: defaultCalendar }).spans
  for (const { fromDay, untilDay, basis } of spans) {
    assert.ok(day(untilDay) >= day(fromDay), fromDay)
    assert.match(basis, /复核/)
  }
  for (let year = 2019; year <= 2027; year++)
    for (const name of ['元旦', '春节', '清明节', '劳动节', '端午节'])
      assert.ok(
        spans.some(s => s.name.includes(name) && s.untilDay.startsWith(String(year))),
        `${year} ${name}`,
      )
})

test('CAL-2 festivals stand where the lunar calendar of the Unicode tables has them', () => {
  for (const newYear of lunarNewYears) {
    // The new moon of 6 February 2027 falls at 23:56 in Beijing; the tables' approximation puts it past midnight.
    if (newYear !== '2027-02-06') assert.equal(lunarOf(newYear), '1/1', newYear)
    for (let n = 0; n < 3; n++) assert.equal(getDayKind(calendar, day(newYear) + n), 'spring-festival', newYear)
  }
  // 端午 5/5 and 中秋 8/15 of every year are holidays.
  for (let index = day('2019-01-01'); index <= day('2027-12-31'); index++) {
    const at = lunarOf(formatDay(index))
    if (at === '5/5' || at === '8/15')
      assert.match(getDayKind(calendar, index), /public-holiday/, `${formatDay(index)} is ${at}`)
  }
})

test('CAL-3 only Saturdays and Sundays are worked by 调休; statutory days are holidays in every year', () => {
  for (const { fromDay, untilDay, mark } of defaultCalendar)
    if (mark === 'adjusted-working-day') {
      assert.equal(fromDay, untilDay)
      assert.ok([0, 6].includes(getWeekday(day(fromDay))), fromDay)
      assert.equal(getDayKind(calendar, day(fromDay)), 'adjusted-working-day')
    }
  for (let year = 2019; year <= 2027; year++)
    for (const date of ['01-01', '05-01', '10-01', '10-02', '10-03'])
      assert.equal(getDayKind(calendar, day(`${year}-${date}`)), 'public-holiday', `${year}-${date}`)
  assert.equal(getDayKind(calendar, day('2026-11-20')), 'working-day')
  assert.equal(getDayKind(calendar, day('2026-11-21')), 'weekend')
  assert.ok(isVacation(calendar, day('2026-08-01')) && !isVacation(calendar, day('2026-11-01')))
})

test('CAL-4 a published calendar replaces the one held; an older version, a wrong day or a backward span does not', () => {
  const f = createFolding(0)
  const publish = (version: number, ...spans: [string, string][]) => {
    const body: BodyInputOf<'calendar.published'> = {
      version,
      spans: spans.map(([fromDay, untilDay]) => ({ fromDay, untilDay, mark: 'public-holiday', name: 'x', basis: 'x' })),
    }
    return f.say('calendar.published', body)
  }
  assert.equal(publish(2, ['2026-12-01', '2026-12-03']).result, 'done')
  const held = getCalendar(f.world.calendar)
  assert.equal(getDayKind(held, day('2026-12-02')), 'public-holiday')
  assert.equal(getCalendar(f.world.calendar), held, 'expanded once')
  assert.equal(publish(1).result, 'done')
  assert.equal(f.world.calendar.size, 1, 'an older version changes nothing')
  const code = (outcome: ReturnType<typeof publish>) => (outcome.result === 'refused' ? outcome.code : 'done')
  assert.equal(code(publish(3, ['2026-02-30', '2026-03-01'])), 'DAY_INVALID')
  assert.equal(code(publish(3, ['2026-03-02', '2026-03-01'])), 'CALENDAR_INVALID')
  assert.equal(code(publish(3, ['2026-01-01', '2026-12-31'])), 'CALENDAR_INVALID')
  assert.equal(f.world.city.calendarVersion, 2, 'what was refused changed nothing')
  assert.equal(publish(3, ['2027-01-01', '2027-01-01']).result, 'done')
  assert.equal(getDayKind(getCalendar(f.world.calendar), day('2026-12-02')), 'working-day')
})

/** A year of days from a Monday: level 100 on working days, 150 on Saturdays, 40 on Sundays and holidays. */
const firstDay = day('2025-06-02')
const weekly = (n: number, kinds = calendar) =>
  Array.from({ length: n }, (_, i) => {
    const kind = getDayKind(kinds, firstDay + i)
    if (kind === 'public-holiday' || kind === 'spring-festival') return 40
    if (kind === 'adjusted-working-day') return 100
    return getWeekday(firstDay + i) === 6 ? 150 : getWeekday(firstDay + i) === 0 ? 40 : 100
  })

test('CAL-5 a plain weekly pattern is levelled after three weeks, and the first weeks are left as they are', () => {
  const values = weekly(70, plain)
  const adjusted = adjustForCalendar(values, firstDay, plain)
  assert.deepEqual(adjusted.slice(0, 7), values.slice(0, 7), 'no history: factor 1')
  const mean = (5 * 100 + 150 + 40) / 7
  for (const value of adjusted.slice(35)) assert.ok(Math.abs(value! - mean) < 0.03 * mean, `${value} against ${mean}`)
})

test('CAL-6 a holiday is first like a Sunday, by its own class once seen; 调休 is a working day', () => {
  const values = weekly(300)
  const at = (text: string) => day(text) - firstDay
  const factorAt = (text: string) => adjustUntil(values, firstDay, at(text), calendar)!.factor
  const level = (5 * 100 + 150 + 40) / 7
  const near = (text: string, expected: number) =>
    assert.ok(Math.abs(factorAt(text) - expected / level) < 0.08, `${text}: ${factorAt(text)} for ${expected / level}`)
  near('2025-10-01', 40)
  near('2025-10-08', 40)
  near('2025-10-11', 100)
  near('2025-10-09', 100)
  near('2026-02-17', 40)
})

test('CAL-7 absence stays absence, zeros stay zeros, and no factor is ever zero, negative or not a number', () => {
  const Value = fc.oneof(fc.constant(null), fc.constant(0), fc.integer({ min: 0, max: 9 }), fc.constant(1_000_000))
  fc.assert(
    fc.property(fc.array(Value, { maxLength: 120 }), values => {
      const adjusted = adjustForCalendar(values, firstDay, calendar)
      assert.equal(adjusted.length, values.length)
      for (const [slot, value] of values.entries()) {
        if (value === null) assert.equal(adjusted[slot], null)
        else assert.ok(adjusted[slot] === null || (Number.isFinite(adjusted[slot]) && adjusted[slot]! >= 0))
        if (value === 0) assert.ok(adjusted[slot] === 0 || adjusted[slot] === null)
        const until = adjustUntil(values, firstDay, slot, calendar)
        if (until)
          assert.ok(until.factor > 0 && Number.isFinite(until.factor) && until.slot === until.values.length - 1)
      }
    }),
    { numRuns: 100 },
  )
})

test('CAL-8 no later knowledge: what comes on and after the judged day changes no factor of it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.option(fc.integer({ min: 0, max: 50 }), { nil: null }), { minLength: 30, maxLength: 120 }),
      fc.nat({ max: 29 }),
      fc.array(fc.option(fc.integer({ min: 0, max: 5_000 }), { nil: null }), { maxLength: 90 }),
      (values, slot, other) => {
        const perturbed = [...values.slice(0, slot + 1), ...other]
        assert.deepEqual(
          adjustUntil(perturbed, firstDay, slot, calendar),
          adjustUntil(values, firstDay, slot, calendar),
        )
        assert.deepEqual(
          adjustForCalendar(perturbed, firstDay, calendar).slice(0, slot + 1),
          adjustForCalendar(values, firstDay, calendar).slice(0, slot + 1),
        )
        const factors = measureDayFactors(values, firstDay, slot, calendar)
        const today = [...values]
        today[slot] = 4_000
        assert.deepEqual(measureDayFactors(today, firstDay, slot, calendar), factors, 'nor does the day itself')
      },
    ),
    { numRuns: 100 },
  )
})

test('CAL-9 days on which a source never speaks are closed, whether absent or reported as zero, and no gap in its history', () => {
  const isWeekend = (i: number) => [0, 6].includes(getWeekday(firstDay + i))
  for (const silence of [null, 0]) {
    const values = Array.from({ length: 64 }, (_, i) => (isWeekend(i) ? silence : 20))
    const sunday = 62
    assert.equal(getWeekday(firstDay + sunday), 0)
    assert.equal(adjustUntil(values, firstDay, sunday, plain), undefined, 'no opinion on a closed day')
    const monday = adjustUntil(values, firstDay, 63, plain)!
    assert.equal(monday.values.length, 46, '64 days hold nine weekends')
    for (const value of monday.values) assert.ok(Math.abs(value! * monday.factor - 20) < 0.2, `${value}`)
  }
})

test('CAL-10 one huge day, all zeros and two points move no factor beyond reason', () => {
  const values: (number | null)[] = weekly(70, plain)
  values[40] = 1_000_000
  const { byClass } = measureDayFactors(values, firstDay, 69, plain)
  for (const factor of byClass.slice(0, 7)) assert.ok(factor > 0.2 && factor < 2.5, `${[...byClass]}`)
  const zeros = measureDayFactors(new Array(64).fill(0), firstDay, 63, plain)
  assert.equal(findDayFactor(zeros, plain, firstDay + 63), 1)
  assert.deepEqual(adjustUntil([3, 4], firstDay, 1, plain), {
    values: [3, 4],
    days: [firstDay, firstDay + 1],
    slot: 1,
    factor: 1,
  })
  assert.equal(adjustUntil([3, 4], firstDay, 2, plain), undefined)
})
