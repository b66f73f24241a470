/**
 * HL7 v2 against vectors: other people's messages under ../shared when present, and our own written here line by line for every
 * lesson the real monitors taught.
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import {
  buildHl7Answers,
  createMllpFramer,
  decodeHl7,
  encodeMllp,
  findHl7Segment,
  formatHl7Time,
  getHl7Field,
  getHl7Text,
  type Hl7Message,
  type Hl7Visit,
  type Hl7Vitals,
  mllpFrameBytesMax,
  mllpOpenMax,
  parseHl7,
  parseHl7Time,
  toVitalsEntry,
  unescapeHl7,
} from '../../edge-gateway/sources/hl7.ts'
import { checkHl7Message, readHl7Vectors } from '../check/hl7.ts'

const shared = resolve(import.meta.dirname, '../../../shared/vectors/hl7')
const skip = existsSync(shared) ? false : 'no data'
const clockAt = Date.parse('2026-11-21T10:30:00Z')
const by = { nowAt: clockAt, controlId: 'OURS-1' }
const toBytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** A segment from its field numbers. */
function segmentOf(id: string, fields: Record<number, string>): string {
  const last = Math.max(...Object.keys(fields).map(Number))
  return [id, ...Array.from({ length: last }, (_, index) => fields[index + 1] ?? '')].join('|')
}

function parse(text: string | Uint8Array): Hl7Message {
  const message = parseHl7(text)
  assert.ok('segments' in message, 'parsed')
  return message
}

const header = 'MSH|^~\\&|MON|WARD|VIGIL|EDGE|20261121183000||ORU^R01|C-1|P|2.6'

/** An ORU of the given rows after a header without modes. */
function vitalsOf(rows: readonly string[], msh = header): Hl7Vitals {
  const content = decodeHl7(parse([msh, 'PID|||P-1', ...rows].join('\r')))
  assert.ok(content.kind === 'vitals')
  return content
}

test('HL7-1 messages of real monitors and hospitals agree with what is listed beside them', { skip }, () => {
  const vectors = readHl7Vectors(shared)
  assert.ok(vectors.length > 0)
  for (const { name, bytes, expectation } of vectors)
    assert.deepEqual(checkHl7Message(bytes, expectation).failures, [], name)
})

test('HL7-1 the comparison itself fails on a wrong, a missing and an invented value', () => {
  const bytes = toBytes([header, 'OBX|1|NM|8867-4^HR^LN||72|bpm|||||F'].join('\r'))
  assert.equal(checkHl7Message(bytes, { expected: { hr: 72 } }).failures.length, 0)
  assert.equal(checkHl7Message(bytes, { expected: { hr: 72.1 } }).failures.length, 1)
  assert.equal(checkHl7Message(bytes, { expected: { hr: 72, spo2: 97 } }).failures.length, 1)
  assert.equal(checkHl7Message(bytes, { expected: {} }).failures.length, 1)
  assert.equal(checkHl7Message(bytes, { expected: null }).failures.length, 1)
})

test('HL7-2 the name of a pressure is believed before its code, and a mean is never a systolic', () => {
  const { values } = vitalsOf([
    'OBX|1|NM|150031^MDC_PRESS_CUFF_SYS^MDC|1.1|141|266016^MDC_DIM_MMHG^MDC|||||F',
    'OBX|2|NM|150302^MDC_PRESS_CUFF_DIA^MDC|1.1|82|266016^MDC_DIM_MMHG^MDC|||||F',
    'OBX|3|NM|150303^^MDC|1.1|102|266016^MDC_DIM_MMHG^MDC|||||F',
  ])
  assert.deepEqual(values, { sbp: 141, dbp: 82, map: 102 })
  const aortic = vitalsOf(['OBX|1|NM|150031^^MDC|1.1|90|266016^MDC_DIM_MMHG^MDC|||||F'])
  assert.deepEqual(aortic.values, {}, 'the bare code is not trusted')
  const pulmonary = vitalsOf(['OBX|1|NM|150045^MDC_PRESS_BLD_ART_PULM_SYS^MDC|1|30|266016^MDC_DIM_MMHG^MDC|||||F'])
  assert.deepEqual(pulmonary.values, {})
})

test('HL7-3 sources of one value are ranked: cuff before artery, thorax before capnometer, oximeter before cuff', () => {
  const { values } = vitalsOf([
    'OBX|1|NM|150037^MDC_PRESS_BLD_ART_ABP_SYS^MDC|1|151|266016^MDC_DIM_MMHG^MDC|||||F',
    'OBX|2|NM|150021^MDC_PRESS_BLD_NONINV_SYS^MDC|1|139|266016^MDC_DIM_MMHG^MDC|||||F',
    'OBX|3|NM|151594^MDC_CO2_RESP_RATE^MDC|1|21|264928^MDC_DIM_RESP_PER_MIN^MDC|||||F',
    'OBX|4|NM|151578^MDC_TTHOR_RESP_RATE^MDC|1|19|264928^MDC_DIM_RESP_PER_MIN^MDC|||||F',
    'OBX|5|NM|149546^MDC_PULS_RATE_NON_INV^MDC|1|77|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F',
    'OBX|6|NM|149530^MDC_PULS_OXIM_PULS_RATE^MDC|1|75|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F',
    'OBX|7|NM|151658^MDC_PULS_OXIM_PLETH_RESP_RATE^MDC|1|24|264928^MDC_DIM_RESP_PER_MIN^MDC|||||F',
  ])
  assert.deepEqual(values, { sbp: 139, rr: 19, pulse: 75, rrPleth: 24 })
})

test('HL7-4 units are converted, unknown ones drop the value, and one that fits a single unit alone is told by it', () => {
  const of = (code: string, value: string, unit: string) =>
    vitalsOf([`OBX|1|NM|${code}||${value}|${unit}|||||F`]).values
  assert.deepEqual(of('8480-6^S^LN', '16', 'kPa'), { sbp: 120.01 })
  assert.deepEqual(of('8310-5^T^LN', '101.3', '[degF]'), { temp: 38.5 })
  assert.deepEqual(of('8310-5^T^LN', '310.15', 'K'), { temp: 37 })
  assert.deepEqual(of('59408-5^O^LN', '0.97', '1'), { spo2: 97 })
  assert.deepEqual(of('8867-4^H^LN', '1.2', 'Hz'), { hr: 72 })
  assert.deepEqual(of('8867-4^H^LN', '72', '{beats}/min'), { hr: 72 })
  assert.deepEqual(of('8867-4^H^LN', '72', 'furlong'), {})
  assert.deepEqual(of('8867-4^H^LN', '72', 'constructor'), {})
  assert.deepEqual(of('8310-5^T^LN', '98.6', ''), { temp: 37 })
  assert.deepEqual(of('8310-5^T^LN', '36,8', 'Cel'), { temp: 36.8 })
  assert.deepEqual(of('8310-5^T^LN', '98.6', 'Cel'), {}, 'a declared unit is not argued with')
  assert.deepEqual(of('0002-4a05^NBPs^MDIL', '118', '0004-0f20^mmHg^MDIL'), { sbp: 118 })
})

test('HL7-5 structure, sentinels, flags, statuses and words give no value and say why', () => {
  const rows: [string, string][] = [
    ['OBX|1||147842^MDC_ECG_HEART_RATE^MDC|1|||||||X', 'STATUS_SKIPPED'],
    ['OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1|8388607||||||F', 'VALUE_IMPLAUSIBLE'],
    ['OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1|-100||||||F', 'VALUE_IMPLAUSIBLE'],
    ['OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1|72|||INV|||F', 'FLAG_SKIPPED'],
    ['OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1|||||||F', 'VALUE_MISSING'],
    ['OBX|1|ST|147842^MDC_ECG_HEART_RATE^MDC|1|---||||||F', 'VALUE_NOT_NUMERIC'],
    ['OBX|1|SN|147842^MDC_ECG_HEART_RATE^MDC|1|>^200||||||F', 'VALUE_NOT_NUMERIC'],
    ['OBX|1|NA|147842^MDC_ECG_HEART_RATE^MDC|1|72^73^74||||||F', 'VALUE_NOT_NUMERIC'],
    ['OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1|12 to 15||||||F', 'VALUE_NOT_NUMERIC'],
    [`${segmentOf('OBR', { 1: '1', 24: 'LAB' })}\rOBX|1|NM|8310-5^T^LN||37|Cel|||||F`, 'LABORATORY'],
    ['OBR|1\rOBX|1|NM|8310-5^T^LN||37|Cel|||||F\rSPM|1', 'LABORATORY'],
  ]
  for (const [row, code] of rows) {
    const { values, omitted } = vitalsOf([row])
    assert.deepEqual(values, {}, row)
    assert.deepEqual(
      omitted.map(each => each.code),
      [code],
      row,
    )
  }
  assert.deepEqual(vitalsOf(['OBX|1|SN|147842^MDC_ECG_HEART_RATE^MDC|1|^72||||||F']).values, { hr: 72 })
  assert.deepEqual(vitalsOf(['OBX|1|ST|147842^MDC_ECG_HEART_RATE^MDC|1|72 bpm||||||F']).values, { hr: 72 })
  const unknown = vitalsOf([
    'OBX|1|NM|148066^MDC_ECG_V_P_C_RATE^MDC|1|4||||||F',
    'OBX|2|NM|SPT^Specimen temperature^L||21|C|||||F',
  ])
  assert.deepEqual([unknown.values, unknown.omitted], [{}, []])
})

test('HL7-6 plain names of vendors are read exactly, in Chinese too, and a pressure pair is taken apart', () => {
  const { values } = vitalsOf([
    'OBX||NM|101^HR|2101|88||||||F',
    'OBX||NM|X1^血氧饱和度^L||96|%|||||F',
    'OBX||NM|X2^Resp. Rate^L||18|breaths/min|||||F',
    'OBX||NM|T1^Temp (C)^L||36.6|℃|||||F',
    'OBX||ST|NIBP^Blood Pressure^L||128/79 (95)|mmHg|||||F',
    'OBX||NM|X3^SpO₂ PR^L||87|bpm|||||F',
  ])
  assert.deepEqual(values, { hr: 88, spo2: 96, rr: 18, temp: 36.6, sbp: 128, dbp: 79, map: 95, pulse: 87 })
  const codesOnly = vitalsOf([
    'OBX||NM|BPS||130|mmHg|||||F',
    'OBX||NM|T9^体温||37.2|℃|||||F',
    'OBX||NM|X^NIBP (interval)||9||||||F',
  ])
  assert.deepEqual(codesOnly.values, { sbp: 130, temp: 37.2 })
  const limits = vitalsOf(['OBX||NM|HR^HR alarm limit high^L||120|bpm|||||F'])
  assert.deepEqual(limits.values, {})
})

test('HL7-7 the time of a value is OBX-14, OBX-12, OBR-7, MSH-7, in the zone it or the message names', () => {
  const row = (obx12: string, obx14: string) => `OBX|1|NM|8867-4^H^LN||72|bpm|||||F|${obx12}||${obx14}`
  const zoned = header.replace('20261121183000', '20261121183000+0530')
  const order = 'OBR|1||||||20261121180000'
  const cases: [string[], string, string, string][] = [
    [[order, row('20261121181000', '20261121182000')], header, 'OBX-14', '2026-11-21T10:20:00Z'],
    [[order, row('20261121181000', '')], header, 'OBX-12', '2026-11-21T10:10:00Z'],
    [[order, row('', '20261121')], header, 'OBR-7', '2026-11-21T10:00:00Z'],
    [[order, row('', '20261399250000')], header, 'OBR-7', '2026-11-21T10:00:00Z'],
    [[row('', '')], header, 'MSH-7', '2026-11-21T10:30:00Z'],
    [[row('', '20261121182000')], zoned, 'OBX-14', '2026-11-21T12:50:00Z'],
    [[row('', '20261121182000.250-0400')], zoned, 'OBX-14', '2026-11-21T22:20:00.250Z'],
  ]
  for (const [rows, msh, timeFrom, at] of cases) {
    const vitals = vitalsOf(rows, msh)
    assert.deepEqual([vitals.timeFrom, vitals.at], [timeFrom, Date.parse(at)])
  }
  const newest = vitalsOf([row('', '20261121181000'), row('', '20261121182000').replace('72', '75')])
  assert.deepEqual([newest.values.hr, newest.at], [75, Date.parse('2026-11-21T10:20:00Z')])
  assert.equal(vitalsOf([row('', '')], header.replace('20261121183000', '')).at, undefined)
})

test('HL7-8 times of any precision are read, impossible ones are not', () => {
  const at = (text: string) => parseHl7Time(text)?.at
  assert.equal(at('2026'), Date.parse('2026-01-01T00:00:00+08:00'))
  assert.equal(at('202611211830'), Date.parse('2026-11-21T18:30:00+08:00'))
  assert.equal(at('20261121183000.1234+0000'), Date.parse('2026-11-21T18:30:00.123Z'))
  assert.equal(at('2026-11-21T18:30:00Z'), Date.parse('2026-11-21T18:30:00Z'))
  for (const wrong of [
    '',
    '20260230',
    '2026112125',
    '20261121186000',
    '20261121183000+9900',
    '18991231',
    'now',
    '2026112',
  ])
    assert.equal(parseHl7Time(wrong), undefined, wrong)
  assert.equal(formatHl7Time(clockAt), '20261121183000.000+0800')
  assert.equal(at(formatHl7Time(clockAt, -12_600_000)), clockAt)
})

test('HL7-9 tests and demonstrations are marked and never become an entry', () => {
  const row = 'OBX|1|NM|8867-4^H^LN||190|bpm|||||F'
  for (const mode of ['T', 'D', 'd']) {
    const vitals = vitalsOf([row], header.replace('|P|', `|${mode}|`))
    assert.deepEqual([vitals.isTest, vitals.values], [true, { hr: 190 }])
    assert.equal(toVitalsEntry(vitals, { unitId: 'u1' }, clockAt), undefined)
  }
  const demo = vitalsOf(['OBX|1|NM|8867-4^H^LN||190|bpm||N~DEMO|||F'])
  assert.deepEqual([demo.isDemo, demo.values], [true, { hr: 190 }])
  assert.equal(toVitalsEntry(demo, { unitId: 'u1' }, clockAt), undefined)
  const mixed = vitalsOf(['OBX|1|NM|8867-4^H^LN||190|bpm||DEMO|||F', 'OBX|2|NM|59408-5^O^LN||97|%|||||F'])
  assert.deepEqual([mixed.isDemo, mixed.values], [false, { spo2: 97 }])
  const real = vitalsOf(['OBX|1|NM|8889-8^P^LN||72|bpm|||||F', 'OBX|2|NM|151658^^MDC||15||||||F'])
  assert.deepEqual(toVitalsEntry(real, { unitId: 'u1', incidentId: 'i1' }, clockAt), {
    kind: 'unit.vitals',
    occurredAt: clockAt,
    body: { unitId: 'u1', incidentId: 'i1', hrPerMin: 72, rrPerMin: 15 },
  })
})

test('HL7-10 the answer is of the mode and at the level the sender asked for, with its MSH-10 as sent', () => {
  const withModes = (accept: string, application: string) =>
    parse(`${header.replace('C-1', 'A\\T\\7')}|||${accept}|${application}`)
  const code = (text: string | undefined) => (text ? getHl7Field(findHl7Segment(parse(text), 'MSA'), 1) : '-')
  const ask = (accept: string, application: string, result: 'accept' | 'error' | 'reject') => {
    const outcome = result === 'accept' ? { result } : { result, code: 'TYPE_UNSUPPORTED' as const }
    const answers = buildHl7Answers(withModes(accept, application), outcome, by)
    return `${code(answers.accept)} ${code(answers.application)}`
  }
  assert.deepEqual(
    (['accept', 'error', 'reject'] as const).map(result => ask('', '', result)),
    ['- AA', '- AE', '- AR'],
  )
  assert.deepEqual(
    (['accept', 'error', 'reject'] as const).map(result => ask('AL', 'NE', result)),
    ['CA -', 'CE -', 'CR -'],
  )
  assert.equal(ask('AL', 'AL', 'accept'), 'CA AA')
  assert.equal(ask('AL', '', 'accept'), 'CA -')
  assert.equal(ask('NE', 'NE', 'reject'), '- -')
  assert.equal(ask('ER', 'SU', 'accept'), '- AA')
  assert.equal(ask('ER', 'SU', 'error'), 'CE -')
  assert.equal(ask('NE', 'AL', 'accept'), '- AA')
  const answer = parse(
    buildHl7Answers(withModes('', ''), { result: 'reject', code: 'TYPE_UNSUPPORTED' }, by).application!,
  )
  const msh = findHl7Segment(answer, 'MSH')
  assert.equal(getHl7Field(findHl7Segment(answer, 'MSA'), 2), 'A\\T\\7')
  assert.deepEqual(
    [3, 4, 5, 6].map(number => getHl7Text(answer, msh, number)),
    ['VIGIL', 'EDGE', 'MON', 'WARD'],
  )
  assert.equal(getHl7Field(msh, 9), 'ACK^R01^ACK')
  assert.equal(getHl7Field(msh, 12), '2.6')
  assert.equal(getHl7Text(answer, findHl7Segment(answer, 'ERR'), 3), '200')
  assert.match(getHl7Text(answer, findHl7Segment(answer, 'ERR'), 8), /TYPE_UNSUPPORTED.*不支持/)
  const odd = parse('MSH#@!/+#MON#WARD#VIGIL#EDGE#20261121183000##ORU@R01#Z-9#P#2.3')
  const oddAnswer = buildHl7Answers(odd, { result: 'accept' }, by).application!
  assert.match(oddAnswer, /^MSH#@!\/\+#VIGIL#EDGE#MON#WARD#/)
  assert.equal(getHl7Field(findHl7Segment(parse(oddAnswer), 'MSA'), 2), 'Z-9')
})

test('HL7-11 what is not vital signs or a visit is refused with a code', () => {
  const refuse = (msh: string) => {
    const content = decodeHl7(parse(msh))
    return content.kind === 'refused' ? content.code : content.kind
  }
  assert.equal(refuse(header.replace('ORU^R01', 'QRY^A19')), 'TYPE_UNSUPPORTED')
  assert.equal(refuse(header.replace('ORU^R01', 'ORU^R40')), 'EVENT_UNSUPPORTED')
  assert.equal(refuse(header.replace('ORU^R01', 'ADT^A02')), 'EVENT_UNSUPPORTED')
  assert.equal(refuse(header.replace('ORU^R01', '')), 'TYPE_MISSING')
  assert.equal(refuse(header.replace('C-1', '')), 'CONTROL_ID_MISSING')
  const codes = ['', 'PID|1', 'MSH', 'MSHa', 'MSH|^^~\\&|', 'FHS|^~\\&|x'].map(text => {
    const message = parseHl7(text)
    return 'code' in message ? message.code : 'parsed'
  })
  assert.deepEqual(codes, ['MSH_MISSING', 'MSH_MISSING', 'MSH_INVALID', 'MSH_INVALID', 'MSH_INVALID', 'MSH_MISSING'])
  const long = parseHl7(`${header}\r${'OBX|1\r'.repeat(10_001)}`)
  assert.deepEqual(long, { code: 'SEGMENTS_TOO_MANY' })
})

test('HL7-12 line ends, byte order marks, escapes, repetitions and stray lines are read as meant', () => {
  for (const end of ['\r', '\n', '\r\n']) {
    const message = parse(`\ufeff${header}${end}${end}PID|||P\\F\\1~P2${end}this is no segment${end}OBX|1|${end}`)
    assert.deepEqual(
      message.segments.map(segment => segment.id),
      ['MSH', 'PID', 'OBX'],
    )
    assert.deepEqual(message.remarks, ['SEGMENT_STRAY'])
    assert.equal(getHl7Text(message, findHl7Segment(message, 'PID'), 3), 'P|1')
  }
  const { delimiters } = parse(header)
  const plain = (text: string) => unescapeHl7(text, delimiters)
  assert.equal(plain('a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f'), 'a|b^c&d~e\\f')
  assert.equal(plain('x\\.br\\y\\H\\z\\N\\'), 'x yz')
  assert.equal(plain('\\XE6B189\\'), '汉')
  assert.equal(plain('C:\\dir\\F\\x'), 'C:\\dir|x')
  assert.equal(plain('open \\'), 'open \\')
})

test('HL7-13 text is decoded by its mark, by MSH-18, as UTF-8, or as GB 18030, and never fails', () => {
  const withCharset = (charset: string) => `${header}||||||${charset}\rPID|||1||`
  const patient = (bytes: Uint8Array) => {
    const content = decodeHl7(parse(bytes))
    assert.ok(content.kind === 'vitals')
    return content.patient.name
  }
  // 张 is d5 c5 in GBK
  const gbk = (head: string) => Uint8Array.from([...toBytes(head), 0xd5, 0xc5])
  assert.equal(patient(toBytes(`${withCharset('UNICODE UTF-8')}张`)), '张')
  assert.equal(patient(gbk(withCharset('GB 18030-2000'))), '张')
  assert.equal(patient(gbk(withCharset(''))), '张')
  const wrong = parse(gbk(withCharset('UNICODE UTF-8')))
  assert.deepEqual(wrong.remarks, ['CHARSET_WRONG'])
  assert.equal(patient(Uint8Array.from([...toBytes(withCharset('8859/1')), 0xe9])), 'é')
  assert.equal(patient(toBytes(`${withCharset('NOBODY KNOWS')}张`)), '张')
  const wide = Uint8Array.from([0xff, 0xfe, ...[...`${withCharset('')}A`].flatMap(letter => [letter.charCodeAt(0), 0])])
  assert.equal(patient(wide), 'A')
})

test('HL7-14 a name that a device puts into PID-4 is found, an identifier there is not a name', () => {
  const named = (pid: string) => {
    const content = decodeHl7(parse(`${header}\r${pid}\r${segmentOf('PV1', { 2: 'I', 3: 'ICU^^5', 19: 'V-7' })}`))
    assert.ok(content.kind === 'vitals')
    return content.patient
  }
  assert.deepEqual(named('PID|||^^^H^PI|JOHN SMITH'), { name: 'JOHN SMITH', visitNumber: 'V-7', bed: 'ICU 5' })
  assert.deepEqual(named('PID|||A1~B2|X-123||""'), { id: 'A1', visitNumber: 'V-7', bed: 'ICU 5' })
  assert.equal(named('PID|||A1|JOHN SMITH|DOE^JANE').name, 'JANE DOE')
})

/** A visit of our own, as the national profile spells it. */
const visitRows = [
  'MSH|^~\\&||JXH^1234567890^NPI|||202611211900||ADT^A04^ADT_A01|V-1|P|2.5.1',
  'EVN||202611211855|||||JXH^1234567890^NPI',
  segmentOf('PID', { 3: '77001^^^^MR', 5: '^^^^^^~^^^^^^S', 7: '19800101', 8: 'M', 11: '^^^^314000^CHN^^^330402' }),
  segmentOf('PV1', { 2: 'E', 19: '77001-3^^^^VN', 44: '202611211850' }),
  'PV2|||^胸痛两小时',
  'DG1|1||I21.9^急性心肌梗死^I10|||A',
  'DG1|2||R07.4^^I10|||W',
]
const visitOf = (rows: readonly string[]): Hl7Visit => {
  const content = decodeHl7(parse(rows.join('\r')))
  assert.ok(content.kind === 'visit')
  return content
}

test('HL7-15 a visit gives facility, number, times, complaint, codes, age and sex', () => {
  assert.deepEqual(visitOf(visitRows), {
    kind: 'visit',
    event: 'A04',
    controlId: 'V-1',
    eventAt: Date.parse('2026-11-21T18:55:00+08:00'),
    patient: { id: '77001', visitNumber: '77001-3' },
    sex: 'male',
    facility: 'JXH',
    facilityNpi: '1234567890',
    patientClass: 'E',
    zip: '314000',
    county: '330402',
    birthDay: '1980-01-01',
    ageYears: 46,
    admittedAt: Date.parse('2026-11-21T18:50:00+08:00'),
    chiefComplaint: '胸痛两小时',
    diagnoses: [
      { code: 'I21.9', system: 'I10', text: '急性心肌梗死', type: 'A' },
      { code: 'R07.4', system: 'I10', text: '', type: 'W' },
    ],
    isTest: false,
  })
})

test('HL7-16 an age in months is a share of a year, a coded complaint wins over the reason, a test is marked', () => {
  const rows = [
    ...visitRows.map(row => row.replace('|V-1|P|', '|V-1|T|').replace('^A04^', '^A08^')),
    'OBX|1|NM|21612-7^^LN||18|mo^^UCUM|||||F',
    'OBX|2|CWE|8661-1^^LN||^^^^^^^^发热、腹泻||||||F',
    'OBX|3|CWE|SS003^^PHINQUESTION||261QE0002X^^NUCC||||||F',
  ]
  const visit = visitOf(rows)
  assert.deepEqual([visit.event, visit.age, visit.ageUnit, visit.ageYears], ['A08', 18, 'mo', 1.5])
  assert.deepEqual([visit.chiefComplaint, visit.facilityType, visit.isTest], ['发热、腹泻', '261QE0002X', true])
})

test('HL7-17 MLLP frames are found in any slicing, between garbage, unfinished or without the last byte', () => {
  const framer = createMllpFramer()
  const wire = Uint8Array.from([
    ...toBytes('noise'),
    ...[0x0b, 0x41, 0x1c, 0x42, 0x1c, 0x0d],
    ...[0x0b, 0x43],
    ...[0x0b, 0x44, 0x1c, 0x0d, 0x0d],
    ...[0x0b, 0x45, 0x1c, 0x0b, 0x46, 0x1c, 0x0d],
  ])
  const messages: Uint8Array[] = []
  for (const byte of wire) messages.push(...framer.push(Uint8Array.of(byte), clockAt).messages)
  assert.deepEqual(
    messages.map(each => [...each]),
    [[0x41, 0x1c, 0x42], [0x44], [0x45], [0x46]],
  )
  assert.deepEqual(framer.getCounts(), { messages: 4, unfinished: 1, garbageBytes: 6 })
  assert.deepEqual(createMllpFramer().push(encodeMllp('MSH|汉'), clockAt).messages, [toBytes('MSH|汉')])
})

test('HL7-18 a frame without end is cut at its bound, a slow one is seen, and so is garbage without end', () => {
  const framer = createMllpFramer()
  framer.push(Uint8Array.of(0x0b), clockAt)
  const piece = new Uint8Array(65_536).fill(0x41)
  let isCut = false
  // 100 MB
  for (let sent = 0; sent < 100 * 1024 * 1024 && !isCut; sent += piece.length) {
    isCut = framer.push(piece, clockAt).isCut
    assert.ok(framer.getHeldBytes() <= mllpFrameBytesMax)
  }
  assert.equal(isCut, true)
  assert.deepEqual(framer.push(encodeMllp('MSH|'), clockAt).messages, [])
  const slow = createMllpFramer()
  slow.push(Uint8Array.of(0x0b, 0x41), clockAt)
  slow.push(Uint8Array.of(0x42), clockAt + mllpOpenMax)
  assert.equal(slow.isStalled(clockAt + mllpOpenMax), false)
  assert.equal(slow.isStalled(clockAt + mllpOpenMax + 1), true)
  assert.equal(createMllpFramer().push(new Uint8Array(65_537), clockAt).isCut, true)
})
