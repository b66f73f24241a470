// Bench of the detectors: CPU seconds for the work of a province's day, beside the targets of the house.
// Inputs come from a seeded generator; figures are CPU time of this process, so a busy machine blurs them little.

import { assessEars } from '../../server/detect/ears.ts'
import { assessFarringtonFlexible } from '../../server/detect/farrington-flexible.ts'
import { assessMovingPercentile } from '../../server/detect/moving-percentile.ts'
import { createRandomDraw, type RandomDraw } from '../../server/detect/random.ts'
import { isRefusal } from '../../server/detect/refusal.ts'
import { type ScanCase, type ScanLocation, scanClusters } from '../../server/detect/scan.ts'
import { judge, print } from './measure.ts'

const SEED = 42

/** A Poisson count by multiplication of uniforms; fit for small means. */
function drawCount(draw: RandomDraw, mean: number): number {
  const limit = Math.exp(-mean)
  let count = -1
  for (let product = 1; product > limit; count++) product *= (draw(2 ** 32) + 1) / 2 ** 32
  return count
}

function makeSeries(draw: RandomDraw, length: number, frequency: number, mean: number): number[] {
  return Array.from({ length }, (_, t) => drawCount(draw, mean * (1 + 0.5 * Math.cos((2 * Math.PI * t) / frequency))))
}

/** Runs work once to warm up and once measured; returns CPU seconds. */
function measureCpuSeconds(work: () => number): number {
  work()
  const before = process.cpuUsage()
  if (work() === 0) throw new Error('the bench judged nothing')
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e6
}

function countAnswers(answer: unknown): number {
  if (isRefusal(answer)) throw new Error(answer.en)
  return Array.isArray(answer) ? answer.length : 1
}

function benchFarrington(draw: RandomDraw): number {
  const series = Array.from({ length: 500 }, (_, i) => makeSeries(draw, 624, 52, 1 + (i % 40)))
  return measureCpuSeconds(() => {
    let judged = 0
    for (const counts of series)
      judged += countAnswers(assessFarringtonFlexible({ counts, frequency: 52 }, { first: 623, last: 623 }))
    return judged
  })
}

function benchEars(draw: RandomDraw): number {
  const series = Array.from({ length: 1000 }, (_, i) => makeSeries(draw, 365, 365, 1 + (i % 20)))
  return measureCpuSeconds(() => {
    let judged = 0
    for (const counts of series) judged += countAnswers(assessEars(counts, { first: 9, last: 364 }, { method: 'C2' }))
    return judged
  })
}

function benchMovingPercentile(draw: RandomDraw): number {
  const length = 6 * 366
  const series = Array.from({ length: 50 }, () => makeSeries(draw, length, 365, 0.6))
  return measureCpuSeconds(() => {
    let judged = 0
    for (let i = 0; i < 10_000; i++)
      judged += countAnswers(
        assessMovingPercentile(series[i % 50]!, 18_262, { first: length - 1, last: length - 1 }, { percentile: 0.8 }),
      )
    return judged
  })
}

/** 300 places, 90 days, 3,432 cases, 999 replications: the size on which SaTScan 10.3.2 took about 3 s. */
function benchScan(draw: RandomDraw): number {
  const firstDay = 20_000
  const locations: ScanLocation[] = Array.from({ length: 300 }, (_, i) => ({
    id: String(i),
    lon: 104 + draw(40_000) / 100_000,
    lat: 30.5 + draw(30_000) / 100_000,
  }))
  const cases: ScanCase[] = Array.from({ length: 3432 }, () => ({
    location: draw(300),
    day: firstDay + draw(90),
    count: 1,
  }))
  return measureCpuSeconds(() => {
    const lengthMaxDays = 7
    const lastDay = firstDay + 89
    return countAnswers(scanClusters({ locations, cases }, { firstDay, lastDay, lengthMaxDays, seed: SEED }))
  })
}

/** Prints each figure beside its target. */
export async function benchDetect(): Promise<void> {
  const draw = createRandomDraw(SEED)
  const rows: [string, number, number][] = [
    ['Farrington flexible, 500 series × 1 week', benchFarrington(draw), 0.4],
    ['EARS C2, 1,000 series × 365 days', benchEars(draw), 0.1],
    ['moving percentile, 10,000 series × 1 day', benchMovingPercentile(draw), 1],
    ['space-time scan, 300 places × 90 days × 999', benchScan(draw), 1],
  ]
  for (const [name, seconds, target] of rows)
    print('detect', `${name}: ${seconds.toFixed(3)} s CPU, ${judge(seconds, target, true, ' s')}`)
}

if (import.meta.main) await benchDetect()
