// Scenario "mass casualty": a coach crash in the evening rush, forty casualties at one place within half an hour, on top of whatever
// day it falls into. It is data beside the city and imports nothing at run time.
import type { Burst, Scenario } from '../city.ts'

/**
 * Forty casualties: 6 immediate, 12 urgent, 14 delayed, 8 minor. Each needs a vehicle of its own; the first calls come at once, the
 * rest as triage goes on.
 * @source shares of START categories in road crashes are estimates; domain/dispatch.md 1.7
 */
export const coachCrash: Burst = {
  atH: 17.7,
  county: '330402',
  streets: ['330402001'],
  casualties: [6, 12, 14, 8],
  overMinutes: 30,
  onSceneS: 1_500,
}

export const massCasualty: Scenario = {
  id: 'mass-casualty',
  name: '批量伤员（演练）',
  nameEn: 'Mass casualty (exercise)',
  outbreaks: [],
  bursts: [coachCrash],
}
