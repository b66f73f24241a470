/** Hands a table to the browser as a CSV file, as the contract writes one. */
import { type CsvCell, formatCsv } from '#contract/csv.ts'

/** Starts the download of a table under a name. */
export function downloadCsv(name: string, rows: readonly (readonly CsvCell[])[]): void {
  const url = URL.createObjectURL(new Blob([formatCsv(rows)], { type: 'text/csv;charset=utf-8' }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 1_000)
}
