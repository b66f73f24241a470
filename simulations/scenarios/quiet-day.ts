// Scenario "quiet day": an ordinary day without any planted outbreak.
// It stands beside the city as data: what happens besides the everyday. It imports nothing at run time.
import type { Scenario } from '../city.ts'

/** Nothing but the everyday: the alert desk should stay empty but for chance. */
export const quietDay: Scenario = {
  id: 'quiet-day',
  name: '平常日',
  nameEn: 'Quiet day',
  outbreaks: [],
}
