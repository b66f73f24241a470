// The part of `npm run evaluate` that judges dispatch: full days of a city of four million under four policies, on paired seeds.
// Stands in test/, the one room where simulations and advice meet. Promises: the tables depend on the arguments alone.
import { fullDayShape } from '../../simulations/scenarios/full-day.ts'
import { coachCrash } from '../../simulations/scenarios/mass-casualty.ts'
import { compareDays, formatDays } from '../help/evaluate-day.ts'

/** Days of one table when nothing is said. */
export const daysDefault = 60
export const daysMax = 1_000
/** A fleet a quarter below the national guidance: when policies differ most. */
const shortFleet = 100

/** Makes the whole document: three tables and how they were made. */
export function evaluateDispatch(options: { days: number; seed: number; say: (line: string) => void }): string {
  const { days, seed, say } = options
  const startedAt = process.cpuUsage()
  const short = { ...fullDayShape, units: shortFleet }
  const tables = [
    compareDays({ title: 'Full day, one ambulance for 30,000 people', shape: fullDayShape, seed, days, say }),
    compareDays({ title: 'Full day, a quarter of the fleet missing', shape: short, seed, days, say }),
    compareDays({
      title: 'Full day with forty casualties at 17:42',
      shape: fullDayShape,
      seed,
      days,
      burst: coachCrash,
      say,
    }),
  ]
  const cpu = process.cpuUsage(startedAt)
  const lines = [
    '# Evaluation of dispatch',
    '',
    `Made by \`npm run evaluate -- dispatch --days ${days} --seed ${seed} --out docs/evaluation-dispatch.md\` (${((cpu.user + cpu.system) / 1e6).toFixed(0)} s CPU, one thread).`,
    'The same arguments give the same tables. Everything here is simulated: the figures compare policies with each other and say',
    'nothing about a real city.',
    '',
    'A generated city of 4,000,000: 329 runs on an average day by hour, place and level, log-normal times on scene and at hospital',
    'by hour of arrival (`simulations/scenarios/full-day.ts`), 66 stations, 22 hospitals, three units in five with advanced life',
    'support, levels I and II need one. Travel is a straight line at 33 km/h (45 km/h by road over a circuity of 1.35).',
    '`closest`: the nearest free unit. `forward`: also units about to be free. `vigil`: the recommendation of this product, first row',
    'always accepted, and its choice of base on release; the demand it knows comes from other days. Under the other policies a freed',
    'unit goes to the base nearest its hospital; `vigil-near` is the recommendation with that rule, so that the two parts can be',
    'told apart. Late: over 15 minutes. Figures are means over days with 95 % intervals (Student); differences are paired by day,',
    'all policies get the same runs.',
    '',
    ...tables.flatMap(formatDays),
  ]
  return `${lines.join('\n').trimEnd()}\n`
}
