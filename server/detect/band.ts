/**
 * Band: the expected value and threshold of every slot of a series, as a chart draws them: EARS C2, the detector of the default
 * rules, over the whole live window. Pure; nothing is judged here that is not judged in the line.
 */
import type { Series } from '../state/world.ts'
import { evaluateEars } from './ears.ts'

/** Least standard deviation of the default rules, in counts. */
const minSigma = 0.5

export type Band = { method: string; expected: (number | null)[]; threshold: (number | null)[]; alarms: boolean[] }

/** Expected mean, largest count without alarm, and alarm per slot; null where the window is too short or has gaps. */
export function judgeSeries(series: Series): Band {
  const band: Band = { method: 'earsC2', expected: [], threshold: [], alarms: [] }
  for (let slot = 0; slot < series.values.length; slot++) {
    const judged = evaluateEars(series.values, slot, { method: 'C2', minSigma })
    band.expected.push(judged?.expected ?? null)
    band.threshold.push(judged?.threshold ?? null)
    band.alarms.push(judged?.alarm ?? false)
  }
  return band
}
