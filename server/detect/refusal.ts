// Refusals of the detectors: what a published method answers when its input cannot be judged. Part of `detect/`, pure.
// A refusal is a value and never thrown; its code is stable, its two texts are for the duty screen.
// "No opinion" (missing counts) is not a refusal: it is a result whose fields are null.

/** A method's stable reason for not judging its input. */
export type RefusalCode =
  | 'SERIES_TOO_SHORT'
  | 'REFERENCE_MISSING'
  | 'PERIODS_TOO_MANY'
  | 'RANGE_INVALID'
  | 'OPTION_INVALID'
  | 'VALUE_INVALID'
  | 'NO_CASES'
  | 'LOCATION_UNKNOWN'

export type Refusal = { readonly code: RefusalCode; readonly zh: string; readonly en: string }

/** Makes a refusal from its code and its two texts. */
export function refuse(code: RefusalCode, zh: string, en: string): Refusal {
  return { code, zh, en }
}

/** Tells a refusal from a result. */
export function isRefusal(answer: unknown): answer is Refusal {
  return typeof answer === 'object' && answer !== null && 'code' in answer && 'zh' in answer && 'en' in answer
}

/** First and last judged position of a series, 0-based and inclusive. */
export type SeriesRange = { readonly first: number; readonly last: number }

/** Refuses a range that is empty or leaves the series; undefined when it is sound. */
export function findRangeRefusal(range: SeriesRange, length: number): Refusal | undefined {
  const sound =
    Number.isInteger(range.first) &&
    Number.isInteger(range.last) &&
    range.first >= 0 &&
    range.first <= range.last &&
    range.last < length
  return sound ? undefined : refuse('RANGE_INVALID', '检测范围超出序列', 'The range leaves the series')
}

/** Refuses a series that holds anything but finite counts >= 0 and nulls; undefined when it is sound. */
export function findValueRefusal(values: ArrayLike<number | null>): Refusal | undefined {
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (value === null) continue
    if (typeof value !== 'number' || !(value >= 0) || value > COUNT_MAX)
      return refuse('VALUE_INVALID', '计数必须是非负的有限数', 'A count must be a finite number of at least zero')
  }
  return undefined
}

/** Largest count a detector accepts: more people than live (1e10), and far from where sums of squares lose digits. */
export const COUNT_MAX = 1e10

/** Replaces what JSON and screens cannot hold (NaN, infinities) by null. */
export function toFinite(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
