// `node test/check/dispatch-evenings.ts [DIR] [--evenings 20] [--seed 1] [--n 14,20,30] [--cities]`
// Compares forward, closest and the product's own advice on generated evenings: around the bases of DIR, or with --cities on
// generated cities (none that a setting was chosen on). Prints tables with paired 95 % intervals.
// Promises: seeded; demand for cover comes from other generated evenings, never from the one being replayed.

import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { formatComparison } from '../../simulations/evaluate/dispatch.ts'
import { checkingCities, compareVigil, generateSeededCity } from '../help/dispatch-evenings.ts'
import { findScenario, ScenarioReject } from '../help/dispatch-scenario.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    evenings: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    n: { type: 'string', default: '14,20,30' },
    cities: { type: 'boolean', default: false },
  },
})

function readWhole(name: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new ScenarioReject(
      'COUNT_INVALID',
      `${name} 应为 ${min} 到 ${max} 的整数`,
      `${name} must be ${min} to ${max}`,
    )
  }
  return value
}

try {
  const evenings = readWhole('evenings', values.evenings, 2, 10_000)
  const seed = readWhole('seed', values.seed, 0, 1_000_000)
  const counts = values.n.split(',').map(count => readWhole('n', count, 3, 34))
  const directory = resolve(positionals[0] ?? '../shared/data/dispatch-rio')
  if (values.cities || !existsSync(join(directory, 'bases.csv'))) {
    for (const citySeed of checkingCities) {
      const city = generateSeededCity(citySeed)
      for (const count of counts) {
        const title = `generated city ${citySeed}, N = ${count}`
        process.stdout.write(`${formatComparison(title, compareVigil(city, count, evenings, seed))}\n`)
      }
    }
  } else {
    const { bases, hospitals } = findScenario(directory, 'rj')
    for (const count of counts) {
      const title = `around the bases of ${directory}, N = ${count}`
      process.stdout.write(`${formatComparison(title, compareVigil({ bases, hospitals }, count, evenings, seed))}\n`)
    }
  }
} catch (error) {
  if (!(error instanceof ScenarioReject)) throw error
  process.stderr.write(`${error.code}: ${error.zh} / ${error.en}\n`)
  process.exitCode = 2
}
