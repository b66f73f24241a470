/**
 * Question packs: what a desk asks about one complaint, as published data: questions a row each, answers by number key, advice to
 * read aloud, and what the answers say of level, capability and syndrome. Own texts, never those of a licensed protocol.
 * Here stand the shape, the validator that refuses a broken pack, and the one evaluator that the line and every console run.
 */
import { z } from 'zod'
import { Day, Id, Level, Name, Syndrome } from './scalars.ts'

/** Packs in force at once. */
export const packsMax = 100
/** Answers of a question: the number keys. */
export const answersMax = 9
/** Questions from the first to the last on any way. */
export const packDepthMax = 12
/** Packs asked in one incident: chest pain, then arrest, then the next patient. */
export const packRunsMax = 6
const questionsMax = 60
const advicesMax = 60

/** A text in both languages. */
export const Words = z.strictObject({ zh: z.string().trim().min(1).max(400), en: z.string().trim().min(1).max(600) })
export type Words = z.infer<typeof Words>

/** What is read aloud to the caller; with `metronomePerMin` a beat sounds beside it. */
export const PackAdvice = z.strictObject({
  adviceId: Id,
  text: Words,
  metronomePerMin: z.int().min(60).max(140).optional(),
})
export type PackAdvice = z.infer<typeof PackAdvice>

/** One answer: where it leads (`next`, another pack, or the end) and what it says. */
export const PackAnswer = z.strictObject({
  answerId: Id,
  text: Words,
  next: Id.optional(),
  /** Ends this pack and opens that one: nobody is asked twice whether the patient breathes. */
  pack: Id.optional(),
  level: Level.optional(),
  advice: z.array(Id).max(10).optional(),
  wants: z.array(Id).max(10).optional(),
  complaintCode: Id.optional(),
  syndrome: Syndrome.optional(),
})
export type PackAnswer = z.infer<typeof PackAnswer>

export const PackQuestion = z.strictObject({
  questionId: Id,
  text: Words,
  hint: Words.optional(),
  answers: z.array(PackAnswer).min(1).max(answersMax),
})
export type PackQuestion = z.infer<typeof PackQuestion>

export const Pack = z.strictObject({
  packId: Id,
  version: z.int().min(1).max(1_000_000),
  title: Words,
  /** Codes of the complaint dictionary that open this pack; the first is the one it gives the incident. */
  complaintCodes: z.array(Id).min(1).max(40),
  syndrome: Syndrome,
  /** Words and initials a desk finds it by: 胸痛, xt, chest. */
  terms: z.array(z.string().trim().min(1).max(30)).max(40),
  /** Level that stands until the last answer, and when no answer speaks of one. */
  baseLevel: Level,
  baseAdvice: z.array(Id).max(10),
  baseWants: z.array(Id).max(10).optional(),
  start: Id,
  questions: z.array(PackQuestion).min(1).max(questionsMax),
  advices: z.array(PackAdvice).max(advicesMax),
  author: Name,
  /** Who answers for it as a physician, and since when. Without it a pack runs in a demo or a drill alone. */
  approval: z.strictObject({ approver: Name, day: Day, reference: z.string().max(120).optional() }).optional(),
  /** A retired pack is offered no more; what was asked with it stays readable. */
  retired: z.boolean().optional(),
})
export type Pack = z.infer<typeof Pack>

/** One answer given, by code. */
export const GivenAnswer = z.strictObject({ questionId: Id, answerId: Id })
export type GivenAnswer = z.infer<typeof GivenAnswer>

// --- the validator

export type PackFault = { code: string; where: string } & Words

const isChinese = /\p{Script=Han}/u
const isLatin = /[A-Za-z]/

/** Texts of a pack with the place they stand at. */
function* listTexts(pack: Pack): Generator<readonly [where: string, words: Words]> {
  yield ['title', pack.title]
  for (const { questionId, text, hint, answers } of pack.questions) {
    yield [questionId, text]
    if (hint) yield [`${questionId} hint`, hint]
    for (const answer of answers) yield [`${questionId}/${answer.answerId}`, answer.text]
  }
  for (const { adviceId, text } of pack.advices) yield [adviceId, text]
}

/**
 * Why a pack must not be published, every reason in both languages; empty when it holds. Every way from the first question ends,
 * no question is out of reach, none leads nowhere, every text stands in both languages, no way is longer than packDepthMax.
 */
export function listPackFaults(pack: Pack): PackFault[] {
  const faults: PackFault[] = []
  const fault = (code: string, where: string, zh: string, en: string) => faults.push({ code, where, zh, en })
  const findTwice = (ids: readonly string[]) => ids.find((id, at) => ids.indexOf(id) !== at)

  for (const [what, ids] of [
    ['question', pack.questions.map(each => each.questionId)],
    ['advice', pack.advices.map(each => each.adviceId)],
    ...pack.questions.map(each => [each.questionId, each.answers.map(answer => answer.answerId)] as const),
  ] as const) {
    const twice = findTwice(ids)
    if (twice) fault('TWICE', `${what} ${twice}`, `编号 ${twice} 重复`, `id ${twice} stands twice`)
  }
  for (const [where, { zh, en }] of listTexts(pack)) {
    if (!isChinese.test(zh)) fault('TEXT_MISSING', where, `${where} 缺少中文`, `${where} has no Chinese text`)
    if (!isLatin.test(en) || isChinese.test(en))
      fault('TEXT_MISSING', where, `${where} 缺少英文`, `${where} has no English text`)
  }
  const advices = new Set(pack.advices.map(each => each.adviceId))
  const speaks = [
    ['baseAdvice', pack.baseAdvice] as const,
    ...pack.questions.flatMap(each =>
      each.answers.map(answer => [`${each.questionId}/${answer.answerId}`, answer.advice ?? []] as const),
    ),
  ]
  for (const [where, ids] of speaks)
    for (const id of ids)
      if (!advices.has(id))
        fault(
          'ADVICE_UNKNOWN',
          where,
          `${where} 引用了没有的指导 ${id}`,
          `${where} names advice ${id}, which is not there`,
        )

  const questions = new Map(pack.questions.map(each => [each.questionId, each]))
  if (!questions.has(pack.start)) {
    fault('DEAD_END', 'start', `起始问题 ${pack.start} 不存在`, `the first question ${pack.start} is not there`)
    return faults
  }
  for (const question of pack.questions)
    for (const { answerId, next, pack: other } of question.answers) {
      const where = `${question.questionId}/${answerId}`
      if (next !== undefined && other !== undefined)
        fault('TWO_WAYS', where, `${where} 同时指向问题和问卷`, `${where} leads to a question and to a pack`)
      if (next !== undefined && !questions.has(next))
        fault('DEAD_END', where, `${where} 指向不存在的问题 ${next}`, `${where} leads to ${next}, which is not there`)
      if (other === pack.packId) fault('CIRCLE', where, `${where} 又打开本问卷`, `${where} opens its own pack again`)
    }
  // Longest way to an end from each question; 0 while it is being walked, so that a circle is seen.
  const depths = new Map<string, number>()
  const walk = (id: string): number => {
    const known = depths.get(id)
    if (known === 0) {
      fault('CIRCLE', id, `经过 ${id} 的路径没有终点`, `a way through ${id} never ends`)
      return Number.NaN
    }
    if (known !== undefined) return known
    depths.set(id, 0)
    let depth = 1
    for (const { next } of questions.get(id)!.answers) {
      if (next === undefined || !questions.has(next)) continue
      depth = Math.max(depth, 1 + walk(next))
      if (Number.isNaN(depth)) break
    }
    depths.set(id, depth)
    return depth
  }
  const depth = walk(pack.start)
  if (depth > packDepthMax)
    fault(
      'TOO_DEEP',
      pack.start,
      `最长 ${depth} 问,超过 ${packDepthMax} 问`,
      `the longest way is ${depth} questions, more than ${packDepthMax}`,
    )
  if (!Number.isNaN(depth))
    for (const { questionId } of pack.questions)
      if (!depths.has(questionId))
        fault('OUT_OF_REACH', questionId, `问题 ${questionId} 无法到达`, `question ${questionId} is never reached`)
  return faults
}

// --- the evaluator

/** How far a pack has been asked, and what the answers say. */
export type PackRun = {
  /** Answers that lie on the way, in order; what strays from it is left out. */
  asked: readonly { question: PackQuestion; answer: PackAnswer }[]
  /** The question to ask now; undefined when the pack is at its end. */
  current?: PackQuestion
  /** Pack that goes on from here. */
  nextPackId?: string
  /** Proposed level: the most urgent of the answers; until the end never below the base of the pack. */
  level: Level
  /** What to read aloud, the newest answer's first. */
  advice: readonly PackAdvice[]
  metronomePerMin?: number
  wants: readonly string[]
  complaintCode: string
  syndrome: Syndrome
}

/** Runs the answers through a pack. Answers off the way (an earlier one was changed) and all after them do not count. */
export function runPack(pack: Pack, answers: readonly GivenAnswer[]): PackRun {
  const questions = new Map(pack.questions.map(each => [each.questionId, each]))
  const advices = new Map(pack.advices.map(each => [each.adviceId, each]))
  const asked: { question: PackQuestion; answer: PackAnswer }[] = []
  let at: string | undefined = pack.start
  let nextPackId: string | undefined
  for (const given of answers) {
    if (at === undefined || given.questionId !== at) break
    const question = questions.get(at)
    const answer = question?.answers.find(each => each.answerId === given.answerId)
    if (!question || !answer) break
    asked.push({ question, answer })
    at = answer.next
    nextPackId = answer.pack
  }
  const said = asked.map(each => each.answer)
  const spoken = said.flatMap(answer => (answer.level === undefined ? [] : [answer.level]))
  const isEnded = at === undefined
  const level = spoken.length > 0 && isEnded ? Math.min(...spoken) : Math.min(pack.baseLevel, ...spoken)
  const adviceIds = [...new Set([...said.toReversed().flatMap(answer => answer.advice ?? []), ...pack.baseAdvice])]
  const advice = adviceIds.flatMap(id => advices.get(id) ?? [])
  const metronomePerMin = advice.find(each => each.metronomePerMin !== undefined)?.metronomePerMin
  const current = at === undefined ? undefined : questions.get(at)
  return {
    asked,
    ...(current ? { current } : {}),
    ...(nextPackId === undefined ? {} : { nextPackId }),
    level,
    advice,
    ...(metronomePerMin === undefined ? {} : { metronomePerMin }),
    wants: [...new Set([...(pack.baseWants ?? []), ...said.flatMap(answer => answer.wants ?? [])])],
    complaintCode:
      said.findLast(answer => answer.complaintCode !== undefined)?.complaintCode ?? pack.complaintCodes[0]!,
    syndrome: said.findLast(answer => answer.syndrome !== undefined)?.syndrome ?? pack.syndrome,
  }
}

/** What was asked of one incident with one pack: coded, beside the sealed free text. */
export const PackRunView = z.object({
  packId: Id,
  packVersion: z.int(),
  answers: z.array(GivenAnswer),
  isEnded: z.boolean(),
  /** Absent when the line no longer held that version: the answers are kept, nothing is drawn from them. */
  level: Level.optional(),
  wants: z.array(z.string()),
  /** Code of a licensed protocol, as typed. */
  externalCode: z.string().optional(),
  levelReason: z.string().optional(),
  at: z.int(),
  by: z.string().optional(),
})
export type PackRunView = z.infer<typeof PackRunView>

/** GET /v1/packs: packs in force, and whether those without a physician's approval may be used here. */
export const PacksAnswer = z.object({ version: z.int(), mayDrill: z.boolean(), packs: z.array(Pack) })
export type PacksAnswer = z.infer<typeof PacksAnswer>
