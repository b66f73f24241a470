// `node test/check/dispatch-settings.ts [--evenings 25] [--n 14,20,30]`
// Shows what each setting of advice is worth: the defaults against one change at a time, over the generated choosing cities.
// Stands in test/check as the evidence behind DECISIONS.md. Promises: seeded; no real scenario is read here.

import { parseArgs } from 'node:util'
import { type AdviseSettings, defaultAdviseSettings, type Level } from '../../server/advise/settings.ts'
import { measurePaired } from '../../simulations/evaluate/dispatch.ts'
import { choosingCities, compareVigil, generateSeededCity } from '../help/dispatch-evenings.ts'

const base = defaultAdviseSettings
const allLevels = <T>(value: T) => ({ 1: value, 2: value, 3: value, 4: value })
const notFirst = (value: number): Record<Level, number> => ({ 1: 0, 2: value, 3: value, 4: value })
const vary = (change: Partial<AdviseSettings>): AdviseSettings => ({ ...base, ...change })
const varyCover = (change: Partial<AdviseSettings['cover']>): AdviseSettings =>
  vary({ cover: { ...base.cover, ...change } })

const variants: Record<string, AdviseSettings> = {
  defaults: base,
  'no scarcity': vary({ scarcitySeconds: notFirst(0) }),
  'scarcity 600 s': vary({ scarcitySeconds: notFirst(600) }),
  'scarcity 4000 s': vary({ scarcitySeconds: notFirst(4000) }),
  'scarcity q 0.5': vary({ scarcityBusyFraction: 0.5 }),
  'no band': vary({ bandSeconds: allLevels(0) }),
  'band doubled': vary({ bandSeconds: { 1: 0, 2: 120, 3: 360, 4: 600 } }),
  'no cover loss': vary({ coverageLossSeconds: allLevels(0) }),
  'cover loss 1000 s': vary({ coverageLossSeconds: { 1: 0, 2: 0, 3: 1000, 4: 1000 } }),
  'no diversion': vary({ diversionGainSecondsMin: Number.MAX_VALUE }),
  'no withdrawal': vary({ withdrawalGainSecondsMin: Number.MAX_VALUE }),
  'withdrawal 2 levels': vary({ withdrawalLevelGapMin: 2 }),
  'equal level weights': vary({ levelWeight: allLevels(1) }),
  'soon-free 15 min': vary({ soonFreeSecondsMax: allLevels(900) }),
  'cover q 0.3': varyCover({ busyFraction: 0.3 }),
  'cover q 0.5': varyCover({ busyFraction: 0.5 }),
  'cover q 0.7': varyCover({ busyFraction: 0.7 }),
  'cover 300 s': varyCover({ withinSeconds: allLevels([300]) }),
  'cover 720 s': varyCover({ withinSeconds: allLevels([720]) }),
  'cover 240+480+720 s': varyCover({ withinSeconds: allLevels([240, 480, 720]) }),
  'equal demand weights': varyCover({ demandWeight: allLevels(1) }),
  'drive costs 0.1/h': varyCover({ travelLossPerHour: 0.1 }),
}

const { values } = parseArgs({
  options: { evenings: { type: 'string', default: '25' }, n: { type: 'string', default: '14,20,30' } },
})
for (const count of values.n.split(',').map(Number)) {
  const comparisons = choosingCities.map(citySeed =>
    compareVigil(generateSeededCity(citySeed), count, Number(values.evenings), citySeed, variants),
  )
  const calls = comparisons.reduce((sum, comparison) => sum + comparison.measures[0]!.measure.calls, 0)
  process.stdout.write(
    `N = ${count}, ${choosingCities.length} cities, ${calls} calls; mean, p0 mean, late share; minus forward by city\n`,
  )
  for (const name of ['forward', 'closest', ...Object.keys(variants)]) {
    const own = comparisons.map(comparison => comparison.measures.find(measure => measure.name === name)!.measure)
    const weigh = (value: (at: number) => number) =>
      own.reduce((sum, measure, at) => sum + value(at) * measure.calls, 0) / calls
    const gain = measurePaired(
      comparisons.map(comparison => comparison.differences.find(difference => difference.name === name)?.mean ?? 0),
    )
    process.stdout.write(
      `  ${name.padEnd(20)} ${weigh(at => own[at]!.meanS).toFixed(1)} s  ${weigh(at => own[at]!.p0MeanS ?? 0).toFixed(1)} s  ` +
        `${weigh(at => own[at]!.late900Share).toFixed(4)}  ${gain.mean.toFixed(1)} s (${gain.low.toFixed(1)} .. ${gain.high.toFixed(1)})\n`,
    )
  }
}
