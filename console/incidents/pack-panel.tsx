/**
 * The questions beside the case: one a row, number keys answer, Backspace goes one back, the newest advice in large letters to read
 * aloud, the beat for pressing a chest. It never takes the focus by itself; F2 goes to it and back. 0 takes the level the
 * answers propose. What no physician has approved says so over the whole width.
 */
import { useEffect, useRef, useState } from 'react'
import { type Pack, runPack } from '#contract/pack.ts'
import { useTexts } from '../language/i18n.ts'
import { useWorld } from '../live/store.ts'
import { levels } from '../look/palette.ts'
import { useDesk } from '../shell/desk.ts'
import { useKey } from '../shell/keys.ts'
import { Action, LevelSquare, Panel, PrintLine, SentNote } from '../shell/parts.tsx'
import { changeLevel } from './actions.ts'
import { ComplaintBox } from './complaint-box.tsx'
import { LevelReason } from './level-reason.tsx'
import { startMetronome } from './metronome.ts'
import {
  askingSubject,
  changeAsking,
  draftSubject,
  isUsable,
  listAskings,
  openPack,
  runAll,
  useAsking,
  usePacks,
} from './packs.ts'

/** The whole pack on paper: every question with its boxes, every advice; ticked as far as it was asked. */
function PackSheet({
  pack,
  answers,
  titleOf,
}: {
  pack: Pack
  answers: readonly { questionId: string; answerId: string }[]
  titleOf: (packId: string) => string
}) {
  const { t, language } = useTexts()
  const chosen = new Map(answers.map(each => [each.questionId, each.answerId]))
  const numberOf = new Map(pack.questions.map((each, at) => [each.questionId, at + 1]))
  return (
    <section className="pack-sheet print-only" data-testid="pack-sheet">
      <PrintLine />
      {!pack.approval && <p className="pack-sheet-band">{t('pack.unapproved')}</p>}
      <h2>
        {pack.title[language]} <small>v{pack.version}</small>
      </h2>
      <p>
        {t('pack.author', { name: pack.author })} ·{' '}
        {pack.approval
          ? t('pack.approvedBy', { name: pack.approval.approver, day: pack.approval.day })
          : t('pack.unapprovedLong')}
      </p>
      <ol>
        {pack.questions.map((question, at) => (
          <li key={question.questionId}>
            <b>
              {at + 1}. {question.text[language]}
            </b>
            <ul>
              {question.answers.map(answer => (
                <li key={answer.answerId}>
                  {chosen.get(question.questionId) === answer.answerId ? '☑' : '☐'} {answer.text[language]}
                  {answer.level ? ` [${levels[answer.level as 1 | 2 | 3 | 4].numeral}]` : ''}
                  {answer.next ? ` → ${numberOf.get(answer.next) ?? ''}` : ''}
                  {answer.pack ? ` → ${titleOf(answer.pack)}` : ''}
                </li>
              ))}
            </ul>
          </li>
        ))}
      </ol>
      <h3>{t('pack.readAloud')}</h3>
      <ul>
        {pack.advices.map(advice => (
          <li key={advice.adviceId}>{advice.text[language]}</li>
        ))}
      </ul>
      <p>{t('pack.sheetFoot')}</p>
    </section>
  )
}

/** Slot for the code of a licensed protocol; told when the field is left, not at every letter. */
function CodeField({ code, onCode }: { code: string; onCode: (code: string) => void }) {
  const { t } = useTexts()
  const [text, setText] = useState(code)
  const tell = () => {
    if (text.trim() !== code) onCode(text.trim())
  }
  return (
    <label>
      <span className="muted">{t('pack.externalCode')}</span>
      <input
        className="field"
        data-testid="pack-code"
        maxLength={40}
        value={text}
        onChange={event => setText(event.target.value)}
        onBlur={tell}
        onKeyDown={event => {
          if (event.key === 'Enter') tell()
        }}
      />
    </label>
  )
}

/** Questions of the draft or of the chosen case; nothing while none were opened and nobody asked for them. */
export function PackPanel() {
  const { t, language } = useTexts()
  const draft = useDesk(desk => desk.draft)
  const incidentId = useDesk(desk => desk.incidentId)
  const muted = useDesk(desk => desk.muted)
  const incident = useWorld(world => (incidentId ? world.incidents.get(incidentId) : undefined))
  const bySubject = useAsking(state => state.bySubject)
  const hidden = useAsking(state => state.hidden)
  const answer = usePacks()
  const [choosing, setChoosing] = useState(false)
  const [words, setWords] = useState('')
  const [quiet, setQuiet] = useState(false)
  const panel = useRef<HTMLDivElement>(null)
  const chooser = useRef<HTMLInputElement>(null)
  const before = useRef<HTMLElement | null>(null)
  const subject = draft ? draftSubject : incidentId
  const packs = (answer?.packs ?? []).filter(pack => answer && isUsable(pack, answer))
  const askings = subject === undefined ? [] : listAskings(subject, incident)
  void bySubject
  const { runs, level: proposed } = runAll(askings, answer?.packs ?? [])
  const newest = runs.at(-1)
  const isShown = subject !== undefined && answer !== undefined && !hidden && (newest !== undefined || choosing)
  const perMin =
    isShown && !quiet && !muted && (draft || incident?.state === 'open') ? newest?.run.metronomePerMin : undefined

  useEffect(() => {
    setChoosing(false)
    setWords('')
    setQuiet(false)
  }, [subject])
  useEffect(() => (perMin === undefined ? undefined : startMetronome(perMin)), [perMin])
  const isWanted = useRef(false)
  useEffect(() => {
    if (!isShown || !isWanted.current) return
    isWanted.current = false
    ;(newest ? panel.current : chooser.current)?.focus()
  })

  const asked = newest?.run.asked.length ?? 0
  useEffect(() => {
    // Newer browsers answer a scroll with a promise, which must not become the effect's way back.
    void panel.current?.scrollTo(0, 0)
  }, [asked, newest?.pack.packId])

  useKey('pack', () => {
    if (subject === undefined || !answer) return false
    if (isShown && panel.current?.contains(document.activeElement)) {
      before.current?.focus()
      return true
    }
    before.current = document.activeElement as HTMLElement | null
    isWanted.current = true
    if (!newest) {
      const fit = packs.find(pack => incident?.complaintCode && pack.complaintCodes.includes(incident.complaintCode))
      if (fit) openPack(subject, fit.packId, incident)
      else setChoosing(true)
    }
    useAsking.setState({ hidden: false })
    if (isShown) (newest ? panel.current : chooser.current)?.focus()
    return true
  })
  if (!isShown || subject === undefined) return null

  const change = (work: Parameters<typeof changeAsking>[2]) => changeAsking(subject, answer.packs, work, incident)
  const give = (number: number) => {
    const question = newest?.run.current
    const chosen = question?.answers[number - 1]
    if (!question || !chosen) return false
    change(asking => ({
      ...asking,
      answers: [
        ...(newest?.run.asked ?? []).map(each => ({
          questionId: each.question.questionId,
          answerId: each.answer.answerId,
        })),
        { questionId: question.questionId, answerId: chosen.answerId },
      ],
    }))
    return true
  }
  const stepBack = () => change(asking => ({ ...asking, answers: asking.answers.slice(0, -1) }))
  const current = draft ? draft.level : incident?.level
  const adopt = () => {
    if (proposed === undefined || proposed === current) return
    const level = proposed as 1 | 2 | 3 | 4
    if (draft) useDesk.setState({ draft: { ...draft, level } })
    else if (incident?.state === 'open') void changeLevel(incident, level, t('pack.adoptedReason'))
  }
  const press = (event: React.KeyboardEvent) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target instanceof HTMLInputElement) return
    if (/^[1-9]$/.test(event.key)) {
      if (!give(Number(event.key))) return
    } else if (event.key === 'Backspace') stepBack()
    else if (event.key === '0') adopt()
    else if (event.key === '-')
      panel.current?.querySelector<HTMLElement>('[data-testid="level-reason"] button')?.focus()
    else if (event.key === 'm' || event.key === 'M') setQuiet(!quiet)
    else if (event.key === 'Escape') before.current?.focus()
    else return
    event.preventDefault()
  }
  return (
    <Panel
      title={newest ? t('pack.title', { name: newest.pack.title[language] }) : t('pack.choose')}
      testId="pack-panel"
      className="pack-panel"
      count={newest ? <small className="faint">v{newest.pack.version}</small> : undefined}
      tools={
        <>
          {newest?.run.metronomePerMin !== undefined && (
            <Action
              word={t('pack.metronome', { perMin: newest.run.metronomePerMin })}
              testId="pack-metronome"
              pressed={perMin !== undefined}
              onAct={() => setQuiet(!quiet)}
            />
          )}
          <Action
            word={t('pack.change')}
            testId="pack-change"
            pressed={choosing}
            onAct={() => setChoosing(!choosing)}
          />
          {newest && <Action word={t('incident.print')} testId="pack-print" onAct={printSheet} />}
          <Action
            word={t('pack.hide')}
            testId="pack-hide"
            onAct={() => {
              useAsking.setState({ hidden: true })
              setChoosing(false)
            }}
          />
        </>
      }
    >
      {newest && !newest.pack.approval && (
        <div className="pack-band" role="note" data-testid="pack-unapproved">
          {t('pack.unapprovedLong')}
        </div>
      )}
      <div className="case-body pack" ref={panel} tabIndex={-1} onKeyDown={press} data-testid="pack-body">
        {choosing && (
          <ComplaintBox
            text={words}
            packs={packs}
            chosen={newest?.pack.packId}
            onText={setWords}
            onChoose={pack => {
              openPack(subject, pack.packId, incident)
              setChoosing(false)
              setWords('')
              isWanted.current = true
            }}
            onDone={() => panel.current?.focus()}
            box={chooser}
          />
        )}
        {newest && (
          <>
            {subject !== draftSubject && <SentNote subject={askingSubject(subject)} />}
            {proposed !== undefined && (
              <div className="pack-proposal" data-testid="pack-proposal" data-level={proposed}>
                <span>{t('pack.proposed')}</span>
                <LevelSquare level={proposed} word={t(`level.${proposed}`)} />
                <b>{t(`level.${proposed}`)}</b>
                {proposed === current ? (
                  <span className="faint">{t('pack.agrees')}</span>
                ) : (
                  <button type="button" className="act" data-testid="pack-adopt" onClick={adopt}>
                    {t('pack.adopt')}
                    <kbd className="key">0</kbd>
                  </button>
                )}
                {newest.run.wants.length > 0 && (
                  <span className="muted">
                    {t('pack.wants', {
                      list: newest.run.wants.map(want => t(`pack.want.${want}`)).join(t('state.listed')),
                    })}
                  </span>
                )}
              </div>
            )}
            {proposed !== undefined && current !== undefined && current > proposed && (
              <LevelReason
                proposed={proposed}
                chosen={newest.asking.levelReason}
                takesFocus={false}
                onChoose={levelReason => {
                  change(asking => ({ ...asking, levelReason }))
                  panel.current?.focus()
                }}
              />
            )}
            {newest.run.current ? (
              <div
                className={`pack-question ${newest.run.current.answers.some(each => each.text[language].length > (language === 'zh' ? 14 : 30)) ? '' : 'pack-question-two'}`}
                data-testid="pack-question"
                data-question={newest.run.current.questionId}
              >
                <strong>{newest.run.current.text[language]}</strong>
                {newest.run.current.hint && <span className="muted">{newest.run.current.hint[language]}</span>}
                {newest.run.current.answers.map((each, at) => (
                  <button
                    key={each.answerId}
                    type="button"
                    className="pack-answer"
                    data-testid={`pack-answer-${at + 1}`}
                    onClick={() => give(at + 1)}
                  >
                    <kbd className="key">{at + 1}</kbd>
                    {each.text[language]}
                  </button>
                ))}
              </div>
            ) : (
              <p className="pack-end" data-testid="pack-end">
                {t('pack.ended')}
              </p>
            )}
            {newest.run.advice[0] && (
              <div className="pack-say" data-testid="pack-advice">
                <small>{t('pack.readAloud')}</small>
                <p>{newest.run.advice[0].text[language]}</p>
                {newest.run.advice.slice(1, newest.run.current ? 2 : 4).map(advice => (
                  <p key={advice.adviceId} className="pack-say-more">
                    {advice.text[language]}
                  </p>
                ))}
              </div>
            )}
            {newest.run.asked.toReversed().map(({ question, answer: given }, at) => (
              <div key={question.questionId} className="pack-asked" data-testid={`pack-asked-${at + 1}`}>
                <span className="muted">{question.text[language]}</span>
                <b>{given.text[language]}</b>
              </div>
            ))}
            <div className="pack-foot">
              <button
                type="button"
                className="act"
                data-testid="pack-back"
                disabled={newest.run.asked.length === 0}
                onClick={stepBack}
              >
                {t('pack.back')}
                <kbd className="key">⌫</kbd>
              </button>
              <CodeField
                key={`${subject} ${newest.pack.packId}`}
                code={newest.asking.externalCode ?? ''}
                onCode={code => {
                  const { externalCode: _before, ...rest } = newest.asking
                  change(() => (code === '' ? rest : { ...rest, externalCode: code }))
                }}
              />
              <span className="faint">
                {t('pack.author', { name: newest.pack.author })}
                {newest.pack.approval
                  ? ` · ${t('pack.approvedBy', { name: newest.pack.approval.approver, day: newest.pack.approval.day })}`
                  : ''}
              </span>
            </div>
            <PackSheet
              pack={newest.pack}
              answers={newest.asking.answers}
              titleOf={id => answer.packs.find(each => each.packId === id)?.title[language] ?? id}
            />
          </>
        )}
      </div>
    </Panel>
  )
}

/** Prints the pack alone: the case has a sheet of its own. */
function printSheet(): void {
  document.body.dataset.print = 'pack'
  window.print()
  delete document.body.dataset.print
}

/** The complaint a pack gives a case, by its answers so far. */
export function findComplaint(
  askings: Parameters<typeof runAll>[0],
  packs: readonly Pack[],
): { code: string; syndrome: Pack['syndrome']; dictionary: string } | undefined {
  const asking = askings.at(-1)
  const pack = packs.find(each => each.packId === asking?.packId)
  if (!asking || !pack) return undefined
  const run = runPack(pack, asking.answers)
  return {
    code: run.complaintCode,
    syndrome: run.syndrome,
    dictionary: `pack:${pack.packId.slice(0, 24)}:${pack.version}`,
  }
}
