/**
 * CSV: how a table leaves the house as text, for both ends. RFC 4180 with a UTF-8 byte order mark, because the spreadsheets
 * our readers use guess the encoding otherwise; cells that a spreadsheet would run as a formula are neutralised.
 */

/** Rows of one file at most: what the spreadsheets in use can open. */
export const csvRowsMax = 1_000_000

export type CsvCell = string | number | boolean | null | undefined

/**
 * One cell. A text that begins like a formula gets an apostrophe before it, also behind blanks; numbers stay numbers, negative ones too.
 * @source OWASP CSV injection: = + - @ TAB CR at the start, and their full-width forms
 */
export function formatCsvCell(cell: CsvCell): string {
  if (cell === null || cell === undefined) return ''
  if (typeof cell === 'number') return Number.isFinite(cell) ? String(cell) : ''
  if (typeof cell === 'boolean') return cell ? '1' : '0'
  const safe = /^\s*[=+\-@\t\r|%＝＋－＠]/.test(cell) ? `'${cell}` : cell
  return /[",\r\n]/.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** A whole file: byte order mark, lines ended by CR LF. */
export function formatCsv(rows: readonly (readonly CsvCell[])[]): string {
  if (rows.length > csvRowsMax) throw new RangeError(`a table has at most ${csvRowsMax} rows`)
  return `\uFEFF${rows.map(row => `${row.map(formatCsvCell).join(',')}\r\n`).join('')}`
}
