/**
 * Cards: what makes a report card hold together, judged the same at the door (a new card) and in the world (a card as corrected).
 * Pure. Promises: the first fault found, with words in both languages, or none.
 * @source 传染病信息报告管理规范 (2026): one disease, one class, dates in order
 */
import { findDisease, findDiseaseById, isFileable, isSameLine, mayCarry } from './diseases.ts'
import { type Reject, reject } from './errors.ts'
import { getDayIndex, parseDay } from './scalars.ts'

/** The plain part of a card, as far as it is judged. */
export type CardFacts = {
  diseaseId: string
  caseClass?: string | undefined
  icd10?: string | undefined
  onsetDay?: string | undefined
  deathDay?: string | undefined
  diagnosedAt?: number | undefined
  filedAt?: number | undefined
  ageBand?: string | undefined
  occupation?: string | undefined
}

/** Age bands a group of occupation goes with; a group not named here goes with every band. */
const agesOf: Readonly<Record<string, readonly string[]>> = {
  'preschool-home': ['0-4', '5-14', 'unknown'],
  'preschool-kindergarten': ['0-4', '5-14', 'unknown'],
  student: ['5-14', '15-24', '25-59', 'unknown'],
  teacher: ['15-24', '25-59', '60+', 'unknown'],
  medical: ['15-24', '25-59', '60+', 'unknown'],
  retired: ['25-59', '60+', 'unknown'],
}

function findBadDates(card: CardFacts): Reject | undefined {
  const day = (text: string | undefined) => (text === undefined ? undefined : parseDay(text))
  for (const text of [card.onsetDay, card.deathDay])
    if (text !== undefined && parseDay(text) === undefined) return reject('DAY_INVALID', { day: text })
  const onset = day(card.onsetDay)
  const diagnosis = card.diagnosedAt === undefined ? undefined : getDayIndex(card.diagnosedAt)
  const filing = card.filedAt === undefined ? undefined : getDayIndex(card.filedAt)
  const death = day(card.deathDay)
  const order = [
    [onset, diagnosis, '发病日期', 'onset', '诊断日期', 'diagnosis'],
    [onset, filing, '发病日期', 'onset', '填卡日期', 'filing'],
    [card.diagnosedAt, card.filedAt, '诊断时间', 'diagnosis', '填卡时间', 'filing'],
    [onset, death, '发病日期', 'onset', '死亡日期', 'death'],
    [death, filing, '死亡日期', 'death', '填卡日期', 'filing'],
  ] as const
  for (const [earlier, later, zh, en, laterZh, laterEn] of order)
    if (earlier !== undefined && later !== undefined && earlier > later)
      return reject('CARD_DATES', { earlier: zh, earlierEn: en, later: laterZh, laterEn })
  return undefined
}

/** The first thing wrong with a card; undefined when it holds together. DISEASE_UNKNOWN, CARD_*, DAY_INVALID. */
export function judgeCard(card: CardFacts): Reject | undefined {
  const disease = findDiseaseById(card.diseaseId)
  if (!disease || !isFileable(disease)) return reject('DISEASE_UNKNOWN', { diseaseId: card.diseaseId })
  // A code no node holds says nothing against the disease: hospitals code beyond the list too.
  const coded = card.icd10 === undefined ? undefined : findDisease(card.icd10)
  if (coded && !isSameLine(coded.diseaseId, disease.diseaseId))
    return reject('CARD_ICD10', { icd10: card.icd10!, found: coded.zh, foundEn: coded.en })
  if (card.caseClass === 'carrier' && !mayCarry(disease))
    return reject('CARD_CLASS', { disease: disease.zh, diseaseEn: disease.en })
  const bad = findBadDates(card)
  if (bad) return bad
  if (card.ageBand === undefined) return undefined
  if (disease.diseaseId === 'nntetanus' && card.ageBand !== '0-4' && card.ageBand !== 'unknown')
    return reject('CARD_AGE', { ageBand: card.ageBand, what: disease.zh, whatEn: disease.en })
  const ages = card.occupation === undefined ? undefined : agesOf[card.occupation]
  if (ages && !ages.includes(card.ageBand))
    return reject('CARD_AGE', { ageBand: card.ageBand, what: '人群分类', whatEn: 'the occupation' })
  return undefined
}
