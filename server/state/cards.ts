/**
 * Cards: report cards of notifiable diseases (minimal: the fact that a case of a disease was reported, where and when).
 * Names and numbers stay sealed in the log.
 */
import { done, type EntryOf, type Outcome } from '#contract/entry.ts'
import type { World } from './world.ts'

/** Records a card; the same card id twice is refused, corrections are kinds of their own. */
export function applyCard(world: World, entry: EntryOf<'report.received'>): Outcome {
  const { cardId, diseaseId, caseClass, regionCode, facilityId, diagnosedAt } = entry.body
  if (world.cards.has(cardId)) return { result: 'refused', code: 'CARD_EXISTS', params: { cardId } }
  world.cards.set(cardId, { cardId, diseaseId, caseClass, regionCode, facilityId, diagnosedAt, at: entry.loggedAt })
  return done
}
