/**
 * `npm run -s check:hl7 -- DIR`: reads every DIR/*.hl7 with the json beside it, compares vital signs or the visit with what is
 * listed there, asks for the answer, prints a line per message and `N passed, M failed`; exit 1 on a failure.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  buildHl7Answers,
  createMllpFramer,
  decodeHl7,
  encodeMllp,
  findHl7Segment,
  getHl7Field,
  getHl7Text,
  type Hl7Message,
  type Hl7Visit,
  type Hl7Vitals,
  parseHl7,
  parseHl7Time,
  type VitalKey,
  vitalKeys,
} from '../../edge-gateway/sources/hl7.ts'

type Expectation = { expected?: Record<string, unknown> | null }
/** Differences found in one message, and remarks that are no difference. */
export type Hl7Verdict = { failures: string[]; notes: string[] }

const clockAt = Date.UTC(2026, 10, 21, 10, 30)

/** The statement's chain, walked again here without the decoder's: first of the four that holds a time of day. */
function findChainTime(message: Hl7Message): { texts: string[] } {
  const texts: string[] = []
  let order = ''
  const header = getHl7Field(findHl7Segment(message, 'MSH'), 7)
  for (const segment of message.segments) {
    if (segment.id === 'OBR') order = getHl7Field(segment, 7)
    if (segment.id !== 'OBX') continue
    const chain = [getHl7Field(segment, 14), getHl7Field(segment, 12), order, header]
    texts.push(chain.find(text => /^\d{10}/.test(text)) ?? '')
  }
  return { texts }
}

function compareVitals(
  vitals: Hl7Vitals,
  expected: Record<string, unknown>,
  message: Hl7Message,
  verdict: Hl7Verdict,
): void {
  for (const key of vitalKeys) {
    const got = vitals.values[key]
    const wanted = expected[key]
    if (wanted === undefined || wanted === null) {
      if (got !== undefined) verdict.failures.push(`${key} ${got} was not sent`)
    } else if (got === undefined) verdict.failures.push(`${key} missing, expected ${String(wanted)}`)
    else if (!(Math.abs(got - Number(wanted)) <= 0.05))
      verdict.failures.push(`${key} ${got}, expected ${String(wanted)}`)
  }
  for (const [key, wanted] of Object.entries(expected)) {
    if ((vitalKeys as readonly string[]).includes(key)) continue
    if (/^(?:at|time|observedAt|effective|timestamp)$/i.test(key)) {
      const at = typeof wanted === 'number' ? wanted : parseHl7Time(String(wanted))?.at
      if (at === undefined || vitals.at !== at)
        verdict.failures.push(
          `${key} ${vitals.at ? new Date(vitals.at).toISOString() : 'missing'}, expected ${String(wanted)}`,
        )
    } else if (/^(?:timeFrom|timeSource)$/i.test(key)) {
      if (vitals.timeFrom !== wanted) verdict.failures.push(`${key} ${vitals.timeFrom}, expected ${String(wanted)}`)
    } else if (/^(?:test|isTest)$/i.test(key)) {
      if (vitals.isTest !== wanted) verdict.failures.push(`${key} ${vitals.isTest}, expected ${String(wanted)}`)
    } else if (/^(?:demo|isDemo)$/i.test(key)) {
      if (vitals.isDemo !== wanted) verdict.failures.push(`${key} ${vitals.isDemo}, expected ${String(wanted)}`)
    } else if (key === 'controlId') {
      if (vitals.controlId !== wanted) verdict.failures.push(`${key} ${vitals.controlId}, expected ${String(wanted)}`)
    } else verdict.notes.push(`${key} is not compared`)
  }
  const zone = parseHl7Time(getHl7Text(message, findHl7Segment(message, 'MSH'), 7))?.offsetMs
  const chain = new Set(findChainTime(message).texts.map(text => parseHl7Time(text, zone)?.at))
  if (vitals.readings.length > 0 && !chain.has(vitals.at))
    verdict.failures.push(`time ${String(vitals.at)} is none of OBX-14, OBX-12, OBR-7, MSH-7 in that order`)
}

function compareVisit(
  visit: Hl7Visit,
  expected: Record<string, unknown>,
  message: Hl7Message,
  verdict: Hl7Verdict,
): void {
  const sexCodes = { male: 'M', female: 'F', unknown: 'U' }
  const sent = (id: string, number: number) => getHl7Text(message, findHl7Segment(message, id), number)
  const sameTime = (text: string, at: number | undefined) => (at === parseHl7Time(text)?.at ? text : at)
  const got: Record<string, unknown> = {
    event: visit.event,
    controlId: visit.controlId,
    facility: visit.facility,
    facilityNPI: visit.facilityNpi,
    facilityType: visit.facilityType,
    patientId: visit.patient.id,
    visit: visit.patient.visitNumber,
    sex: sexCodes[visit.sex],
    race: visit.race,
    ethnicity: visit.ethnicity,
    zip: visit.zip,
    county: visit.county,
    admit: sameTime(sent('PV1', 44), visit.admittedAt),
    discharge: sameTime(sent('PV1', 45), visit.dischargedAt),
    age: visit.age,
    ageUnit: visit.ageUnit,
    chiefComplaint: visit.chiefComplaint,
    disposition: visit.disposition,
    patientClass: visit.patientClass,
    dx: visit.diagnoses.map(diagnosis => diagnosis.code),
  }
  for (const [key, wanted] of Object.entries(expected)) {
    if ((vitalKeys as readonly string[]).includes(key)) verdict.failures.push(`${key} expected of a visit`)
    else if (!Object.hasOwn(got, key)) verdict.notes.push(`${key} is not compared`)
    else if (JSON.stringify(got[key]) !== JSON.stringify(wanted))
      verdict.failures.push(`${key} ${JSON.stringify(got[key])}, expected ${JSON.stringify(wanted)}`)
  }
}

/** Checks one message as it would arrive over MLLP. */
export function checkHl7Message(bytes: Uint8Array, expectation: Expectation): Hl7Verdict {
  const verdict: Hl7Verdict = { failures: [], notes: [] }
  const wire = Uint8Array.from([0x0b, ...bytes, 0x1c, 0x0d])
  const framing = createMllpFramer().push(wire, clockAt)
  if (framing.messages.length !== 1) {
    verdict.failures.push(`${framing.messages.length} frames, expected 1`)
    return verdict
  }
  const message = parseHl7(framing.messages[0] as Uint8Array)
  if ('code' in message) {
    verdict.failures.push(`not parsed: ${message.code}`)
    return verdict
  }
  const content = decodeHl7(message)
  const refusal = content.kind === 'refused' ? { result: content.result, code: content.code } : undefined
  const answers = buildHl7Answers(message, refusal ?? { result: 'accept' }, { nowAt: clockAt, controlId: 'CHECK' })
  checkAnswers(message, answers, refusal ? 'refused' : 'accepted', verdict)
  const expected = expectation.expected
  const values: Partial<Record<VitalKey, number>> = content.kind === 'vitals' ? content.values : {}
  if (expected === null || expected === undefined) {
    for (const [key, value] of Object.entries(values)) verdict.failures.push(`${key} ${value} was invented`)
    verdict.notes.push(content.kind === 'refused' ? `refused: ${content.code}` : `${content.kind}, no vital sign`)
  } else if (content.kind === 'vitals') {
    compareVitals(content, expected, message, verdict)
    const time = content.at === undefined ? 'no time' : new Date(content.at).toISOString()
    verdict.notes.push(`${JSON.stringify(values)} ${time} by ${content.timeFrom}`)
    if (content.isTest || content.isDemo) verdict.notes.push('演练')
  } else if (content.kind === 'visit') {
    compareVisit(content, expected, message, verdict)
    verdict.notes.push(`visit ${content.event} ${content.patient.visitNumber ?? ''}`)
  } else verdict.failures.push(`refused: ${content.code}`)
  return verdict
}

/** The answer must echo MSH-10 and be of the mode MSH-15 and MSH-16 ask for. */
function checkAnswers(
  message: Hl7Message,
  answers: { accept?: string; application?: string },
  outcome: 'refused' | 'accepted',
  verdict: Hl7Verdict,
): void {
  const msh = findHl7Segment(message, 'MSH')
  const [accept, application] = [getHl7Text(message, msh, 15), getHl7Text(message, msh, 16)]
  const isOriginal = accept === '' && application === ''
  if (isOriginal && (answers.application === undefined || answers.accept !== undefined))
    verdict.failures.push('original mode wants one application answer')
  if (accept === 'AL' && answers.accept === undefined) verdict.failures.push('MSH-15 AL wants an accept answer')
  if (application === 'NE' && answers.application !== undefined)
    verdict.failures.push('MSH-16 NE wants no application answer')
  for (const [level, text] of [['C', answers.accept] as const, ['A', answers.application] as const]) {
    if (text === undefined) continue
    const framed = createMllpFramer().push(encodeMllp(text), clockAt).messages[0]
    const answer = framed ? parseHl7(framed) : undefined
    const msa = answer && 'segments' in answer ? findHl7Segment(answer, 'MSA') : undefined
    if (getHl7Field(msa, 2) !== getHl7Field(msh, 10))
      verdict.failures.push(`MSA-2 ${getHl7Field(msa, 2)} is not MSH-10`)
    const wanted = level + (outcome === 'accepted' ? 'A' : 'R')
    if (getHl7Field(msa, 1) !== wanted) verdict.failures.push(`MSA-1 ${getHl7Field(msa, 1)}, expected ${wanted}`)
    verdict.notes.push(wanted)
  }
}

/** Messages of a folder with their expectations; a message without json is only parsed and answered. */
export function readHl7Vectors(folder: string): { name: string; bytes: Uint8Array; expectation: Expectation }[] {
  return readdirSync(folder)
    .filter(name => name.endsWith('.hl7'))
    .sort()
    .map(name => {
      const json = join(folder, name.replace(/\.hl7$/, '.json'))
      const expectation = existsSync(json) ? (JSON.parse(readFileSync(json, 'utf8')) as Expectation) : {}
      return { name, bytes: readFileSync(join(folder, name)), expectation }
    })
}

function main(folder: string | undefined): number {
  if (!folder) {
    console.error('usage: npm run -s check:hl7 -- DIR')
    return 2
  }
  let failed = 0
  const vectors = readHl7Vectors(folder)
  for (const { name, bytes, expectation } of vectors) {
    const { failures, notes } = checkHl7Message(bytes, expectation)
    if (failures.length > 0) failed++
    const text = failures.length > 0 ? failures.join('; ') : notes.join('; ')
    console.log(`${failures.length > 0 ? 'FAIL' : 'pass'} ${name} ${text}`)
  }
  console.log(`${vectors.length - failed} passed, ${failed} failed`)
  return failed === 0 && vectors.length > 0 ? 0 : 1
}

if (import.meta.main) process.exitCode = main(process.argv[2])
