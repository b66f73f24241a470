// `npm run evaluate -- detection [--runs N] [--years N] [--seed S] [--only PART] [--out FILE]`: the evaluation of the detectors and rules;
// `npm run evaluate -- dispatch [--days N] [--seed S] [--out FILE]`: of the policies of dispatch.
// Stands in test/, the one room where simulations and the pure line meet. Promises: the tables depend on the arguments alone,
// standard output holds them as markdown, and a bad argument is refused with a code in two languages and status 2.
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { defaultRules } from '../../server/detect/default-rules.ts'
import { evaluateSeries, formatSeriesScores } from '../help/evaluate-series.ts'
import { compareRules, formatBurden, formatComparison, measureBurden } from '../help/evaluate-tables.ts'
import { daysDefault, daysMax, evaluateDispatch } from './evaluate-dispatch.ts'

/** Replicates of each of the 42 scenarios; ten hold every outbreak size once. */
const RUNS_DEFAULT = 10
const RUNS_MAX = 1_000
/** Simulated city years. */
const YEARS_DEFAULT = 4
const YEARS_MAX = 500
const SEED_MAX = 400

class ArgumentReject extends Error {
  readonly code = 'ARGUMENTS_INVALID'
  readonly zh: string
  constructor(zh: string, en: string) {
    super(en)
    this.zh = zh
  }
}

function parseCount(name: string, text: string | undefined, fallback: number, max: number): number {
  const value = text === undefined ? fallback : Number(text)
  if (Number.isInteger(value) && value >= 1 && value <= max) return value
  throw new ArgumentReject(`${name} 须为 1 至 ${max} 的整数`, `${name} must be a whole number from 1 to ${max}`)
}

const parts = ['series', 'rules', 'burden'] as const
type Part = (typeof parts)[number]

function parsePart(text: string | undefined): Part | undefined {
  if (text === undefined) return undefined
  const part = parts.find(one => one === text)
  if (part) return part
  throw new ArgumentReject(`--only 须为 ${parts.join('、')} 之一`, `--only must be one of ${parts.join(', ')}`)
}

const describeSeries = (runs: number, seed: number, tables: readonly string[]): string[] => [
  '## Detectors on the 42 series of Noufaily et al. 2013',
  '',
  `${runs} replicates of each scenario, seed ${seed}: ${42 * runs} series of 624 weeks. Four outbreaks of one size out of 2, 3, 5, 10 lie in the five baseline years, one of`,
  'size 1 to 10 in the judged 49 weeks (sizes go round with the replicate). False positive rate: alarms per week over the judged year without its outbreak. Power: an',
  'alarm from the start of an outbreak to its last case, over outbreaks with at least one case. By chance: the same weeks alarm without the outbreak as well. Delay: over',
  'detected outbreaks. Wilson intervals take weeks as independent, which for running sums (CUSUM, C3) and percentiles they are not. The moving percentile works on',
  'seven-day blocks; these weekly series give it one block a week. No detector was tuned to these series; each has the setting of its paper.',
  '',
  ...tables,
]

const describeRules = (tables: readonly string[]): string[] => [
  '## Multi-trigger rules against each single source',
  '',
  'Simulated years of a city of seven counties, six witnesses of respiratory illness each, through the pure line itself (`server/pipeline.ts`): counts each morning at',
  'six, every alert answered after 24 hours. Per county four outbreaks that spread through all sources and four that only one source can see; per city eight outages',
  '(outpatients and emergency are one hospital on one platform: two days missing, all at once on the third) and four campaigns (pharmacy × 1.5, hotline × 2, nobody ill),',
  'besides the holidays of 2025. Multi-trigger is what `server/detect/default-rules.ts` publishes. Each single source has EARS C2 with 28 days, freed of the',
  'calendar, at the level alpha at which it raises as many alerts as the multi-trigger rules on other years with the same kinds of shocks and no outbreak.',
  'PPV: alerts within an outbreak of their county. By chance: outbreaks in whose days the same year alarms without them.',
  'Intervals: Wilson for shares of outbreaks, bootstrap over years for the rest.',
  '',
  ...tables,
]

const describeBurden = (years: number, tables: readonly string[]): string[] => [
  '## Burden of the default rules in quiet weeks',
  '',
  `${years} other years of seven counties, 52 weeks each, respiratory and diarrhoeal, with the holidays of 2025, no outbreak and no shock. Target: at most 2 alerts per`,
  'county and week.',
  '',
  ...tables,
]

function main(): number {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      runs: { type: 'string' },
      years: { type: 'string' },
      days: { type: 'string' },
      seed: { type: 'string' },
      only: { type: 'string' },
      out: { type: 'string' },
    },
  })
  if (positionals.length !== 1 || (positionals[0] !== 'detection' && positionals[0] !== 'dispatch'))
    throw new ArgumentReject('可评估的有 detection 与 dispatch', 'detection and dispatch can be evaluated')
  if (positionals[0] === 'dispatch') {
    const days = parseCount('--days', values.days, daysDefault, daysMax)
    const judged = evaluateDispatch({
      days,
      seed: parseCount('--seed', values.seed, 1, SEED_MAX),
      say: line => process.stderr.write(`${line}\n`),
    })
    process.stdout.write(judged)
    if (values.out !== undefined) writeFileSync(resolve(values.out), judged)
    return 0
  }
  const runs = parseCount('--runs', values.runs, RUNS_DEFAULT, RUNS_MAX)
  const years = parseCount('--years', values.years, YEARS_DEFAULT, YEARS_MAX)
  const seed = parseCount('--seed', values.seed, 1, SEED_MAX)
  const only = parsePart(values.only)
  const say = (line: string): void => {
    process.stderr.write(`${line}\n`)
  }
  const sections: string[] = []
  /** Each part says how to make it again and what it cost, so that parts made apart stand together. */
  const add = (part: Part, parameters: string, describe: () => string[]): void => {
    if (only !== undefined && only !== part) return
    const before = process.cpuUsage()
    const [title, ...rest] = describe()
    const { user, system } = process.cpuUsage(before)
    const seconds = ((user + system) / 1e6).toFixed(0)
    const made = `\`npm run evaluate -- detection --only ${part} ${parameters} --seed ${seed}\`: ${seconds} s CPU, one thread.`
    sections.push('', title!, '', made, ...rest)
  }
  add('series', `--runs ${runs}`, () =>
    describeSeries(runs, seed, formatSeriesScores(evaluateSeries({ runs, seed, say }))),
  )
  add('rules', `--years ${years}`, () =>
    describeRules(formatComparison(compareRules({ rules: defaultRules, years, seed, say }))),
  )
  add('burden', `--years ${years}`, () =>
    describeBurden(years, formatBurden(measureBurden({ rules: defaultRules, years, seed }), seed)),
  )
  const lines = [
    '# Evaluation of detection',
    '',
    'Everything here is simulated: the figures compare methods with each other and say nothing about a real city. The same arguments give the same tables; without',
    '`--only` all parts are made, with `--out FILE` they are written.',
    ...sections,
  ]
  const text = `${lines.join('\n')}\n`
  process.stdout.write(text)
  if (values.out !== undefined) writeFileSync(resolve(values.out), text)
  return 0
}

try {
  process.exitCode = main()
} catch (error) {
  if (error instanceof ArgumentReject) {
    process.stderr.write(`${error.code}: ${error.zh} / ${error.message}\n`)
    process.exitCode = 2
  } else if (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')) {
    process.stderr.write(`ARGUMENTS_INVALID: 参数有误 / ${error.message}\n`)
    process.exitCode = 2
  } else throw error
}
