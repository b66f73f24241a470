/**
 * Question packs: the validator against every way to break one, the evaluator, publication and answers folded into the world,
 * what answers do to level, wanted capability and the call series, and the door's judgement.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { listPackFaults, Pack, packDepthMax, packRunsMax, packsMax, runPack } from '#contract/pack.ts'
import { getDayIndex } from '#contract/scalars.ts'
import { listIncidentWants } from '../../server/advise/situation.ts'
import { complaintDictionary } from '../../server/intake/codes.ts'
import { judgePack } from '../../server/intake/packs.ts'
import { defaultPacks } from '../../server/operations/default-packs.ts'
import { createFolding, type Folding } from '../help/folding.ts'

const words = (zh: string) => ({ zh, en: 'text' })
const base: Pack = Pack.parse({
  packId: 'p',
  version: 1,
  title: words('测试'),
  complaintCodes: ['chest-pain'],
  syndrome: 'cardiac',
  terms: ['cs'],
  baseLevel: 2,
  baseAdvice: ['a'],
  baseWants: ['monitor'],
  start: 'q1',
  questions: [
    {
      questionId: 'q1',
      text: words('一'),
      answers: [
        { answerId: 'y', text: words('是'), next: 'q2', level: 1, advice: ['b'], wants: ['als'] },
        { answerId: 'n', text: words('否'), next: 'q2' },
        { answerId: 'x', text: words('转'), pack: 'other' },
      ],
    },
    {
      questionId: 'q2',
      text: words('二'),
      answers: [
        { answerId: 'low', text: words('轻'), level: 4 },
        { answerId: 'rash', text: words('疹'), level: 3, complaintCode: 'rash', syndrome: 'fever-rash' },
        { answerId: 'none', text: words('无') },
      ],
    },
  ],
  advices: [
    { adviceId: 'a', text: words('甲') },
    { adviceId: 'b', text: words('乙'), metronomePerMin: 110 },
  ],
  author: '测试',
})
const change = (work: (pack: Pack) => void): Pack => {
  const copy = structuredClone(base)
  work(copy)
  return copy
}
const codesOf = (pack: Pack) => listPackFaults(pack).map(fault => fault.code)
const given = (...pairs: [string, string][]) => pairs.map(([questionId, answerId]) => ({ questionId, answerId }))

test('PACK-1 a pack that holds has no fault, and every way to break one is told with a Chinese and an English reason', () => {
  assert.deepEqual(listPackFaults(base), [])
  const broken: [code: string, pack: Pack][] = [
    ['DEAD_END', change(pack => (pack.questions[0]!.answers[0]!.next = 'nowhere'))],
    ['DEAD_END', change(pack => (pack.start = 'nowhere'))],
    ['CIRCLE', change(pack => (pack.questions[1]!.answers[0]!.next = 'q1'))],
    ['CIRCLE', change(pack => (pack.questions[1]!.answers[0]!.next = 'q2'))],
    ['CIRCLE', change(pack => (pack.questions[0]!.answers[2]!.pack = 'p'))],
    ['OUT_OF_REACH', change(pack => pack.questions.push({ ...pack.questions[1]!, questionId: 'q3' }))],
    ['TWICE', change(pack => pack.questions.push(structuredClone(pack.questions[1]!)))],
    ['TWICE', change(pack => (pack.questions[1]!.answers[1]!.answerId = 'low'))],
    ['TWICE', change(pack => (pack.advices[1]!.adviceId = 'a'))],
    ['ADVICE_UNKNOWN', change(pack => (pack.baseAdvice = ['z']))],
    ['TWO_WAYS', change(pack => (pack.questions[0]!.answers[0]!.pack = 'other'))],
    ['TEXT_MISSING', change(pack => (pack.questions[0]!.text.zh = 'only English'))],
    ['TEXT_MISSING', change(pack => (pack.advices[0]!.text.en = '只有中文'))],
    [
      'TOO_DEEP',
      change(pack => {
        for (let n = 3; n <= packDepthMax + 1; n++) {
          pack.questions.at(-1)!.answers[0]!.next = `q${n}`
          pack.questions.push({
            questionId: `q${n}`,
            text: words('深'),
            answers: [{ answerId: 'a', text: words('是') }],
          })
        }
      }),
    ],
  ]
  for (const [code, pack] of broken) {
    const faults = listPackFaults(pack)
    assert.ok(
      faults.some(fault => fault.code === code),
      `${code} not in ${faults.map(fault => fault.code)}`,
    )
    for (const fault of faults) {
      assert.match(fault.zh, /\p{Script=Han}/u)
      assert.match(fault.en, /[a-z]/)
    }
  }
})

test('PACK-2 any way of pressing keys through a pack without fault comes to an end, within the bound', () => {
  const random = fc.integer({ min: 1, max: 8 }).chain(size =>
    fc.array(fc.array(fc.integer({ min: 0, max: size + 1 }), { minLength: 1, maxLength: 4 }), {
      minLength: size,
      maxLength: size,
    }),
  )
  let held = 0
  fc.assert(
    fc.property(random, fc.array(fc.nat(8), { minLength: 20, maxLength: 20 }), (targets, keys) => {
      const pack = change(made => {
        made.questions = targets.map((answers, at) => ({
          questionId: `q${at}`,
          text: words('问'),
          answers: answers.map((target, n) => ({
            answerId: `a${n}`,
            text: words('答'),
            ...(target < targets.length ? { next: `q${target}` } : {}),
          })),
        }))
        made.start = 'q0'
      })
      if (listPackFaults(pack).length > 0) return
      held++
      const answers: { questionId: string; answerId: string }[] = []
      let run = runPack(pack, answers)
      for (const key of keys) {
        if (!run.current) break
        const options = run.current.answers
        answers.push({ questionId: run.current.questionId, answerId: options[key % options.length]!.answerId })
        run = runPack(pack, answers)
      }
      assert.equal(run.current, undefined)
      assert.ok(run.asked.length <= packDepthMax)
    }),
    { numRuns: 2_000, seed: 41 },
  )
  assert.ok(held >= 20, `${held} packs held`)
})

test('PACK-3 answers propose the level, the advice, the capability and the syndrome; the base stands until the end', () => {
  const none = runPack(base, [])
  assert.deepEqual(
    [none.level, none.current?.questionId, none.complaintCode, none.syndrome],
    [2, 'q1', 'chest-pain', 'cardiac'],
  )
  assert.deepEqual(
    none.advice.map(each => each.adviceId),
    ['a'],
  )
  const bad = runPack(base, given(['q1', 'y']))
  assert.deepEqual([bad.level, bad.metronomePerMin, bad.wants], [1, 110, ['monitor', 'als']])
  assert.deepEqual(
    bad.advice.map(each => each.adviceId),
    ['b', 'a'],
    'the newest is read first',
  )
  assert.equal(runPack(base, given(['q1', 'n'])).level, 2)
  assert.equal(runPack(base, given(['q1', 'n'], ['q2', 'low'])).level, 4, 'at the end the answers decide')
  assert.equal(runPack(base, given(['q1', 'n'], ['q2', 'none'])).level, 2, 'no answer spoke of a level')
  assert.equal(runPack(base, given(['q1', 'y'], ['q2', 'low'])).level, 1, 'the most urgent stands')
  const rash = runPack(base, given(['q1', 'n'], ['q2', 'rash']))
  assert.deepEqual([rash.complaintCode, rash.syndrome], ['rash', 'fever-rash'])
  assert.equal(runPack(base, given(['q1', 'x'])).nextPackId, 'other')
})

test('PACK-4 an earlier answer changed leaves what hung on it behind', () => {
  const strayed = runPack(base, given(['q2', 'low'], ['q1', 'y']))
  assert.deepEqual([strayed.asked.length, strayed.current?.questionId], [0, 'q1'])
  const unknown = runPack(base, given(['q1', 'gone'], ['q2', 'low']))
  assert.equal(unknown.asked.length, 0)
  const beyond = runPack(base, given(['q1', 'n'], ['q2', 'low'], ['q2', 'rash']))
  assert.equal(beyond.asked.length, 2)
})

test('PACK-5 the packs of the first start hold, cover the eleven complaints, and none claims an approval', () => {
  const wanted =
    'chest-pain stroke breathing unconscious arrest trauma obstetric paediatric poisoning fever-rash generic'
  assert.deepEqual(defaultPacks.map(pack => pack.packId).sort(), wanted.split(' ').sort())
  for (const pack of defaultPacks) {
    assert.deepEqual(listPackFaults(pack), [], pack.packId)
    assert.equal(pack.approval, undefined)
    assert.ok(pack.author)
    for (const { answers } of pack.questions)
      for (const { pack: other } of answers)
        if (other)
          assert.ok(
            defaultPacks.some(each => each.packId === other),
            `${pack.packId} opens ${other}`,
          )
  }
  const arrest = defaultPacks.find(pack => pack.packId === 'arrest')!
  assert.equal(runPack(arrest, []).metronomePerMin, 110)
  assert.equal(runPack(arrest, []).level, 1)
  // Every code the dictionary gives has a pack that opens for it.
  const opened = new Set(defaultPacks.flatMap(pack => pack.complaintCodes))
  for (const [, code] of complaintDictionary.terms) assert.ok(opened.has(code), `no pack for ${code}`)
})

function open(folding: Folding, incidentId = 'I1', callIds: string[] = []) {
  folding.say('incident.opened', { incidentId, callIds, level: 2, regionCode: '330402', lon: 120.7, lat: 30.7 })
  return folding.world.incidents.get(incidentId)!
}
const ask = (folding: Folding, answers: ReturnType<typeof given>, more: Record<string, unknown> = {}) =>
  folding.say('incident.questioned', { incidentId: 'I1', packId: 'p', packVersion: 1, answers, ...more })
const countCalls = (folding: Folding, syndrome: string): number | null | undefined => {
  const series = folding.world.series.get(`day|call-120|${syndrome}|330402`)
  return series?.values[getDayIndex(folding.now()) - series.firstIndex]
}

test('PACK-6 answers are kept and evaluated by the line: level, wants, complaint, and the call counts under its new syndrome', () => {
  const folding = createFolding()
  folding.say('pack.published', base)
  folding.say('call.received', { callId: 'C1', regionCode: '330402' })
  const incident = open(folding, 'I1', ['C1'])
  const { version } = incident
  assert.equal(countCalls(folding, 'unknown'), 1)
  assert.equal(ask(folding, given(['q1', 'y'])).result, 'done')
  assert.deepEqual([incident.proposedLevel, incident.syndrome, incident.complaintCode], [1, 'cardiac', 'chest-pain'])
  assert.deepEqual([countCalls(folding, 'unknown'), countCalls(folding, 'cardiac')], [0, 1])
  ask(folding, given(['q1', 'y'], ['q2', 'rash']), { externalCode: '9-E-1' })
  assert.equal(incident.packRuns?.length, 1, 'the same pack replaces what it said before')
  assert.deepEqual([incident.packRuns[0]!.isEnded, incident.packRuns[0]!.externalCode], [true, '9-E-1'])
  assert.deepEqual([countCalls(folding, 'cardiac'), countCalls(folding, 'fever-rash')], [0, 1])
  assert.equal(folding.world.calls.get('C1')?.syndrome, 'fever-rash')
  assert.ok(listIncidentWants(incident).includes('als') && listIncidentWants(incident).includes('isolation'))
  assert.equal(incident.version, version, 'an answer makes nobody else’s order stale')
  assert.equal(incident.level, 2, 'a proposal changes no level by itself')
})

test('PACK-7 a level less urgent than the answers propose needs a reason; a more urgent one never does', () => {
  const folding = createFolding()
  folding.say('pack.published', base)
  const incident = open(folding)
  ask(folding, given(['q1', 'y']))
  const lower = (level: number, reason?: string) =>
    folding.say('incident.levelChanged', { incidentId: 'I1', level, ...(reason === undefined ? {} : { reason }) })
  assert.deepEqual(lower(3), { result: 'refused', code: 'LEVEL_REASON_NEEDED', params: { level: 1 } })
  assert.equal(lower(3, '   ').result, 'refused')
  assert.equal(lower(3, '医生已到场').result, 'done')
  assert.equal(lower(1).result, 'done')
  assert.equal(incident.level, 1)
})

test('PACK-8 what cannot be judged is kept or refused by code: unknown incident, unknown pack, another version, an older word', () => {
  const folding = createFolding()
  folding.say('pack.published', base)
  const codeOf = (outcome: ReturnType<typeof ask>) => (outcome.result === 'refused' ? outcome.code : outcome.result)
  assert.equal(codeOf(ask(folding, [])), 'INCIDENT_UNKNOWN')
  const incident = open(folding)
  assert.equal(codeOf(ask(folding, [], { packId: 'zz' })), 'PACK_UNKNOWN')
  assert.equal(codeOf(ask(folding, given(['q1', 'y']), { packVersion: 9 })), 'done')
  assert.equal(incident.proposedLevel, undefined)
  assert.deepEqual(incident.packRuns?.[0]?.answers, given(['q1', 'y']), 'the answers of another version are kept')
  ask(folding, given(['q1', 'y']))
  folding.say(
    'incident.questioned',
    { incidentId: 'I1', packId: 'p', packVersion: 1, answers: [] },
    { occurredAt: folding.now() - 5_000 },
  )
  assert.equal(incident.packRuns?.[0]?.answers.length, 1, 'an earlier word that came later changes nothing')
  for (let n = 0; n < packRunsMax + 2; n++) {
    folding.say('pack.published', { ...base, packId: `p${n}` })
    ask(folding, [], { packId: `p${n}` })
  }
  assert.equal(incident.packRuns?.length, packRunsMax)
})

test('PACK-9 the newest version of a pack stands, an older one changes nothing, and their number is bounded', () => {
  const folding = createFolding()
  folding.say('pack.published', { ...base, version: 3 })
  folding.say('pack.published', { ...base, version: 2, title: words('旧') })
  assert.equal(folding.world.packs.get('p')?.version, 3)
  assert.equal(folding.world.city.packsVersion, 1)
  for (let n = 1; n < packsMax; n++) folding.say('pack.published', { ...base, packId: `p${n}` })
  assert.equal(folding.say('pack.published', { ...base, packId: 'more' }).result, 'refused')
  assert.equal(folding.say('pack.published', { ...base, version: 4 }).result, 'done')
})

test('PACK-10 the door refuses a broken pack with the reasons, and answers to one nobody approved outside a demo or a drill', () => {
  const folding = createFolding()
  const dead = change(pack => (pack.questions[0]!.answers[0]!.next = 'nowhere'))
  const refused = judgePack(folding.world, true, 'pack.published', dead)
  assert.equal(refused?.code, 'PACK_INVALID')
  assert.match(String(refused.params?.whyZh), /不存在/)
  assert.match(String(refused.params?.whyEn), /not there/)
  assert.equal(judgePack(folding.world, false, 'pack.published', base), undefined)
  folding.say('pack.published', base)
  const body = { incidentId: 'I1', packId: 'p', packVersion: 1, answers: [] }
  assert.equal(judgePack(folding.world, false, 'incident.questioned', body)?.code, 'PACK_UNAPPROVED')
  assert.equal(judgePack(folding.world, true, 'incident.questioned', body), undefined)
  folding.say('pack.published', { ...base, version: 2, approval: { approver: '沈医生', day: '2026-11-20' } })
  assert.equal(judgePack(folding.world, false, 'incident.questioned', body), undefined)
  assert.equal(judgePack(folding.world, false, 'incident.noted', { packId: 'p' }), undefined)
  assert.deepEqual(codesOf(base), [])
})
