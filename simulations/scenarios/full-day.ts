// Scenario "full day": an ordinary working day of a city of four million, from midnight to midnight: how many call at which hour,
// from where, how badly, and how long hospitals keep the crews. It is data beside the city and imports nothing at run time;
// the living city plays it, and the evaluation of dispatch draws its days from it.
import type { DayShape, Scenario } from '../city.ts'

/**
 * Demand and hospitals of the day.
 * Runs: about 30 per 1,000 people and year on the mainland, 4,000,000 × 30 / 1,000 / 365 = 329 a day; 41 % of calls become a run
 * (Anshan 2017), so 2.44 calls a run. One ambulance for 30,000 people gives 133. Hours follow calls of Chinese centres: two humps,
 * at ten and at nineteen. Handover is long when emergency departments are full, from ten to noon and in the evening.
 * @source domain/dispatch.md 1.5; the shapes are estimates and say nothing about a real city
 */
export const fullDayShape: DayShape = {
  population: 4_000_000,
  runsPerThousandYear: 30,
  callsPerRun: 2.44,
  hours: [
    0.55, 0.45, 0.4, 0.36, 0.38, 0.5, 0.75, 1.05, 1.3, 1.4, 1.35, 1.25, 1.15, 1.1, 1.15, 1.2, 1.2, 1.25, 1.35, 1.4, 1.3,
    1.15, 0.95, 0.7,
  ],
  // Night, morning, afternoon, evening; at night fewer call and more of them are badly ill.
  levelShares: [
    [0.1, 0.34, 0.44, 0.12],
    [0.06, 0.3, 0.48, 0.16],
    [0.06, 0.29, 0.48, 0.17],
    [0.07, 0.32, 0.47, 0.14],
  ],
  // People are in the core by day and at home in the evening.
  coreShares: [0.5, 0.66, 0.68, 0.56],
  sceneMedianS: 720,
  sceneSigma: 0.45,
  transportShare: 0.82,
  handoverMedianS: [
    600, 600, 600, 600, 600, 600, 660, 720, 840, 1_020, 1_140, 1_140, 960, 840, 840, 900, 960, 1_020, 1_140, 1_200,
    1_140, 960, 780, 660,
  ],
  handoverSigma: 0.5,
  units: 133,
  stations: 66,
  hospitals: 22,
}

export const fullDay: Scenario = {
  id: 'full-day',
  name: '四百万人口城市的一天',
  nameEn: 'A full day of a city of four million',
  outbreaks: [],
  day: fullDayShape,
}
