/**
 * Diseases: the one code tree of report cards, rules and screens. The 40 notifiable diseases of the law in force since
 * 2025-09-01 (甲 2, 乙 27, 丙 11), their children, and the ids that name an event and no disease of the list. Reviewed data,
 * versioned: a changed tree is a new version. Pure. Promises: an id is never reused, every ICD-10 prefix stands at one node.
 * Classes and limits are taken from public copies of the texts, ICD-10 sets from general knowledge: a CDC partner checks
 * them before live use.
 * @source 中华人民共和国传染病防治法 (2025 revision); 传染病信息报告管理规范 (2026); ICD-10
 */
import type { Syndrome } from './scalars.ts'

export const diseasesVersion = '2026.11-1'

export type LawClass = 'A' | 'B' | 'C'
export type CaseClass = 'suspected' | 'clinical' | 'confirmed' | 'carrier'

export type Disease = {
  diseaseId: string
  /** The disease it is a part of; absent for one of the 40, and for what is not notifiable by itself. */
  parentId?: string
  zh: string
  en: string
  /** Class of the law; absent for what the list does not hold. */
  lawClass?: LawClass
  /** Managed as class A: card and review within the short limit. */
  asA?: true
  /** ICD-10 prefixes of this node itself. The longest prefix of the whole tree wins. */
  icd10: readonly string[]
  /** What its cases would be coded as before anybody knows the disease. */
  syndrome: Syndrome
  /** Names an event of the statutory thresholds; `card` says whether a single case has a card at all. */
  eventOnly?: { card: boolean }
  /** A carrier without disease is reported by a card of its own. */
  carrier?: true
  /** Cases of one person this many days apart are one case; absent: `duplicateDays`. */
  duplicateDays?: number
  /** Ids under which earlier senders knew it; read, never written. */
  aliases?: readonly string[]
}

/** Days within which two cards of one person and disease are one case, unless the disease says otherwise. */
export const duplicateDays = 30
/** Diseases a person has once, or for good. */
const lifelongDays = 36_500

type More = Partial<Omit<Disease, 'diseaseId' | 'zh' | 'en' | 'icd10' | 'syndrome'>>
const node = (
  diseaseId: string,
  zh: string,
  en: string,
  icd10: string,
  syndrome: Syndrome,
  more: More = {},
): Disease => ({
  diseaseId,
  zh,
  en,
  icd10: icd10 === '' ? [] : icd10.split(' '),
  syndrome,
  ...more,
})
const A = { lawClass: 'A', asA: true } as const
const B = { lawClass: 'B' } as const
const C = { lawClass: 'C' } as const
const under = (parentId: string, more: More = {}): More => ({ parentId, ...more })
const event = (card = false): More => ({ eventOnly: { card } })

/** The tree. Order: as the law lists them, children behind their parent, event ids last. */
export const diseases: readonly Disease[] = [
  // 甲类
  node('plague', '鼠疫', 'Plague', 'A20', 'other', A),
  node('plague_bubonic', '腺鼠疫', 'Bubonic plague', 'A20.0', 'other', under('plague')),
  node('plague_pneumonic', '肺鼠疫', 'Pneumonic plague', 'A20.2', 'respiratory', under('plague')),
  node('cholera', '霍乱', 'Cholera', 'A00', 'diarrhoeal', { ...A, carrier: true }),
  // 乙类
  node('covid19', '新型冠状病毒感染', 'COVID-19', 'U07.1 U07.2', 'respiratory', { ...B, carrier: true }),
  node('sars', '传染性非典型肺炎', 'SARS', 'U04 J12.81', 'respiratory', { ...B, asA: true }),
  node('hiv', '艾滋病', 'HIV and AIDS', '', 'other', { ...B, duplicateDays: lifelongDays }),
  node('hiv_infection', 'HIV 感染', 'HIV infection', 'Z21', 'other', under('hiv')),
  node('aids', '艾滋病病人', 'AIDS', 'B20 B21 B22 B23 B24', 'other', under('hiv')),
  node('hepatitis', '病毒性肝炎', 'Viral hepatitis', '', 'other', B),
  node('hepatitis_a', '甲型肝炎', 'Hepatitis A', 'B15', 'other', under('hepatitis')),
  node(
    'hepatitis_b',
    '乙型肝炎',
    'Hepatitis B',
    'B16 B18.0 B18.1',
    'other',
    under('hepatitis', { duplicateDays: lifelongDays }),
  ),
  node(
    'hepatitis_c',
    '丙型肝炎',
    'Hepatitis C',
    'B17.1 B18.2',
    'other',
    under('hepatitis', { duplicateDays: lifelongDays }),
  ),
  node('hepatitis_d', '丁型肝炎', 'Hepatitis D', 'B16.0 B16.1 B17.0', 'other', under('hepatitis')),
  node('hepatitis_e', '戊型肝炎', 'Hepatitis E', 'B17.2', 'other', under('hepatitis')),
  node('hepatitis_untyped', '肝炎(未分型)', 'Hepatitis, not typed', 'B17 B18 B19', 'other', under('hepatitis')),
  node('polio', '脊髓灰质炎', 'Poliomyelitis', 'A80', 'neurological', { ...B, carrier: true }),
  node('novelflu', '人感染新亚型流感', 'Human infection with a novel influenza subtype', 'J09', 'respiratory', B),
  node('measles', '麻疹', 'Measles', 'B05', 'fever-rash', B),
  node('hfrs', '流行性出血热', 'Haemorrhagic fever with renal syndrome', 'A98.5', 'other', B),
  node('rabies', '狂犬病', 'Rabies', 'A82', 'neurological', B),
  node('je', '流行性乙型脑炎', 'Japanese encephalitis', 'A83.0', 'neurological', B),
  node('dengue', '登革热', 'Dengue', 'A90 A91 A97', 'fever-rash', B),
  node('mpox', '猴痘', 'Mpox', 'B04', 'fever-rash', B),
  node('anthrax', '炭疽', 'Anthrax', 'A22', 'other', B),
  node('anthrax_pulm', '肺炭疽', 'Pulmonary anthrax', 'A22.1', 'respiratory', under('anthrax', { asA: true })),
  node('anthrax_cutaneous', '皮肤炭疽', 'Cutaneous anthrax', 'A22.0', 'other', under('anthrax')),
  node('anthrax_intestinal', '肠炭疽', 'Intestinal anthrax', 'A22.2', 'diarrhoeal', under('anthrax')),
  node('dysentery', '细菌性和阿米巴性痢疾', 'Bacillary and amoebic dysentery', '', 'diarrhoeal', B),
  node(
    'dysentery_bacillary',
    '细菌性痢疾',
    'Bacillary dysentery',
    'A03',
    'diarrhoeal',
    under('dysentery', { carrier: true }),
  ),
  node('dysentery_amoebic', '阿米巴性痢疾', 'Amoebic dysentery', 'A06', 'diarrhoeal', under('dysentery')),
  node('tb', '肺结核', 'Pulmonary tuberculosis', '', 'respiratory', { ...B, duplicateDays: 365 }),
  node(
    'tb_bacteriological',
    '病原学阳性肺结核',
    'Tuberculosis, bacteriologically confirmed',
    'A15',
    'respiratory',
    under('tb'),
  ),
  node('tb_clinical', '病原学阴性或无结果肺结核', 'Tuberculosis, not confirmed', 'A16', 'respiratory', under('tb')),
  node('typhoid', '伤寒和副伤寒', 'Typhoid and paratyphoid', 'A01', 'diarrhoeal', B),
  node('typhoid_fever', '伤寒', 'Typhoid fever', 'A01.0', 'diarrhoeal', under('typhoid', { carrier: true })),
  node(
    'paratyphoid',
    '副伤寒',
    'Paratyphoid fever',
    'A01.1 A01.2 A01.3 A01.4',
    'diarrhoeal',
    under('typhoid', { carrier: true }),
  ),
  node('meningococcal', '流行性脑脊髓膜炎', 'Meningococcal meningitis', 'A39', 'neurological', B),
  node('pertussis', '百日咳', 'Pertussis', 'A37', 'respiratory', B),
  node('diphtheria', '白喉', 'Diphtheria', 'A36', 'respiratory', { ...B, carrier: true }),
  node('nntetanus', '新生儿破伤风', 'Neonatal tetanus', 'A33', 'neurological', B),
  node('scarlet', '猩红热', 'Scarlet fever', 'A38', 'fever-rash', { ...B, aliases: ['scarlet-fever'] }),
  node('brucellosis', '布鲁氏菌病', 'Brucellosis', 'A23', 'other', { ...B, duplicateDays: 365 }),
  node('gonorrhoea', '淋病', 'Gonorrhoea', 'A54', 'other', B),
  node('syphilis', '梅毒', 'Syphilis', '', 'other', { ...B, duplicateDays: 365 }),
  node('syphilis_congenital', '胎传梅毒', 'Congenital syphilis', 'A50', 'other', under('syphilis')),
  node('syphilis_early', '早期梅毒', 'Early syphilis', 'A51', 'other', under('syphilis')),
  node('syphilis_late', '晚期梅毒', 'Late syphilis', 'A52', 'other', under('syphilis')),
  node('syphilis_other', '梅毒(未分期)', 'Syphilis, stage unknown', 'A53', 'other', under('syphilis')),
  node('lepto', '钩端螺旋体病', 'Leptospirosis', 'A27', 'other', B),
  node('schisto', '血吸虫病', 'Schistosomiasis', 'B65', 'other', B),
  node('malaria', '疟疾', 'Malaria', '', 'other', { ...B, carrier: true }),
  node('malaria_falciparum', '恶性疟', 'Falciparum malaria', 'B50', 'other', under('malaria')),
  node('malaria_vivax', '间日疟', 'Vivax malaria', 'B51', 'other', under('malaria')),
  node('malaria_other', '疟疾(其他或未分型)', 'Malaria, other or not typed', 'B52 B53 B54', 'other', under('malaria')),
  // 丙类
  node('influenza', '流行性感冒', 'Influenza', 'J10 J11', 'respiratory', C),
  node('mumps', '流行性腮腺炎', 'Mumps', 'B26', 'other', C),
  node('rubella', '风疹', 'Rubella', 'B06', 'fever-rash', C),
  node('ahc', '急性出血性结膜炎', 'Acute haemorrhagic conjunctivitis', 'B30.3', 'other', C),
  node('leprosy', '麻风病', 'Leprosy', 'A30', 'other', { ...C, duplicateDays: lifelongDays }),
  node('typhus', '流行性和地方性斑疹伤寒', 'Epidemic and endemic typhus', 'A75', 'fever-rash', C),
  node('typhus_epidemic', '流行性斑疹伤寒', 'Epidemic typhus', 'A75.0 A75.1', 'fever-rash', under('typhus')),
  node('typhus_endemic', '地方性斑疹伤寒', 'Endemic typhus', 'A75.2', 'fever-rash', under('typhus')),
  node('kalaazar', '黑热病', 'Visceral leishmaniasis', 'B55.0', 'other', C),
  node('echino', '包虫病', 'Echinococcosis', 'B67', 'other', { ...C, duplicateDays: lifelongDays }),
  node('filaria', '丝虫病', 'Filariasis', 'B74', 'other', C),
  node(
    'otherdiarrhoea',
    '除霍乱、细菌性和阿米巴性痢疾、伤寒和副伤寒以外的感染性腹泻病',
    'Other infectious diarrhoea',
    'A02 A04 A05 A07 A08 A09',
    'diarrhoeal',
    { ...C, aliases: ['other-infectious-diarrhoea'] },
  ),
  node('hfmd', '手足口病', 'Hand, foot and mouth disease', 'B08.4', 'fever-rash', {
    ...C,
    aliases: ['hand-foot-mouth'],
  }),
  // ids of the statutory event thresholds that name no disease of the list
  node('hepatitis_AE', '甲肝/戊肝', 'Hepatitis A or E', '', 'other', event()),
  node('ili', '流感样病例', 'Influenza-like illness', '', 'respiratory', event()),
  node('varicella', '水痘', 'Varicella', 'B01', 'fever-rash', event(true)),
  node('pneumonia_unknown', '不明原因肺炎', 'Pneumonia of unknown cause', '', 'respiratory', {
    ...event(true),
    asA: true,
  }),
  node('emerging', '新发或本县近五年未报告的传染病', 'Emerging disease', '', 'other', { ...event(true), asA: true }),
  node(
    'transfusion_hbv_hcv_hiv',
    '输血性乙肝、丙肝或 HIV 感染',
    'Transfusion-borne HBV, HCV or HIV',
    '',
    'other',
    event(),
  ),
  node('foodpoisoning', '食物中毒', 'Food poisoning', '', 'poisoning', event()),
  node('occupational', '急性职业中毒', 'Acute occupational poisoning', '', 'poisoning', event()),
  node('otherpoisoning', '其他急性中毒', 'Other acute poisoning', 'T58', 'poisoning', event()),
  node('environment', '环境因素所致急性病例', 'Acute cases by the environment', '', 'other', event()),
  node('radiation', '意外辐射照射', 'Accidental irradiation', '', 'other', event()),
  node('agentloss', '菌毒种丢失', 'Loss of an agent', '', 'other', event()),
  node('vaccination', '群体性疑似预防接种异常反应', 'Adverse events following immunisation', '', 'other', event()),
  node('nosocomial', '医源性、实验室和医院感染暴发', 'Nosocomial outbreak', '', 'other', event()),
  node('unknown_group', '群体性不明原因疾病', 'Cluster of unknown cause', '', 'other', event()),
  node('other', '其他突发公共卫生事件', 'Other event', '', 'other', event()),
]

const byId = new Map<string, Disease>()
const byPrefix = new Map<string, Disease>()
for (const one of diseases) {
  byId.set(one.diseaseId, one)
  for (const alias of one.aliases ?? []) byId.set(alias, one)
  for (const prefix of one.icd10) byPrefix.set(prefix.replace('.', ''), one)
}

/** Finds a disease by its id or a former id; undefined for a code outside the tree. */
export function findDiseaseById(diseaseId: string): Disease | undefined {
  return byId.get(diseaseId)
}

/**
 * Finds the disease of an ICD-10 code, the most specific one. Case, blanks, the dot and national extensions (A22.100x001) do
 * not matter; undefined when no node holds a prefix of it.
 */
export function findDisease(icd10: string): Disease | undefined {
  const plain = /^([A-Z]\d\d)\.?(\d*)/.exec(icd10.normalize('NFKC').replaceAll(/\s/g, '').toUpperCase())
  if (!plain) return undefined
  for (let code = `${plain[1]}${plain[2]}`; code.length >= 3; code = code.slice(0, -1)) {
    const found = byPrefix.get(code)
    if (found) return found
  }
  return undefined
}

/** The disease of the list (or event id) at the head of a node; the id itself for a code outside the tree. */
export function getDiseaseRoot(diseaseId: string): string {
  const found = byId.get(diseaseId)
  return found?.parentId ?? found?.diseaseId ?? diseaseId
}

/** Ids of a disease and everything under it, its own first. */
export function listDiseaseIds(diseaseId: string): string[] {
  const found = byId.get(diseaseId)
  if (!found) return [diseaseId]
  return [found.diseaseId, ...diseases.filter(one => one.parentId === found.diseaseId).map(one => one.diseaseId)]
}

/** Class of the law of a node or of the disease it belongs to; undefined for event ids. */
export function findLawClass(diseaseId: string): LawClass | undefined {
  return byId.get(getDiseaseRoot(diseaseId))?.lawClass
}

/** True when card and review are due within the short limit: class A, managed as class A, or of unknown cause. */
export function isUrgent(diseaseId: string): boolean {
  return byId.get(diseaseId)?.asA === true || byId.get(getDiseaseRoot(diseaseId))?.asA === true
}

/** True when a person may file a card under this id. */
export function isFileable(disease: Disease): boolean {
  return disease.eventOnly === undefined || disease.eventOnly.card
}

/** True when one node lies above the other or they are one: an ICD-10 code may be more specific than the card's disease. */
export function isSameLine(oneId: string, otherId: string): boolean {
  return getDiseaseRoot(oneId) === getDiseaseRoot(otherId)
}

/** True when a carrier of this disease is reported by a card. */
export function mayCarry(disease: Disease): boolean {
  return disease.carrier === true || (disease.parentId !== undefined && byId.get(disease.parentId)?.carrier === true)
}

/** Days within which two cards of one person are one case of this disease. */
export function getDuplicateDays(diseaseId: string): number {
  return byId.get(diseaseId)?.duplicateDays ?? byId.get(getDiseaseRoot(diseaseId))?.duplicateDays ?? duplicateDays
}

const hourMs = 3_600_000
/** Limits from diagnosis to filing and from filing to the county's review. @source 传染病信息报告管理规范 (2026): 2 h / 24 h */
export const cardLimitsMs = {
  urgent: { file: 2 * hourMs, review: 2 * hourMs },
  usual: { file: 24 * hourMs, review: 24 * hourMs },
} as const

/** The limits of a disease. */
export function getCardLimits(diseaseId: string): { file: number; review: number } {
  return isUrgent(diseaseId) ? cardLimitsMs.urgent : cardLimitsMs.usual
}
