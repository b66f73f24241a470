/**
 * Default rules: what a city that has published none starts with. Data, published as `rule.published` at the first start and
 * replaced by the city's own. Levels are signals (1 处置 · 2 核实 · 3 关注 · 4 提示); the colours belong to graded events alone.
 */
import type { Rule, RuleInput } from '#contract/rule.ts'
import { Rule as RuleSchema } from '#contract/rule.ts'
import type { SourceKind, Syndrome } from '#contract/scalars.ts'

/** Source kinds that witness a syndrome independently of each other. */
const witnesses: Record<'respiratory' | 'diarrhoeal', SourceKind[]> = {
  respiratory: ['hospital-outpatient', 'hospital-emergency', 'pharmacy', 'school-absence', 'call-120', 'hotline'],
  diarrhoeal: ['hospital-outpatient', 'hospital-emergency', 'pharmacy', 'school-absence', 'call-120', 'hotline'],
}

/** 24 h to verify a statistical signal; the first reminder comes much sooner. */
const statistical: RuleInput['escalation'] = [
  { afterS: 0, role: 'epidemiologist' },
  { afterS: 30 * 60, role: 'shift-leader' },
]
/** 2 h to verify what the law names. */
const urgent: RuleInput['escalation'] = [
  { afterS: 0, role: 'epidemiologist' },
  { afterS: 10 * 60, role: 'shift-leader' },
]

type Watched = keyof typeof witnesses
const inWords: Record<Watched, { zh: string; en: string }> = {
  respiratory: { zh: '呼吸道症候群', en: 'Respiratory' },
  diarrhoeal: { zh: '腹泻症候群', en: 'Diarrhoeal' },
}

/**
 * C2 on counts freed of the calendar against four weeks: seven days make a spread so uncertain that a level of 0.001 is one of
 * 0.014 in truth. Levels chosen on quiet simulated years (DECISIONS 29).
 */
const buildLeaf = (syndrome: Watched, sourceKind: SourceKind, alpha: number) =>
  ({
    type: 'detector',
    method: 'earsC2',
    sourceKind,
    syndrome,
    period: 'day',
    baseline: 28,
    minSigma: 1,
    minCount: 5,
    adjust: 'calendar',
    alpha,
  }) as const

/** Two kinds of witnesses, each unusual by itself. */
function buildMultiTrigger(syndrome: Watched): RuleInput {
  return {
    ruleId: `multi-${syndrome}`,
    version: 2,
    name: `${inWords[syndrome].zh}多点触发`,
    nameEn: `${inWords[syndrome].en} multi-trigger`,
    level: 2,
    syndrome: syndrome satisfies Syndrome,
    regionLevel: 'county',
    windowH: 48,
    when: { type: 'kOf', k: 2, of: witnesses[syndrome].map(kind => buildLeaf(syndrome, kind, 0.003)) },
    minCases: 20,
    escalation: statistical,
    basis: '国疾控监测发〔2024〕16号 多点触发;EARS C2 (Hutwagner 2003), 星期与节假日校正, 两类独立来源',
  }
}

/**
 * What the analysts found in long history: a week above six years of its season, or neighbours that rise together. One such
 * cluster by chance a year and series; the alert asks a person to look, no more.
 */
function buildStudied(syndrome: Watched): RuleInput {
  return {
    ruleId: `studied-${syndrome}`,
    version: 1,
    name: `${inWords[syndrome].zh}分析信号`,
    nameEn: `${inWords[syndrome].en} found by analysts`,
    level: 3,
    syndrome,
    regionLevel: 'county',
    windowH: 48,
    when: {
      type: 'anyOf',
      of: witnesses[syndrome].flatMap(sourceKind => [
        { type: 'found' as const, method: 'scan-permutation', sourceKind, syndrome, minRecurrenceDays: 365 },
        { type: 'found' as const, method: 'farrington-weekly', sourceKind, syndrome, maxP: 0.001 },
      ]),
    },
    escalation: statistical,
    basis: '时空重排扫描 (Kulldorff 2005), 复现间隔不短于一年;Farrington flexible (Noufaily 2013), 六年周序列',
  }
}

/** Many witnesses, each a little unusual: what counting to two does not see. */
function buildJoined(syndrome: Watched): RuleInput {
  return {
    ruleId: `joined-${syndrome}`,
    version: 1,
    name: `${inWords[syndrome].zh}多源联合`,
    nameEn: `${inWords[syndrome].en} joined sources`,
    level: 3,
    syndrome,
    regionLevel: 'county',
    windowH: 48,
    when: {
      type: 'combined-p',
      method: 'fisher',
      sourceKinds: [...witnesses[syndrome]],
      syndrome,
      baseline: 28,
      alpha: 0.001,
      minCount: 10,
      adjust: 'calendar',
    },
    escalation: statistical,
    basis: '国疾控监测发〔2024〕16号 多点触发;Fisher 联合检验, 相关性按 Brown (1975) 校正',
  }
}

/** One witness, very unusual: an outbreak that a single source can see. */
function buildSingle(syndrome: Watched): RuleInput {
  return {
    ruleId: `single-${syndrome}`,
    version: 1,
    name: `${inWords[syndrome].zh}单一来源`,
    nameEn: `${inWords[syndrome].en} single source`,
    level: 3,
    syndrome,
    regionLevel: 'county',
    windowH: 48,
    when: { type: 'anyOf', of: witnesses[syndrome].map(kind => buildLeaf(syndrome, kind, 0.001)) },
    escalation: statistical,
    basis: 'EARS C2 (Hutwagner 2003), 四周基线, α = 0.001, 星期与节假日校正',
  }
}

const law2005 = '国家突发公共卫生事件相关信息报告管理工作规范(试行) 2005'

/**
 * Cases of one disease in one collective (school, kindergarten, village, site). Name, diseases, days, cases, deaths that are
 * enough alone; whether the figure was seen in a copy of the text or is from general knowledge. To be reviewed by a partner.
 */
const collectives: readonly [
  ruleId: string,
  zh: string,
  en: string,
  diseaseIds: string[],
  days: number,
  min: number,
  deaths: number | undefined,
  isSeen: boolean,
][] = [
  [
    'anthrax',
    '皮肤炭疽或肠炭疽',
    'Cutaneous or intestinal anthrax',
    ['anthrax_cutaneous', 'anthrax_intestinal'],
    7,
    3,
    undefined,
    false,
  ],
  ['hepatitis-ae', '甲肝/戊肝', 'Hepatitis A or E', ['hepatitis_a', 'hepatitis_e'], 7, 5, undefined, true],
  ['typhoid', '伤寒(副伤寒)', 'Typhoid and paratyphoid', ['typhoid'], 7, 5, 2, true],
  ['dysentery', '细菌性和阿米巴性痢疾', 'Dysentery', ['dysentery'], 3, 10, 2, false],
  ['measles', '麻疹', 'Measles', ['measles'], 7, 10, undefined, true],
  ['rubella', '风疹', 'Rubella', ['rubella'], 7, 10, undefined, true],
  ['meningococcal', '流脑', 'Meningococcal disease', ['meningococcal'], 3, 3, 2, false],
  ['hfrs', '流行性出血热', 'Haemorrhagic fever with renal syndrome', ['hfrs'], 7, 5, 1, false],
  ['lepto', '钩端螺旋体病', 'Leptospirosis', ['lepto'], 7, 5, 1, false],
  ['mumps', '流行性腮腺炎', 'Mumps', ['mumps'], 7, 10, undefined, true],
  ['otherdiarrhoea', '感染性腹泻', 'Infectious diarrhoea', ['otherdiarrhoea'], 7, 20, 1, true],
  ['scarlet', '猩红热', 'Scarlet fever', ['scarlet'], 7, 10, undefined, true],
  ['varicella', '水痘', 'Varicella', ['varicella'], 7, 10, undefined, true],
]

/** Diseases that come in waves: for these a week far above five years is worth a look. Others by the city's own rules. */
const waves: readonly [diseaseId: string, zh: string, en: string][] = [
  ['influenza', '流行性感冒', 'Influenza'],
  ['hfmd', '手足口病', 'Hand, foot and mouth disease'],
  ['otherdiarrhoea', '其他感染性腹泻病', 'Other infectious diarrhoea'],
  ['dysentery', '细菌性和阿米巴性痢疾', 'Dysentery'],
  ['typhoid', '伤寒和副伤寒', 'Typhoid and paratyphoid'],
  ['hepatitis_a', '甲型肝炎', 'Hepatitis A'],
  ['hepatitis_e', '戊型肝炎', 'Hepatitis E'],
  ['measles', '麻疹', 'Measles'],
  ['rubella', '风疹', 'Rubella'],
  ['mumps', '流行性腮腺炎', 'Mumps'],
  ['scarlet', '猩红热', 'Scarlet fever'],
  ['pertussis', '百日咳', 'Pertussis'],
  ['meningococcal', '流行性脑脊髓膜炎', 'Meningococcal disease'],
  ['je', '流行性乙型脑炎', 'Japanese encephalitis'],
  ['dengue', '登革热', 'Dengue'],
  ['hfrs', '流行性出血热', 'Haemorrhagic fever with renal syndrome'],
]

const watched = Object.keys(witnesses) as Watched[]

const inputs: RuleInput[] = [
  ...watched.map(buildMultiTrigger),
  ...watched.map(buildJoined),
  ...watched.map(buildStudied),
  ...watched.map(buildSingle),
  {
    ruleId: 'statutory-single',
    version: 2,
    name: '单病例法定预警',
    nameEn: 'Statutory single case',
    level: 1,
    regionLevel: 'county',
    windowH: 24,
    when: {
      type: 'card',
      diseaseIds: ['plague', 'cholera', 'sars', 'polio', 'novelflu', 'anthrax_pulm', 'pneumonia_unknown', 'emerging'],
      min: 1,
    },
    escalation: urgent,
    basis: '国家传染病自动预警系统 2008 单病例名单;突发公共卫生事件信息报告 2 小时时限',
  },
  ...collectives.map(
    ([id, zh, en, diseaseIds, windowDays, min, minDeaths, isSeen]): RuleInput => ({
      ruleId: `collective-${id}`,
      version: 1,
      name: `集体单位${zh}聚集`,
      nameEn: `${en} in one collective`,
      level: 1,
      statutory: true,
      regionLevel: 'county',
      windowH: 48,
      when: {
        type: 'place-cluster',
        diseaseIds,
        windowDays,
        min,
        ...(minDeaths === undefined ? {} : { minDeaths }),
      },
      escalation: urgent,
      basis: `${law2005};${isSeen ? '据公开转载文本' : '据通行知识'},待合作单位复核`,
    }),
  ),
  {
    ruleId: 'county-dengue',
    version: 1,
    name: '县域登革热聚集',
    nameEn: 'Dengue in one county',
    level: 1,
    regionLevel: 'county',
    windowH: 168,
    when: { type: 'card', diseaseIds: ['dengue'], min: 5 },
    escalation: urgent,
    basis: '登革热防控工作指引(试行):1 周内一个县(市、区)5 例及以上;据公开转载文本,待合作单位复核',
  },
  {
    ruleId: 'street-je',
    version: 1,
    name: '乡镇街道乙脑聚集',
    nameEn: 'Japanese encephalitis in one township',
    level: 1,
    regionLevel: 'street',
    windowH: 168,
    when: { type: 'card', diseaseIds: ['je'], min: 5 },
    escalation: urgent,
    basis: `${law2005};据通行知识,待合作单位复核`,
  },
  ...waves.map(
    ([diseaseId, zh, en]): RuleInput => ({
      ruleId: `ratio-${diseaseId}`,
      version: 1,
      name: `${zh}五年同期比(分级建议,待核实)`,
      nameEn: `${en}: week against five years (grade candidate)`,
      level: 2,
      statutory: false,
      regionLevel: 'county',
      windowH: 168,
      when: { type: 'ratio', diseaseId, factor: 2, years: 5, minCases: 5, alpha: 0.01 },
      escalation: statistical,
      basis: '国家突发公共卫生事件分级标准 Ⅲ 级第 4 条、Ⅱ 级第 5 条;1 倍以上读作超过 2 倍;计数模型 p ≤ 0.01',
    }),
  ),
  {
    ruleId: 'source-silence',
    version: 1,
    name: '监测来源沉默',
    nameEn: 'Source silent',
    level: 4,
    regionLevel: 'county',
    windowH: 48,
    when: {
      type: 'source-silence',
      sourceKinds: ['hospital-outpatient', 'hospital-emergency', 'laboratory', 'pharmacy', 'school-absence'],
      graceH: 12,
    },
    escalation: [{ afterS: 0, role: 'epidemiologist' }],
    basis: '零报告制度:每日应报,零即为零;次日 12 时仍未报告',
  },
  {
    ruleId: 'unit-silence',
    version: 1,
    name: '车组失联',
    nameEn: 'Units silent',
    level: 3,
    regionLevel: 'county',
    windowH: 1,
    when: { type: 'unit-silence', onTaskS: 60, idleS: 300 },
    escalation: [
      { afterS: 0, role: 'dispatcher' },
      { afterS: 5 * 60, role: 'shift-leader' },
    ],
    basis: '车辆定位超时:执行任务 60 秒,待命 300 秒',
  },
  {
    ruleId: 'own-silence',
    version: 1,
    name: '系统时钟中断',
    nameEn: 'Our own clock stopped',
    level: 3,
    regionLevel: 'city',
    windowH: 1,
    when: { type: 'tick-gap', minGapS: 30 },
    escalation: [{ afterS: 0, role: 'administrator' }],
    basis: '两次时钟间隔超过 30 秒:期间的失联与升级计时不计',
  },
]

/** The default rules, in full. */
export const defaultRules: readonly Rule[] = inputs.map(input => RuleSchema.parse(input))
