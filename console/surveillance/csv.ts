/**
 * Tables as CSV files for a spreadsheet: UTF-8 with its mark, so that Chinese opens right, and no cell that a spreadsheet
 * would take for a formula.
 */

/** Writes one cell: quoted where needed; a leading = + - @ tab or return is text, said so by an apostrophe. */
export function writeCell(value: string): string {
  const safe = /^[=+\-@\t\r]/.test(value) && !/^-?\d+(\.\d+)?$/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** A table as the text of a CSV file. @source RFC 4180 */
export function writeCsv(rows: readonly (readonly string[])[]): string {
  return `\ufeff${rows.map(row => row.map(writeCell).join(',')).join('\r\n')}\r\n`
}

/** Hands a table to the browser as a file. */
export function downloadCsv(name: string, rows: readonly (readonly string[])[]): void {
  const url = URL.createObjectURL(new Blob([writeCsv(rows)], { type: 'text/csv;charset=utf-8' }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 1_000)
}
