/**
 * Codes: free text → codes, at the door, by a named dictionary version, so that the core can reason about what it never reads.
 * Longest term wins; a negation before a term ("不发烧", "无腹泻", "no fever") cancels it; nothing found is `unknown`, never a guess.
 */
import type { Complaint } from '#contract/entry.ts'
import type { Syndrome } from '#contract/scalars.ts'

type Term = readonly [term: string, code: string, syndrome: Syndrome]

/** Own reviewed word list for chief complaints of 120 calls, Chinese and English. Versioned: a changed list is a new version. */
export const complaintDictionary = {
  version: 'zh-2026.11',
  terms: [
    ['发热伴皮疹', 'fever-rash', 'fever-rash'],
    ['发烧出疹', 'fever-rash', 'fever-rash'],
    ['皮疹', 'rash', 'fever-rash'],
    ['水痘', 'rash', 'fever-rash'],
    ['呼吸困难', 'breathing', 'respiratory'],
    ['喘不上气', 'breathing', 'respiratory'],
    ['气喘', 'breathing', 'respiratory'],
    ['气促', 'breathing', 'respiratory'],
    ['哮喘', 'asthma', 'respiratory'],
    ['咳嗽', 'cough', 'respiratory'],
    ['咳血', 'haemoptysis', 'respiratory'],
    ['高热', 'fever', 'respiratory'],
    ['高烧', 'fever', 'respiratory'],
    ['发热', 'fever', 'respiratory'],
    ['发烧', 'fever', 'respiratory'],
    ['咽痛', 'sore-throat', 'respiratory'],
    ['流感', 'influenza', 'respiratory'],
    ['腹泻', 'diarrhoea', 'diarrhoeal'],
    ['拉肚子', 'diarrhoea', 'diarrhoeal'],
    ['上吐下泻', 'vomit-diarrhoea', 'diarrhoeal'],
    ['呕吐', 'vomiting', 'diarrhoeal'],
    ['胸痛', 'chest-pain', 'cardiac'],
    ['胸闷', 'chest-pain', 'cardiac'],
    ['心梗', 'chest-pain', 'cardiac'],
    ['心跳骤停', 'arrest', 'cardiac'],
    ['没有呼吸', 'arrest', 'cardiac'],
    ['没有心跳', 'arrest', 'cardiac'],
    ['心悸', 'palpitation', 'cardiac'],
    ['中风', 'stroke', 'neurological'],
    ['偏瘫', 'stroke', 'neurological'],
    ['口角歪斜', 'stroke', 'neurological'],
    ['抽搐', 'seizure', 'neurological'],
    ['癫痫', 'seizure', 'neurological'],
    ['昏迷', 'unconscious', 'neurological'],
    ['意识不清', 'unconscious', 'neurological'],
    ['头晕', 'dizziness', 'neurological'],
    ['煤气中毒', 'carbon-monoxide', 'poisoning'],
    ['一氧化碳', 'carbon-monoxide', 'poisoning'],
    ['食物中毒', 'food-poisoning', 'poisoning'],
    ['农药', 'pesticide', 'poisoning'],
    ['中毒', 'poisoning', 'poisoning'],
    ['车祸', 'traffic', 'trauma'],
    ['交通事故', 'traffic', 'trauma'],
    ['摔伤', 'fall', 'trauma'],
    ['坠落', 'fall', 'trauma'],
    ['骨折', 'fracture', 'trauma'],
    ['外伤', 'injury', 'trauma'],
    ['烧伤', 'burn', 'trauma'],
    ['出血', 'bleeding', 'trauma'],
    ['分娩', 'labour', 'other'],
    ['腹痛', 'abdominal-pain', 'other'],
    ['respiratory emergency', 'breathing', 'respiratory'],
    ['respiratory', 'breathing', 'respiratory'],
    ['difficulty breathing', 'breathing', 'respiratory'],
    ['asthma', 'asthma', 'respiratory'],
    ['fever', 'fever', 'respiratory'],
    ['cough', 'cough', 'respiratory'],
    ['diarrhea', 'diarrhoea', 'diarrhoeal'],
    ['diarrhoea', 'diarrhoea', 'diarrhoeal'],
    ['nausea/vomiting', 'vomiting', 'diarrhoeal'],
    ['vomiting', 'vomiting', 'diarrhoeal'],
    ['cardiac arrest', 'arrest', 'cardiac'],
    ['cardiac emergency', 'chest-pain', 'cardiac'],
    ['chest pain', 'chest-pain', 'cardiac'],
    ['cva/stroke', 'stroke', 'neurological'],
    ['stroke', 'stroke', 'neurological'],
    ['seizures', 'seizure', 'neurological'],
    ['seizure', 'seizure', 'neurological'],
    ['unconscious subject', 'unconscious', 'neurological'],
    ['unresponsive subject', 'unconscious', 'neurological'],
    ['syncopal episode', 'syncope', 'neurological'],
    ['altered mental status', 'altered-mental', 'neurological'],
    ['dizziness', 'dizziness', 'neurological'],
    ['headache', 'headache', 'neurological'],
    ['carbon monoxide', 'carbon-monoxide', 'poisoning'],
    ['overdose', 'overdose', 'poisoning'],
    ['poisoning', 'poisoning', 'poisoning'],
    ['vehicle accident', 'traffic', 'trauma'],
    ['fall victim', 'fall', 'trauma'],
    ['fracture', 'fracture', 'trauma'],
    ['head injury', 'injury', 'trauma'],
    ['hemorrhaging', 'bleeding', 'trauma'],
    ['laceration', 'injury', 'trauma'],
    ['burn victim', 'burn', 'trauma'],
    ['abdominal pains', 'abdominal-pain', 'other'],
    ['back pains', 'back-pain', 'other'],
    ['general weakness', 'weakness', 'other'],
    ['maternity', 'labour', 'other'],
    ['diabetic emergency', 'diabetic', 'other'],
    ['allergic reaction', 'allergy', 'other'],
  ] as readonly Term[],
  negations: ['没有', '没', '不', '无', '否认', '未', 'no ', 'not ', 'denies ', 'without '] as readonly string[],
  /** Terms that hold a negation themselves and mean what they say. */
  affirmed: ['没有呼吸', '没有心跳'] as readonly string[],
}

/** Characters before a term in which a negation cancels it. */
const negationReach = 4

const byLength = [...complaintDictionary.terms].sort((a, b) => b[0].length - a[0].length)

function isNegated(text: string, at: number, term: string): boolean {
  if (complaintDictionary.affirmed.includes(term)) return false
  const before = text.slice(Math.max(0, at - (/[a-z]/.test(term) ? 9 : negationReach)), at)
  const clause = before.split(/[,，。;；、.]/).at(-1) ?? ''
  return complaintDictionary.negations.some(word => clause.includes(word))
}

/** Codes a chief complaint; `unknown` when no term stands affirmed in it. */
export function codeComplaint(text: string): Complaint {
  const lower = text.toLowerCase()
  // What is denied is denied as a whole: "no difficulty breathing" holds neither a difficulty nor an arrest.
  const denied: [from: number, to: number][] = []
  for (const [term, code, syndrome] of byLength) {
    for (let at = lower.indexOf(term); at >= 0; at = lower.indexOf(term, at + term.length)) {
      const to = at + term.length
      if (denied.some(span => at < span[1] && span[0] < to)) continue
      if (!isNegated(lower, at, term)) return { code, syndrome, dictionary: complaintDictionary.version }
      denied.push([at, to])
    }
  }
  return { code: 'unknown', syndrome: 'unknown', dictionary: complaintDictionary.version }
}
