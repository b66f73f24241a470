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

function buildMultiTrigger(syndrome: 'respiratory' | 'diarrhoeal', name: string, nameEn: string): RuleInput {
  return {
    ruleId: `multi-${syndrome}`,
    version: 1,
    name,
    nameEn,
    level: 2,
    syndrome: syndrome satisfies Syndrome,
    regionLevel: 'county',
    windowH: 48,
    when: {
      type: 'kOf',
      k: 2,
      of: [
        ...witnesses[syndrome].map(sourceKind => ({
          type: 'detector' as const,
          method: 'earsC2' as const,
          sourceKind,
          syndrome,
          period: 'day' as const,
          minSigma: 1,
          minCount: 5,
          adjust: 'calendar' as const,
        })),
        // One source far above its month together with any other, or all of them a little: what counting to two does not see.
        { type: 'combined-p' as const, sourceKinds: witnesses[syndrome], syndrome, alpha: 0.001 },
      ],
    },
    minCases: 20,
    // 24 h to verify a statistical signal; the first reminder comes much sooner.
    escalation: [
      { afterS: 0, role: 'epidemiologist' },
      { afterS: 30 * 60, role: 'shift-leader' },
    ],
    basis: '国疾控监测发〔2024〕16号 多点触发;EARS C2 (Hutwagner 2003), 两类独立来源;Fisher 联合 p (Brown 1975)',
  }
}

const inputs: RuleInput[] = [
  buildMultiTrigger('respiratory', '呼吸道症候群多点触发', 'Respiratory multi-trigger'),
  buildMultiTrigger('diarrhoeal', '腹泻症候群多点触发', 'Diarrhoeal multi-trigger'),
  {
    ruleId: 'statutory-single',
    version: 1,
    name: '单病例法定预警',
    nameEn: 'Statutory single case',
    level: 1,
    regionLevel: 'county',
    windowH: 24,
    when: {
      type: 'card',
      diseaseIds: ['plague', 'cholera', 'sars', 'polio', 'novelflu', 'anthrax_pulm', 'pneumonia_unknown'],
      min: 1,
    },
    escalation: [
      { afterS: 0, role: 'epidemiologist' },
      { afterS: 10 * 60, role: 'shift-leader' },
    ],
    basis: '国家传染病自动预警系统 2008 单病例名单;突发公共卫生事件信息报告 2 小时时限',
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
