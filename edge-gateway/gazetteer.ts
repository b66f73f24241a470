/**
 * Gazetteer importer: an operator's list of names (CSV) becomes `gazetteer.ndjson` of the region pack. Stands in the gateway because a
 * list may be in GCJ-02 or BD-09, and datums are converted here alone. Promises: the file is written whole or not at all; every
 * refused line is named with its reason in both languages; what is written has passed the contract's own shape.
 *
 *   npm run gazetteer -- names.csv --datum GCJ02 --version 2026-11 --name 某市 --source 某局 --licence 内部 --day 2026-11-21 --out PACK
 *
 * Columns (first line): id,kind,name,lon,lat and, if there, name_en,aliases,pinyin,region,weight,roads,code,posts.
 * Lists in a field are parted by `|`; posts are `metres lon lat` in rising order.
 */
import { createReadStream } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { parse } from 'csv-parse'
import { GazetteerHead, GazetteerRow, gazetteerFormat, gazetteerLineMax, gazetteerRowsMax } from '#contract/address.ts'
import { type Datum, datums, toWgs84 } from './datum.ts'

/** Bad lines told before the rest is only counted. */
const toldMax = 20

type Told = { line: number; why: string }
export type NameImport = { lines: string[]; refused: readonly Told[]; refusedCount: number }

const known = new Set('id kind name name_en aliases pinyin region lon lat weight roads code posts'.split(' '))

const split = (text: string | undefined): string[] | undefined => {
  const parts = (text ?? '').split('|').map(part => part.trim())
  const held = parts.filter(part => part !== '')
  return held.length === 0 ? undefined : held
}

const round = (value: number): number => Math.round(value * 1e6) / 1e6

/** Turns one record of the list into a row, or says why not. */
export function toGazetteerRow(record: Readonly<Record<string, string>>, datum: Datum): GazetteerRow | { why: string } {
  const at = toWgs84({ lon: Number(record.lon), lat: Number(record.lat) }, datum)
  const posts = split(record.posts)?.map(post => {
    const [metres, lon, lat] = post.split(/\s+/).map(Number)
    const place = toWgs84({ lon: lon ?? Number.NaN, lat: lat ?? Number.NaN }, datum)
    return [metres, round(place.lon), round(place.lat)]
  })
  const aliases = split(record.aliases)
  const roads = split(record.roads)
  const pinyin = record.pinyin?.trim() ? record.pinyin.trim().toLowerCase().split(/\s+/) : undefined
  const text = (field: string, name: string) => (record[name]?.trim() ? { [field]: record[name].trim() } : {})
  const shape = GazetteerRow.safeParse({
    id: record.id?.trim(),
    kind: record.kind?.trim(),
    name: record.name?.trim().normalize('NFC'),
    ...text('nameEn', 'name_en'),
    ...(aliases ? { aliases } : {}),
    ...(pinyin ? { pinyin } : {}),
    ...text('regionCode', 'region'),
    lon: round(at.lon),
    lat: round(at.lat),
    ...(record.weight?.trim() ? { weight: Number(record.weight) } : {}),
    ...(roads ? { roads } : {}),
    ...text('code', 'code'),
    ...(posts ? { posts } : {}),
  })
  if (shape.success) return shape.data
  const issue = shape.error.issues[0]
  return { why: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}` }
}

/** Reads a whole list; refuses the file when any line is bad. */
export async function importNames(
  input: NodeJS.ReadableStream,
  datum: Datum,
  head: GazetteerHead,
): Promise<NameImport> {
  const lines = [JSON.stringify(head)]
  const refused: Told[] = []
  let refusedCount = 0
  const refuse = (line: number, why: string) => {
    refusedCount++
    if (refused.length < toldMax) refused.push({ line, why })
  }
  const seen = new Map<string, number>()
  const records = input.pipe(
    parse({
      columns: true,
      bom: true,
      trim: true,
      skip_empty_lines: true,
      info: true,
      max_record_size: gazetteerLineMax,
    }),
  )
  let isHeadSeen = false
  for await (const each of records as AsyncIterable<{ record: Record<string, string>; info: { lines: number } }>) {
    const line = each.info.lines
    if (!isHeadSeen) {
      isHeadSeen = true
      const strange = Object.keys(each.record).filter(column => !known.has(column))
      if (strange.length > 0) refuse(1, `unknown column / 未知列: ${strange.join(', ').slice(0, 100)}`)
    }
    const row = toGazetteerRow(each.record, datum)
    if ('why' in row) {
      refuse(line, row.why)
      continue
    }
    const before = seen.get(row.id)
    if (before !== undefined) refuse(line, `id ${row.id} already in line ${before} / id 与第 ${before} 行重复`)
    if (row.posts?.some((post, at) => at > 0 && post[0] <= row.posts![at - 1]![0]))
      refuse(line, 'posts do not rise / 桩号未递增')
    if (lines.length > gazetteerRowsMax) {
      refuse(line, `more than ${gazetteerRowsMax} rows / 行数过多`)
      break
    }
    seen.set(row.id, line)
    lines.push(JSON.stringify(row))
  }
  return { lines, refused, refusedCount }
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      datum: { type: 'string' },
      version: { type: 'string' },
      name: { type: 'string' },
      source: { type: 'string' },
      licence: { type: 'string' },
      day: { type: 'string' },
      out: { type: 'string' },
    },
  })
  const say = (text: string) => process.stderr.write(`${text}\n`)
  const file = positionals[0]
  const datum = datums.find(each => each === values.datum)
  const head = GazetteerHead.safeParse({
    format: gazetteerFormat,
    version: values.version,
    name: values.name,
    source: values.source,
    licence: values.licence,
    crs: 'WGS-84',
    day: values.day,
  })
  if (file === undefined || datum === undefined || !head.success || values.out === undefined) {
    say(
      `npm run gazetteer -- names.csv --datum ${datums.join('|')} --version V --name N --source S --licence L --day YYYY-MM-DD --out PACK`,
    )
    if (datum === undefined)
      say('坐标系必须写明 the datum must be said: a list in GCJ-02 read as WGS-84 is 300 to 600 m wrong')
    if (!head.success) say(`${head.error.issues[0]?.path.join('.')}: ${head.error.issues[0]?.message}`)
    return 2
  }
  await stat(values.out)
  const { lines, refused, refusedCount } = await importNames(createReadStream(file, 'utf8'), datum, head.data)
  if (refusedCount > 0) {
    for (const { line, why } of refused) say(`第 ${line} 行 line ${line}: ${why}`)
    say(`${refusedCount} 行有误,未写入任何内容 lines are wrong; nothing was written`)
    return 1
  }
  const target = join(values.out, 'gazetteer.ndjson')
  const half = `${target}.new`
  const handle = await open(half, 'w', 0o644)
  try {
    await handle.writeFile(`${lines.join('\n')}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(half, target).catch(async error => {
    await rm(half, { force: true })
    throw error
  })
  say(`${lines.length - 1} 条地名 names → ${target};重启服务后生效 in force after a restart of the server`)
  return 0
}

if (import.meta.main) process.exitCode = await main()
