/**
 * Gazetteer: reads `gazetteer.ndjson` of the region pack, line by line, or says which line is wrong and why. Stands before the
 * index; runs in the address thread. Promises: all or nothing: a file with a bad line is refused whole, so that nobody searches
 * half a city.
 */
import { createReadStream, existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { GazetteerHead, GazetteerRow, gazetteerLineMax, gazetteerRowsMax } from '#contract/address.ts'
import { type Reject, reject } from '#contract/errors.ts'

export const gazetteerFile = 'gazetteer.ndjson'

export type Gazetteer = { head: GazetteerHead; rows: GazetteerRow[] }

function refuse(line: number, why: string): { refused: Reject } {
  return { refused: reject('GAZETTEER_INVALID', { line, why: why.slice(0, 200) }) }
}

function parseLine(text: string): { value: unknown } | { why: string } {
  if (text.length > gazetteerLineMax) return { why: `longer than ${gazetteerLineMax} characters / 行过长` }
  try {
    return { value: JSON.parse(text) }
  } catch {
    return { why: 'not JSON / 不是 JSON' }
  }
}

/** Reads lines (without line ends); the first is the head. */
export async function parseGazetteer(
  lines: AsyncIterable<string> | Iterable<string>,
): Promise<Gazetteer | { refused: Reject }> {
  let head: GazetteerHead | undefined
  const rows: GazetteerRow[] = []
  const seen = new Set<string>()
  let no = 0
  for await (const text of lines) {
    no++
    if (text.trim() === '') continue
    const line = parseLine(no === 1 && text.startsWith('\ufeff') ? text.slice(1) : text)
    if ('why' in line) return refuse(no, line.why)
    const shape = head === undefined ? GazetteerHead.safeParse(line.value) : GazetteerRow.safeParse(line.value)
    if (!shape.success) {
      const issue = shape.error.issues[0]
      return refuse(no, `${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim())
    }
    if (head === undefined) {
      head = shape.data as GazetteerHead
      continue
    }
    const row = shape.data as GazetteerRow
    if (seen.has(row.id)) return refuse(no, `id ${row.id} twice / id 重复`)
    if (rows.length >= gazetteerRowsMax) return refuse(no, `more than ${gazetteerRowsMax} rows / 行数过多`)
    if (row.posts?.some((post, at) => at > 0 && post[0] <= row.posts![at - 1]![0]))
      return refuse(no, 'posts do not rise / 桩号未递增')
    seen.add(row.id)
    rows.push(row)
  }
  return head ? { head, rows } : refuse(1, 'no head line / 缺少首行')
}

/** Reads the gazetteer of a region pack; undefined when the pack has none. */
export async function readGazetteer(directory: string): Promise<Gazetteer | { refused: Reject } | undefined> {
  const path = join(directory, gazetteerFile)
  if (!existsSync(path)) return undefined
  return parseGazetteer(createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY }))
}
