/**
 * Cards: report cards of notifiable diseases in the world: filed, corrected, reviewed by the county, retracted, joined to an
 * earlier card of the same person. Holds what is open and recent; tables hold all. Nothing is overwritten unseen: every step
 * stands in the card's history. Names and numbers stay sealed in the log; a person is known here by a pseudonym of the door.
 */
import { type CardFacts, judgeCard } from '#contract/cards.ts'
import { cardLimitsMs, findDiseaseById, getDiseaseRoot, getDuplicateDays, isUrgent } from '#contract/diseases.ts'
import { done, type EntryOf, nameActor, type Outcome } from '#contract/entry.ts'
import { dayMs } from '#contract/scalars.ts'
import { isCommandStale } from './commands.ts'
import type { Card, Draft, Touched, World } from './world.ts'

/** Steps of one card's history at most; beyond it the oldest after the filing go, the log keeps them. */
export const historyMax = 100
/** Drafts waiting at most; beyond it the oldest goes: a feed that floods must not fill the world. */
export const draftsMax = 20_000
/** Cards of one person looked at for a duplicate. */
const sameMax = 200

type Step = Card['history'][number]

function refuse(code: string, params: Record<string, string>): Outcome {
  return { result: 'refused', code, params }
}

const stateNames: Readonly<Record<Card['state'], string>> = {
  filed: '待审',
  returned: '退回',
  reviewed: '已审',
  retracted: '已删除',
}

const personalFields = ['patientName', 'patientPhone', 'identityNumber', 'addressText'] as const
type Personal = { [F in (typeof personalFields)[number]]?: string | undefined }
const listPersonal = (body: Personal): string[] => personalFields.filter(field => body[field] !== undefined)

const plainFields = [
  'diseaseId',
  'caseClass',
  'icd10',
  'onsetDay',
  'deathDay',
  'ageBand',
  'sex',
  'occupation',
  'placeId',
  'regionCode',
  'diagnosedAt',
] as const

function addStep(card: Card, step: Step): void {
  const history = [...card.history, step]
  card.history = history.length <= historyMax ? history : [history[0]!, ...history.slice(-(historyMax - 1))]
  card.version++
}

/** The limits a card of this disease has now: as published, else those of the law. */
function getLimits(world: World, diseaseId: string): { file: number; review: number } {
  const group = isUrgent(diseaseId) ? 'urgent' : 'usual'
  return world.city.cardLimits?.[group] ?? cardLimitsMs[group]
}

/** Replaces the limits for what is filed from now on; an older version than the one held changes nothing. */
export function applyLimits(world: World, entry: EntryOf<'report.limitsPublished'>, touched: Touched): Outcome {
  const { version, urgent, usual } = entry.body
  if (version < (world.city.cardLimits?.version ?? 0)) return done
  const toMs = (said: { fileS: number; reviewS: number }) => ({
    file: said.fileS * 1_000,
    review: said.reviewS * 1_000,
  })
  world.city.cardLimits = {
    version,
    ...(urgent ? { urgent: toMs(urgent) } : {}),
    ...(usual ? { usual: toMs(usual) } : {}),
  }
  touched.city = true
  return done
}

/** The id of the tree for an id a sender may know by a former name. */
function toDiseaseId(diseaseId: string): string {
  return findDiseaseById(diseaseId)?.diseaseId ?? diseaseId
}

// --- the same person

/** Pseudonyms after a correction: their first letter says by what (identity number, phone and name), one of each. */
function renewKeys(held: readonly string[], said: readonly string[]): string[] {
  return [...held.filter(key => !said.some(other => other[0] === key[0])), ...said].slice(0, 2)
}

/** Cards by pseudonym, derived from the world's cards alone; entries of cards that have gone are passed over. */
const personIndexes = new WeakMap<Map<string, Card>, Map<string, string[]>>()

function getPersonIndex(world: World): Map<string, string[]> {
  const held = personIndexes.get(world.cards)
  if (held) return held
  const index = new Map<string, string[]>()
  personIndexes.set(world.cards, index)
  for (const card of world.cards.values()) addToIndex(index, card)
  return index
}

function addToIndex(index: Map<string, string[]>, card: Card): void {
  for (const key of card.personKeys ?? []) {
    const ids = index.get(key)
    if (!ids) index.set(key, [card.cardId])
    else if (!ids.includes(card.cardId)) {
      ids.push(card.cardId)
      if (ids.length > sameMax) ids.shift()
    }
  }
}

/** The first card of the same person and disease within the disease's window; undefined when this is the first. */
function findFirst(
  world: World,
  card: Pick<Card, 'diseaseId' | 'diagnosedAt'> & { personKeys?: string[] | undefined },
): Card | undefined {
  const index = getPersonIndex(world)
  const windowMs = getDuplicateDays(card.diseaseId) * dayMs
  let first: Card | undefined
  for (const key of card.personKeys ?? [])
    for (const id of index.get(key) ?? []) {
      const other = world.cards.get(id)
      // The index may be older than a correction: what counts is whom the card is about now.
      if (!other || other === card || other.state === 'retracted' || !other.personKeys?.includes(key)) continue
      if (getDiseaseRoot(other.diseaseId) !== getDiseaseRoot(card.diseaseId)) continue
      if (Math.abs(other.diagnosedAt - card.diagnosedAt) > windowMs) continue
      const lead = other.duplicateOf === undefined ? other : world.cards.get(other.duplicateOf)
      if (!lead || lead === card || lead.state === 'retracted') continue
      if (!first || lead.at < first.at || (lead.at === first.at && lead.cardId < first.cardId)) first = lead
    }
  return first
}

/** Joins a card to the first of its person and disease, on both sides. */
function join(world: World, card: Card, at: number, touched: Touched): void {
  addToIndex(getPersonIndex(world), card)
  const first = findFirst(world, card)
  if (!first) return
  card.duplicateOf = first.cardId
  first.duplicateIds = [...first.duplicateIds, card.cardId]
  addStep(first, { at, by: 'vigil', action: 'joined', changes: { duplicateIds: ['', card.cardId] } })
  card.history = [...card.history, { at, by: 'vigil', action: 'joined', changes: { duplicateOf: ['', first.cardId] } }]
  touched.cards.add(first.cardId)
}

/** Takes a card out of its group; when it led the group the next one leads. */
function part(world: World, card: Card, touched: Touched): void {
  const first = card.duplicateOf === undefined ? undefined : world.cards.get(card.duplicateOf)
  if (first) {
    first.duplicateIds = first.duplicateIds.filter(id => id !== card.cardId)
    first.version++
    touched.cards.add(first.cardId)
  }
  delete card.duplicateOf
  const [nextId, ...rest] = card.duplicateIds.filter(id => world.cards.has(id))
  card.duplicateIds = []
  const next = nextId === undefined ? undefined : world.cards.get(nextId)
  if (!next) return
  delete next.duplicateOf
  next.duplicateIds = rest
  next.version++
  touched.cards.add(next.cardId)
  for (const id of rest) {
    const other = world.cards.get(id)!
    other.duplicateOf = next.cardId
    other.version++
    touched.cards.add(id)
  }
}

// --- the workflow

/** Files a card; the same card id twice is refused. A draft under the same id is used up by it. */
export function applyCard(world: World, entry: EntryOf<'report.received'>, touched: Touched): Outcome {
  const { personKeys, filedAt: saidAt, patientName: _n, patientPhone: _p, ...rest } = entry.body
  const { identityNumber: _i, addressText: _a, ...body } = rest
  if (world.cards.has(body.cardId)) return refuse('CARD_EXISTS', { cardId: body.cardId })
  const at = entry.loggedAt
  const diseaseId = toDiseaseId(body.diseaseId)
  const limits = getLimits(world, diseaseId)
  const filedAt = saidAt ?? entry.receivedAt
  const by = nameActor(entry)
  const draft = world.drafts.get(body.cardId)
  const card: Card = {
    ...body,
    diseaseId,
    version: 1,
    state: 'filed',
    filedAt,
    filedBy: by,
    source: entry.source,
    fileDueAt: body.diagnosedAt + limits.file,
    filedLate: filedAt > body.diagnosedAt + limits.file,
    // The county's clock runs from when it could see the card, not from a filing told afterwards.
    reviewDueAt: at + limits.review,
    duplicateIds: [],
    history: [{ at, by, action: 'filed' }],
    sealedFields: [...new Set([...(draft?.sealedFields ?? []), ...listPersonal(entry.body)])],
    at,
    ...(personKeys ? { personKeys } : {}),
  }
  world.cards.set(card.cardId, card)
  if (draft) {
    world.drafts.delete(card.cardId)
    touched.drafts.add(card.cardId)
  }
  join(world, card, at, touched)
  touched.cards.add(card.cardId)
  return done
}

/** Finds a card that may still be changed, or the refusal. */
function findCard(world: World, cardId: string, from: readonly Card['state'][], action: string): Card | Outcome {
  const card = world.cards.get(cardId)
  if (!card) return refuse('CARD_UNKNOWN', { cardId })
  if (!from.includes(card.state)) return refuse('CARD_TRANSITION', { cardId, state: stateNames[card.state], action })
  return card
}

/** Replaces the named fields; the county reviews the card anew. Refused when the card as corrected does not hold together. */
export function applyCorrection(world: World, entry: EntryOf<'report.corrected'>, touched: Touched): Outcome {
  const { body } = entry
  const found = findCard(world, body.cardId, ['filed', 'returned', 'reviewed'], '订正')
  if ('result' in found) return found
  const changes: Record<string, [string, string]> = {}
  const next: Record<string, unknown> = {}
  for (const field of plainFields) {
    const said = body[field]
    if (said === undefined) continue
    const value = field === 'diseaseId' ? toDiseaseId(said as string) : said
    if (found[field] === value) continue
    changes[field] = [String(found[field] ?? ''), String(value)]
    next[field] = value
  }
  const fault = judgeCard({ ...found, ...next } as CardFacts)
  if (fault) return { result: 'refused', ...fault }
  const personal = listPersonal(body)
  const at = entry.loggedAt
  const isOther = 'diseaseId' in next || 'diagnosedAt' in next || body.personKeys !== undefined
  if (isOther) part(world, found, touched)
  Object.assign(found, next)
  if (body.personKeys) found.personKeys = renewKeys(found.personKeys ?? [], body.personKeys)
  const limits = getLimits(world, found.diseaseId)
  found.fileDueAt = found.diagnosedAt + limits.file
  found.filedLate = found.filedAt > found.fileDueAt
  found.reviewDueAt = at + limits.review
  found.state = 'filed'
  delete found.reviewedAt
  delete found.reviewedBy
  found.sealedFields = [...new Set([...found.sealedFields, ...personal])]
  addStep(found, {
    at,
    by: nameActor(entry),
    action: 'corrected',
    reason: body.reason,
    ...(Object.keys(changes).length > 0 ? { changes } : {}),
    ...(personal.length > 0 ? { personalFields: personal } : {}),
  })
  if (isOther) join(world, found, at, touched)
  touched.cards.add(found.cardId)
  return done
}

/** The county accepts a card or returns it to who filed it. */
export function applyReview(world: World, entry: EntryOf<'report.reviewed'>, touched: Touched): Outcome {
  const { cardId, decision, reason } = entry.body
  const card = findCard(world, cardId, ['filed'], decision === 'accepted' ? '审核' : '退回')
  if ('result' in card) return card
  if (isCommandStale(entry.expects?.card, card.version)) return refuse('VERSION_STALE', { what: cardId })
  const by = nameActor(entry)
  const isAccepted = decision === 'accepted'
  card.state = isAccepted ? 'reviewed' : 'returned'
  if (isAccepted) Object.assign(card, { reviewedAt: entry.loggedAt, reviewedBy: by })
  addStep(card, {
    at: entry.loggedAt,
    by,
    action: isAccepted ? 'reviewed' : 'returned',
    ...(reason === undefined ? {} : { reason }),
  })
  touched.cards.add(cardId)
  return done
}

/** Takes a card back. It stays, marked, with its reason; it is no case any more. */
export function applyRetraction(world: World, entry: EntryOf<'report.retracted'>, touched: Touched): Outcome {
  const { cardId, reason } = entry.body
  const card = findCard(world, cardId, ['filed', 'returned', 'reviewed'], '删除')
  if ('result' in card) return card
  part(world, card, touched)
  card.state = 'retracted'
  addStep(card, { at: entry.loggedAt, by: nameActor(entry), action: 'retracted', reason })
  touched.cards.add(cardId)
  return done
}

// --- drafts

/** A feed prepares a card; a newer draft of the same id replaces the older one. What was filed is not drafted again. */
export function applyDraft(world: World, entry: EntryOf<'report.drafted'>, touched: Touched): Outcome {
  const { personKeys, patientName: _n, patientPhone: _p, identityNumber: _i, addressText: _a, ...body } = entry.body
  if (world.cards.has(body.cardId)) return refuse('CARD_EXISTS', { cardId: body.cardId })
  const diseaseId = toDiseaseId(body.diseaseId)
  const held = world.drafts.get(body.cardId)
  const same = findFirst(world, { diseaseId, diagnosedAt: body.diagnosedAt ?? entry.loggedAt, personKeys })
  const draft: Draft = {
    ...body,
    diseaseId,
    ...(same ? { duplicateOf: same.cardId } : {}),
    draftedAt: held?.draftedAt ?? entry.loggedAt,
    draftedBy: nameActor(entry),
    fileDueAt: (body.diagnosedAt ?? held?.draftedAt ?? entry.loggedAt) + getLimits(world, diseaseId).file,
    sealedFields: [...new Set([...(held?.sealedFields ?? []), ...listPersonal(entry.body)])],
  }
  world.drafts.set(draft.cardId, draft)
  touched.drafts.add(draft.cardId)
  if (world.drafts.size > draftsMax) {
    const oldest = world.drafts.keys().next().value!
    world.drafts.delete(oldest)
    touched.drafts.add(oldest)
  }
  return done
}

/** A person says that a draft is no case to report. */
export function applyDismissal(world: World, entry: EntryOf<'report.draftDismissed'>, touched: Touched): Outcome {
  const { cardId } = entry.body
  if (!world.drafts.delete(cardId)) return refuse('DRAFT_UNKNOWN', { cardId })
  touched.drafts.add(cardId)
  return done
}

/** Forgetting a person breaks the link between its cards: the pseudonyms go. */
export function applyForgetting(world: World, entry: EntryOf<'person.forgotten'>): Outcome {
  const card = entry.body.recordKind === 'card' ? world.cards.get(entry.body.recordId) : undefined
  if (!card) return done
  delete card.personKeys
  personIndexes.delete(world.cards)
  return done
}
