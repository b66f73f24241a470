/**
 * Question packs at a desk: those in force, which of them fits what is typed, and what has been asked of the case in hand. What is
 * asked before the case exists is kept under `draft` and sent the moment it does; after that every answer is sent as it is given.
 */
import { useQuery } from '@tanstack/react-query'
import { create } from 'zustand'
import { type GivenAnswer, type Pack, type PackRun, type PacksAnswer, runPack } from '#contract/pack.ts'
import type { IncidentView } from '#contract/view.ts'
import { say } from '../live/commands.ts'
import type { Refusal } from '../live/http.ts'
import { read } from '../live/http.ts'
import { useWorld } from '../live/store.ts'

/** Packs offered under the caret. */
export const offeredMax = 6
/** Cases whose questions this seat remembers; the line keeps them all. */
export const subjectsMax = 200

/** One pack as far as it has been asked at this seat. */
export type Asking = { packId: string; answers: readonly GivenAnswer[]; levelReason?: string; externalCode?: string }

/** Under which subject questions are kept before there is a case. */
export const draftSubject = 'draft'

export const useAsking = create<{ bySubject: ReadonlyMap<string, readonly Asking[]>; hidden: boolean }>()(() => ({
  bySubject: new Map(),
  hidden: false,
}))

/** Packs in force; undefined while they are read, empty where there are none. */
export function usePacks(): PacksAnswer | undefined {
  const version = useWorld(world => world.city?.packsVersion ?? 0)
  return useQuery({
    queryKey: ['packs', version],
    queryFn: () => read<PacksAnswer>('/v1/packs'),
    staleTime: Number.POSITIVE_INFINITY,
    placeholderData: before => before,
  }).data
}

/** True when a pack may be asked here: approved, or in a demo or a drill. */
export function isUsable(pack: Pack, answer: PacksAnswer): boolean {
  return !pack.retired && (pack.approval !== undefined || answer.mayDrill)
}

/** Packs that fit a text: title, words and initials; a word that begins so before one that holds it. Empty text: all. */
export function matchPacks(packs: readonly Pack[], text: string): readonly Pack[] {
  const said = text.trim().toLowerCase()
  if (said === '') return packs
  const rate = (pack: Pack): number => {
    let best = 0
    for (const term of [pack.title.zh, pack.title.en, ...pack.terms].map(each => each.toLowerCase())) {
      if (term === said) best = Math.max(best, 4)
      else if (term.startsWith(said)) best = Math.max(best, 3)
      else if (said.includes(term) && term.length > 1) best = Math.max(best, 2 + term.length / 100)
      else if (said.length > 1 && term.includes(said)) best = Math.max(best, 1)
    }
    return best
  }
  return packs
    .map(pack => ({ pack, rating: rate(pack) }))
    .filter(each => each.rating > 0)
    .sort((a, b) => b.rating - a.rating || (a.pack.packId < b.pack.packId ? -1 : 1))
    .slice(0, offeredMax)
    .map(each => each.pack)
}

function put(subject: string, askings: readonly Asking[]): void {
  const bySubject = new Map(useAsking.getState().bySubject)
  bySubject.delete(subject)
  if (askings.length > 0) bySubject.set(subject, askings)
  for (const id of bySubject.keys()) {
    if (bySubject.size <= subjectsMax) break
    bySubject.delete(id)
  }
  useAsking.setState({ bySubject })
}

/** What was asked under a subject: at this seat, else what the line tells of the case. */
export function listAskings(subject: string, incident: IncidentView | undefined): readonly Asking[] {
  return (
    useAsking.getState().bySubject.get(subject) ??
    (incident?.packRuns ?? []).map(({ packId, answers, levelReason, externalCode }) => ({
      packId,
      answers,
      ...(levelReason === undefined ? {} : { levelReason }),
      ...(externalCode === undefined ? {} : { externalCode }),
    }))
  )
}

/** Opens a pack under a subject; one asked before goes on where it stood. The newest stands last. */
export function openPack(subject: string, packId: string, incident?: IncidentView): void {
  const askings = listAskings(subject, incident)
  const held = askings.find(each => each.packId === packId) ?? { packId, answers: [] }
  put(subject, [...askings.filter(each => each.packId !== packId), held])
  useAsking.setState({ hidden: false })
}

/** Forgets what was asked under a subject at this seat. */
export function forgetAskings(subject: string): void {
  put(subject, [])
}

/** Changes the newest pack of a subject, and tells the line when there is a case. */
export function changeAsking(
  subject: string,
  packs: readonly Pack[],
  change: (asking: Asking) => Asking,
  incident?: IncidentView,
): void {
  const askings = listAskings(subject, incident)
  const newest = askings.at(-1)
  if (!newest) return
  const changed = change(newest)
  put(subject, [...askings.slice(0, -1), changed])
  if (subject !== draftSubject) void tellAnswers(subject, changed, packs)
  const pack = packs.find(each => each.packId === changed.packId)
  const next = pack ? runPack(pack, changed.answers).nextPackId : undefined
  if (next !== undefined && packs.some(each => each.packId === next)) {
    openPack(subject, next, incident)
    if (subject !== draftSubject) void tellAnswers(subject, useAsking.getState().bySubject.get(subject)!.at(-1)!, packs)
  }
}

/** Subject under which the outcome of an answer is noted. */
export const askingSubject = (incidentId: string) => `pack:${incidentId}`

function tellAnswers(incidentId: string, asking: Asking, packs: readonly Pack[]): Promise<Refusal | undefined> {
  const pack = packs.find(each => each.packId === asking.packId)
  return say(askingSubject(incidentId), 'incident.questioned', {
    incidentId,
    packId: asking.packId,
    packVersion: pack?.version ?? 1,
    answers: [...asking.answers],
    ...(asking.levelReason === undefined ? {} : { levelReason: asking.levelReason }),
    ...(asking.externalCode === undefined ? {} : { externalCode: asking.externalCode }),
  })
}

/** The case exists now: what was asked before goes with it, in the order it was asked. */
export async function moveAskings(incidentId: string, packs: readonly Pack[]): Promise<void> {
  const askings = useAsking.getState().bySubject.get(draftSubject) ?? []
  if (askings.length === 0) return
  put(incidentId, askings)
  put(draftSubject, [])
  for (const asking of askings) await tellAnswers(incidentId, asking, packs)
}

/** Runs of everything asked, and the most urgent level they propose. */
export function runAll(
  askings: readonly Asking[],
  packs: readonly Pack[],
): { runs: readonly { pack: Pack; run: PackRun; asking: Asking }[]; level?: number } {
  const runs = askings.flatMap(asking => {
    const pack = packs.find(each => each.packId === asking.packId)
    return pack ? [{ pack, run: runPack(pack, asking.answers), asking }] : []
  })
  return { runs, ...(runs.length === 0 ? {} : { level: Math.min(...runs.map(each => each.run.level)) }) }
}
