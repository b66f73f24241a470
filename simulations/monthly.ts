// Notifiable diseases by month and province, read as published. They never go through the door: a month is no period of a live
// series; the analyst is asked about them. Absence stays absence, except where the published national total says zero.
// @source data/README.md: `disease,disease_zh,adcode,month,cases,deaths`; adcode 100000 is the national total
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readRows, type Unread } from './recordings.ts'

/** The national total among the places. */
export const nationCode = '100000'
/** Where the file lies in a folder of recordings. */
export const monthlyPath = 'notifiable/cn_monthly_2004_2019.csv.gz'
/** Months of a recording at most: a century. */
const monthsMax = 1_200

export type Disease = {
  nameZh: string
  /** Cases by place and month from `firstMonth` on; null is absence. */
  byPlace: Map<string, (number | null)[]>
  /** Absent months of a province taken for zero, because the provinces present add up to the national total. */
  impliedZeros: number
}

/** `firstMonth` counts months from year 0: 12 × year + month - 1. `absent` counts rows that name no count: absence, not zero. */
export type Monthly = {
  file: string
  rows: number
  absent: number
  unread: Unread[]
  firstMonth: number
  diseases: Map<string, Disease>
}

/** `YYYY-MM` as a month index; undefined when it is none. */
export function parseMonth(text: string): number | undefined {
  const found = /^((?:19|20)\d\d)-(0[1-9]|1[0-2])$/.exec(text)
  return found ? Number(found[1]) * 12 + Number(found[2]) - 1 : undefined
}

/** A month index as `YYYY-MM`. */
export function formatMonth(month: number): string {
  return `${Math.floor(month / 12)}-${String((month % 12) + 1).padStart(2, '0')}`
}

/**
 * Reads the monthly file. A row without a readable month, place or count is named in `unread`; a place that reports a month twice
 * counts with its last word.
 */
export async function readMonthly(file: string): Promise<Monthly> {
  const unread: Unread[] = []
  const told: { disease: string; adcode: string; month: number; cases: number }[] = []
  const names = new Map<string, string>()
  let rows = 0
  let absent = 0
  for await (const { row, line } of readRows(file)) {
    rows++
    const month = parseMonth(row.month ?? '')
    const cases = Number(row.cases)
    if (month === undefined || !/^\d{6}$/.test(row.adcode ?? '') || !row.disease) {
      unread.push({ line, why: month === undefined ? 'month' : 'adcode or disease' })
      continue
    }
    if (!row.cases) {
      absent++
      continue
    }
    if (!Number.isInteger(cases) || cases < 0) {
      unread.push({ line, why: 'cases' })
      continue
    }
    names.set(row.disease, row.disease_zh ?? '')
    told.push({ disease: row.disease, adcode: row.adcode!, month, cases })
  }
  const firstMonth = told.reduce((least, one) => Math.min(least, one.month), Number.POSITIVE_INFINITY)
  const lastMonth = told.reduce((most, one) => Math.max(most, one.month), Number.NEGATIVE_INFINITY)
  const length = told.length === 0 ? 0 : Math.min(lastMonth - firstMonth + 1, monthsMax)
  const diseases = new Map<string, Disease>()
  for (const { disease, adcode, month, cases } of told) {
    const held = diseases.get(disease) ?? { nameZh: names.get(disease)!, byPlace: new Map(), impliedZeros: 0 }
    diseases.set(disease, held)
    const counts = held.byPlace.get(adcode) ?? new Array<number | null>(length).fill(null)
    held.byPlace.set(adcode, counts)
    if (month - firstMonth < length) counts[month - firstMonth] = cases
  }
  for (const disease of diseases.values()) disease.impliedZeros = fillImpliedZeros(disease)
  return { file, rows, absent, unread, firstMonth: told.length === 0 ? 0 : firstMonth, diseases }
}

/** A province without a row had no case when the others already add up to the national total. Returns how many it filled. */
function fillImpliedZeros(disease: Disease): number {
  const nation = disease.byPlace.get(nationCode)
  if (!nation) return 0
  const provinces = [...disease.byPlace].filter(([adcode]) => adcode !== nationCode).map(([, counts]) => counts)
  let filled = 0
  nation.forEach((total, at) => {
    if (total === null || provinces.reduce((sum, counts) => sum + (counts[at] ?? 0), 0) !== total) return
    for (const counts of provinces)
      if (counts[at] === null) {
        counts[at] = 0
        filled++
      }
  })
  return filled
}

/** Reads the monthly file of a folder of recordings; undefined when it is not there. */
export async function findMonthly(folder: string): Promise<Monthly | undefined> {
  const file = join(folder, monthlyPath)
  return existsSync(file) ? await readMonthly(file) : undefined
}
