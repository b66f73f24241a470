/**
 * The address search against a small town of its own and the demo city's names: every way of writing a place, ranking, slips,
 * junctions, mile posts, pasted positions, and files that are refused.
 */
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { addressHitsMax, GazetteerHead, GazetteerRow } from '#contract/address.ts'
import { importNames, toGazetteerRow } from '../../edge-gateway/gazetteer.ts'
import { parseGazetteer } from '../../server/addresses/gazetteer.ts'
import { listAccents, plainText, readUnits } from '../../server/addresses/pinyin.ts'
import {
  type AddressOrder,
  buildAddressIndex,
  countSlips,
  formatPost,
  parsePoint,
  parsePost,
  searchAddresses,
} from '../../server/addresses/search.ts'
import { drawGazetteer, drawNames, writeGazetteer } from '../../simulations/gazetteer.ts'
import { createChance, seedCity } from '../../simulations/seed.ts'

const row = (id: string, name: string, more: Partial<GazetteerRow> = {}): GazetteerRow => ({
  id,
  kind: 'place',
  name,
  regionCode: '330402001',
  lon: 120.75,
  lat: 30.75,
  ...more,
})

const town = buildAddressIndex([
  row('R1', '南湖区', { kind: 'region', regionCode: '330402' }),
  row('R2', '秀洲区', { kind: 'region', regionCode: '330411' }),
  row('A1', '中山路', { kind: 'road', weight: 0.6 }),
  row('A2', '中山路', { kind: 'road', regionCode: '330411001', weight: 0.6, lon: 120.7 }),
  row('A3', '中山花园', { weight: 0.3 }),
  row('A4', '建国路', { kind: 'road', weight: 0.6 }),
  row('J1', '中山路与建国路路口', { kind: 'junction', roads: ['中山路', '建国路'] }),
  row('L1', '嘉兴学院梁林校区', { kind: 'landmark', aliases: ['嘉院'], weight: 0.7 }),
  row('L2', '长庆寺', { kind: 'landmark' }),
  row('L3', '乐居苑', { pinyin: ['yue', 'ju', 'yuan'] }),
  row('H1', '第一医院', { kind: 'facility', weight: 1 }),
  row('T1', 'G525 国道', {
    kind: 'road',
    code: 'G525',
    weight: 0.9,
    posts: [
      [0, 120.7, 30.7],
      [1_000, 120.71, 30.7],
      [12_000, 120.82, 30.7],
    ],
  }),
])
const find = (text: string, more: Partial<AddressOrder> = {}) =>
  searchAddresses(town, { text, homeCodes: ['330402'], ...more })
const first = (text: string, more: Partial<AddressOrder> = {}) => find(text, more)[0]

test('ADDR-1 a place is found by its characters, full pinyin, initials, a mix, a piece of its name and another name', () => {
  for (const [text, id, how] of [
    ['中山路', 'A1', 'exact'],
    ['zhongshanlu', 'A1', 'pinyin'],
    ['zhong shan lu', 'A1', 'pinyin'],
    ['zsl', 'A1', 'initials'],
    ['ZSL', 'A1', 'initials'],
    ['中shan路', 'A1', 'mixed'],
    ['zhongsl', 'A1', 'mixed'],
    ['梁林校区', 'L1', 'within'],
    ['jxxy', 'L1', 'initials'],
    ['嘉院', 'L1', 'exact'],
    ['G525', 'T1', 'exact'],
    ['第一医院', 'H1', 'exact'],
  ] as const) {
    const hit = first(text)
    assert.equal(hit?.gazetteerId, id, text)
    assert.equal(hit.how, how, text)
  }
})

test('ADDR-2 readings: a phrase decides, a file may correct it, the other reading is found when written in full', () => {
  assert.deepEqual(
    readUnits('重庆长安').map(unit => unit.readings[0]),
    ['chong', 'qing', 'chang', 'an'],
  )
  assert.equal(first('cqs')?.gazetteerId, 'L2')
  assert.equal(first('yuejuyuan')?.gazetteerId, 'L3')
  assert.equal(first('lejuyuan')?.gazetteerId, 'L3', 'the usual reading of a corrected name still finds it')
  assert.equal(plainText(' 中山路１２３号(Ａ座)'), '中山路123号a座')
})

test('ADDR-3 exact before beginning before initials before southern spelling before slips', () => {
  const order = find('中山路').map(hit => hit.how)
  assert.deepEqual(order.slice(0, 2), ['exact', 'exact'])
  assert.ok(order.slice(2).every(how => how !== 'exact'))
  assert.equal(first('zongsanlu')?.how, 'accent')
  assert.equal(first('中衫路')?.how, 'accent', 'the wrong character of the right sound')
  assert.equal(first('zhongshsnlu')?.how, 'typo')
  assert.equal(first('zhogn shan lu')?.how, 'typo', 'two letters swapped are one slip')
  assert.deepEqual(find('火星基地飞船'), [])
  const confidence = (text: string) => first(text)?.confidence ?? 0
  assert.ok(confidence('嘉兴学院梁林校区') > confidence('jxxyllxq'))
  assert.ok(confidence('jxxyllxq') > confidence('jiaxinxieyuanlianglinxiaoqu'))
  assert.ok(listAccents('zhang').includes('zan') && listAccents('lan').includes('nang'))
  assert.equal(countSlips('jaixing', 'jiaxing', [0, 3]), 1)
  assert.equal(countSlips('xing', 'jiaxing', [0, 3]), 0)
})

test('ADDR-4 the desk’s own region and nearness decide between two of a name, and a region told beside it more so', () => {
  assert.equal(first('中山路')?.gazetteerId, 'A1')
  assert.equal(first('中山路', { homeCodes: ['330411'] })?.gazetteerId, 'A2')
  assert.equal(first('中山路', { homeCodes: [], near: { lon: 120.7, lat: 30.75 } })?.gazetteerId, 'A2')
  for (const text of ['秀洲区中山路', '秀洲 中山路', 'xiuzhou zsl']) {
    const hits = find(text)
    assert.equal(hits[0]?.gazetteerId, 'A2', text)
    assert.ok(hits[0].confidence > 0.5, `${text} ${hits[0].confidence}`)
  }
  const [one, other] = find('中山路', { homeCodes: [] })
  assert.ok(Math.abs(one!.confidence - other!.confidence) < 0.02 && one!.confidence < 0.6, 'two of a name are a doubt')
})

test('ADDR-5 two roads in either order and writing are their junction', () => {
  for (const text of [
    '中山路 建国路',
    '建国路与中山路路口',
    '中山路建国路',
    'zsl jgl',
    '中山路/建国路交叉口',
    'zsljgl',
  ])
    assert.equal(first(text)?.gazetteerId, 'J1', text)
})

test('ADDR-6 mile posts stand between their neighbours; beyond the last is said', () => {
  for (const text of ['G525 K6+500', 'g525k6+500', 'K6+500 国道', 'G525国道6公里500米']) {
    const hit = first(text)
    assert.equal(hit?.kind, 'post', text)
    assert.equal(hit.name, 'G525 国道 K6+500')
    assert.ok(Math.abs(hit.lon - 120.765) < 1e-6 && hit.lat === 30.7)
    assert.equal(hit.rough, undefined)
  }
  const beyond = first('G525 K30')
  assert.equal(beyond?.rough, 'chainage')
  assert.ok(beyond.confidence < 0.5)
  assert.deepEqual(parsePost('S11 K12+300'), { metres: 12_300, road: 'S11' })
  assert.equal(parsePost('中山路12号'), undefined)
  assert.equal(formatPost(12_050), 'K12+050')
})

test('ADDR-7 a pasted position is read in either order and in degrees, minutes, seconds', () => {
  const near = (text: string) => {
    const point = parsePoint(text)
    assert.ok(point && Math.abs(point.lon - 120.7575) < 1e-4 && Math.abs(point.lat - 30.7525) < 1e-4, text)
  }
  near('120.7575,30.7525')
  near('30.7525 120.7575')
  near('经度:120.75750 纬度:30.75250')
  near('30°45′09″N 120°45′27″E')
  for (const text of ['120.7575', '1.5 2.5', '中山路 12.30', '120.7575,30.7525,8.11', '500.11,30.75'])
    assert.equal(parsePoint(text), undefined, text)
  assert.equal(first('120.7575,30.7525')?.rough, 'datum')
})

test('ADDR-8 a house number nobody knows leaves its street, and says so', () => {
  for (const text of ['中山路123号', '中山路 123弄5号楼', '南湖区中山路88号']) {
    const hit = first(text)
    assert.equal(hit?.gazetteerId, 'A1', text)
    assert.equal(hit.rough, 'number')
  }
  assert.equal(first('中山路')?.rough, 'road', 'a road is its middle')
})

test('ADDR-9 any text is answered, by at most ten hits with a confidence that adds up to no more than one', () => {
  const city = seedCity({ seed: 5 })
  const rows = drawGazetteer(city)
  assert.ok(rows.length >= 3_000, `${rows.length} names`)
  assert.ok(new Set(rows.map(each => each.kind)).size === 6)
  for (const each of rows) GazetteerRow.parse(each)
  const index = buildAddressIndex(rows as GazetteerRow[])
  const chance = createChance(11)
  const letters = [...'abcdefghijklmnopqrstuvwxyz0123456789 中山路与K+.°,南湖区\u0000\ud800😀']
  for (let n = 0; n < 300; n++) {
    const text = Array.from({ length: 1 + chance.int(59) }, () => chance.pick(letters)).join('')
    const hits = searchAddresses(index, { text, homeCodes: [] })
    assert.ok(hits.length <= addressHitsMax)
    assert.ok(hits.reduce((sum, hit) => sum + hit.confidence, 0) <= 1.05, text)
  }
  // What a name is called by its initials is found among the ten of any city, if it is at all distinct.
  let found = 0
  const asked = 200
  for (let n = 0; n < asked; n++) {
    const wanted = rows[chance.int(rows.length)]!
    const spoken = readUnits(plainText(wanted.name))
      .map(unit => unit.readings[0])
      .join('')
    const hits = searchAddresses(index, { text: spoken, homeCodes: [wanted.regionCode ?? ''] })
    if (hits.some(hit => hit.name === wanted.name)) found++
  }
  assert.ok(found >= asked * 0.95, `${found} of ${asked} by full pinyin`)
  assert.equal(drawNames(city, 10_000).length, 10_000)
})

test('ADDR-10 a gazetteer with one bad line is refused whole, with the line and the reason', async () => {
  const lines = writeGazetteer(drawGazetteer(seedCity({ seed: 5 })).slice(0, 5), 'v1', '2026-11-21')
  const read = await parseGazetteer(lines)
  assert.ok(!('refused' in read) && read.rows.length === 5 && read.head.version === 'v1')
  const refusedAt = async (changed: string[]) => {
    const answer = await parseGazetteer(changed)
    assert.ok('refused' in answer)
    assert.equal(answer.refused.code, 'GAZETTEER_INVALID')
    return answer.refused.params?.line
  }
  assert.equal(await refusedAt([]), 1)
  assert.equal(await refusedAt(lines.slice(1)), 1)
  assert.equal(await refusedAt([...lines.slice(0, 3), '{"id":', ...lines.slice(3)]), 4)
  assert.equal(await refusedAt([...lines, lines[2]!]), 7)
  assert.equal(await refusedAt([...lines, JSON.stringify({ ...row('X', 'x'), colour: 'red' })]), 7)
  assert.equal(await refusedAt([...lines, JSON.stringify(row('X', 'x', { lat: 91 }))]), 7)
  const posts = [
    [500, 120, 30],
    [400, 120, 30],
  ] as [number, number, number][]
  assert.equal(await refusedAt([...lines, JSON.stringify(row('X', 'x', { posts }))]), 7)
})

test('ADDR-11 the importer converts the datum, refuses the whole list for one bad line, and needs no column it can do without', async () => {
  const head = GazetteerHead.parse({
    format: 1,
    version: 'v1',
    name: '某市',
    source: '某局',
    licence: '内部',
    crs: 'WGS-84',
    day: '2026-11-21',
  })
  const text =
    'id,kind,name,region,lon,lat,aliases,weight\nA,place,月河街区,330402,120.75,30.77,月河|yuehe,0.5\nB,road,禾兴路,330402,120.76,30.76,,\n'
  const plain = await importNames(Readable.from([text]), 'WGS84', head)
  assert.equal(plain.refusedCount, 0)
  assert.equal(plain.lines.length, 3)
  const read = await parseGazetteer(plain.lines)
  assert.ok(!('refused' in read))
  assert.deepEqual(read.rows[0]!.aliases, ['月河', 'yuehe'])
  const shifted = toGazetteerRow({ id: 'A', kind: 'place', name: 'x', lon: '120.75', lat: '30.77' }, 'GCJ02')
  assert.ok(!('why' in shifted))
  const movedM = Math.hypot((shifted.lon - 120.75) * 95_500, (shifted.lat - 30.77) * 111_195)
  assert.ok(movedM > 200 && movedM < 800, `${movedM} m`)
  const bad = await importNames(Readable.from([`${text}C,castle,x,,1,2,,\nA,place,y,,120,30,,\n`]), 'WGS84', head)
  assert.deepEqual(
    bad.refused.map(each => each.line),
    [4, 5],
  )
})
