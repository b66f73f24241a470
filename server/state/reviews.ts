/**
 * Reviews: quality control of cases. A case is looked at once for each review id, scored on a published sheet, may be appealed by the
 * person judged and is decided by somebody else than who scored it. Sampling is a query, not a fact: query/samples.ts.
 */
import { defaultScoreSheet, type ScoreRow, type ScoreSheet } from '#contract/duty.ts'
import { done, type EntryOf, nameActor, type Outcome } from '#contract/entry.ts'
import { refuse } from './open.ts'
import type { Review, Touched, World } from './world.ts'

/** Reviews and wishes the world remembers; older ones stand in their table. */
export const reviewsMax = 2_000
export const reviewWishesMax = 2_000
/** Versions of the score sheet kept, newest last. */
export const scoreSheetsMax = 50
/** A score may be appealed for this long. @source DECISIONS 44 */
export const appealWithinMs = 7 * 86_400_000

/** The sheet of a version; version 1 is the one the house starts with. */
export function findSheet(world: Pick<World, 'scoreSheets'>, version: number): ScoreSheet | undefined {
  return (
    world.scoreSheets.get(String(version)) ?? (version === defaultScoreSheet.version ? defaultScoreSheet : undefined)
  )
}

/** The newest sheet. */
export function getNewestSheet(world: Pick<World, 'scoreSheets'>): ScoreSheet {
  let newest = defaultScoreSheet
  for (const sheet of world.scoreSheets.values()) if (sheet.version > newest.version) newest = sheet
  return newest
}

export function applyScoreSheet(world: World, entry: EntryOf<'review.sheetPublished'>): Outcome {
  const sheet = entry.body
  // A version never changes its meaning: scores given on it would.
  if (sheet.version <= getNewestSheet(world).version)
    return refuse('SHEET_STALE', { version: getNewestSheet(world).version })
  if (new Set(sheet.items.map(item => item.itemId)).size !== sheet.items.length) return refuse('SHEET_INVALID', {})
  world.scoreSheets.set(String(sheet.version), sheet)
  for (const version of world.scoreSheets.keys()) {
    if (world.scoreSheets.size <= scoreSheetsMax) break
    world.scoreSheets.delete(version)
  }
  return done
}

/** Sum of a score on its sheet; undefined when an item is missing, unknown or above its points. */
export function judgeScores(
  sheet: ScoreSheet,
  scores: readonly ScoreRow[],
): { share: number; isPassed: boolean } | undefined {
  if (scores.length !== sheet.items.length) return undefined
  const byItem = new Map(scores.map(row => [row.itemId, row.points]))
  let sum = 0
  let full = 0
  let isVitalFailed = false
  for (const item of sheet.items) {
    const points = byItem.get(item.itemId)
    if (points === undefined || points > item.points) return undefined
    if (item.isVital && points === 0) isVitalFailed = true
    sum += points
    full += item.points
  }
  const share = sum / full
  return { share, isPassed: !isVitalFailed && share >= sheet.passShare }
}

/** Somebody asks that a case be looked at: a complaint came in, or the leader wants it. */
export function applyReviewWish(world: World, entry: EntryOf<'review.requested'>): Outcome {
  const { incidentId, trigger } = entry.body
  const key = `${incidentId}|${trigger}`
  if (world.reviewWishes.has(key)) return done
  world.reviewWishes.set(key, { incidentId, trigger, at: entry.loggedAt, by: nameActor(entry) })
  for (const old of world.reviewWishes.keys()) {
    if (world.reviewWishes.size <= reviewWishesMax) break
    world.reviewWishes.delete(old)
  }
  return done
}

export function applyScore(world: World, entry: EntryOf<'review.scored'>, touched: Touched): Outcome {
  const { body } = entry
  if (!entry.actor) return refuse('SIGNATURE_MISSING', {})
  if (world.reviews.has(body.reviewId)) return refuse('REVIEW_EXISTS', { reviewId: body.reviewId })
  const sheet = findSheet(world, body.sheetVersion)
  const judged = sheet && judgeScores(sheet, body.scores)
  if (!judged) return refuse('SCORES_INVALID', { version: body.sheetVersion })
  if (entry.actor.name === body.subject) return refuse('REVIEW_SELF', {})
  const review: Review = {
    reviewId: body.reviewId,
    incidentId: body.incidentId,
    regionCode: body.regionCode,
    sample: body.sample,
    triggers: [...body.triggers],
    sheetVersion: body.sheetVersion,
    scores: body.scores.map(row => ({ ...row })),
    share: judged.share,
    isPassed: judged.isPassed,
    subject: body.subject,
    ...(body.comment === undefined ? {} : { comment: body.comment }),
    state: 'scored',
    scoredAt: entry.loggedAt,
    scoredBy: entry.actor.name,
    scoredById: entry.actor.accountId,
  }
  world.reviews.set(review.reviewId, review)
  touched.reviews.add(review.reviewId)
  for (const old of world.reviews.keys()) {
    if (world.reviews.size <= reviewsMax) break
    world.reviews.delete(old)
  }
  return done
}

function findReview(world: World, reviewId: string, regionCode: string): Review | undefined {
  const found = world.reviews.get(reviewId)
  return found?.regionCode === regionCode ? found : undefined
}

/** The person judged says why the score is wrong; once, and in time. */
export function applyAppeal(world: World, entry: EntryOf<'review.appealed'>, touched: Touched): Outcome {
  const { reviewId, regionCode, reason } = entry.body
  const review = findReview(world, reviewId, regionCode)
  if (!review) return refuse('REVIEW_UNKNOWN', { reviewId })
  if (review.state !== 'scored') return refuse('REVIEW_STATE', { state: review.state })
  if (entry.actor?.name !== review.subject) return refuse('REVIEW_FOREIGN', { subject: review.subject })
  if (entry.loggedAt - review.scoredAt > appealWithinMs)
    return refuse('APPEAL_LATE', { days: appealWithinMs / 86_400_000 })
  review.state = 'appealed'
  review.appeal = { at: entry.loggedAt, by: entry.actor.name, reason }
  touched.reviews.add(reviewId)
  return done
}

/** Somebody else than the scorer and the person judged decides; a changed score brings its own points. */
export function applyAppealDecision(world: World, entry: EntryOf<'review.decided'>, touched: Touched): Outcome {
  const { reviewId, regionCode, verdict, reason, scores } = entry.body
  const review = findReview(world, reviewId, regionCode)
  if (!review) return refuse('REVIEW_UNKNOWN', { reviewId })
  if (review.state !== 'appealed') return refuse('REVIEW_STATE', { state: review.state })
  if (!entry.actor || entry.actor.accountId === review.scoredById || entry.actor.name === review.subject)
    return refuse('REVIEW_SELF', {})
  if (verdict === 'changed') {
    const sheet = findSheet(world, review.sheetVersion)
    const judged = sheet && scores && judgeScores(sheet, scores)
    if (!judged) return refuse('SCORES_INVALID', { version: review.sheetVersion })
    review.scores = scores.map(row => ({ ...row }))
    review.share = judged.share
    review.isPassed = judged.isPassed
  }
  review.state = 'decided'
  review.decision = { at: entry.loggedAt, by: entry.actor.name, verdict, reason }
  touched.reviews.add(reviewId)
  return done
}
