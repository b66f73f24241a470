/**
 * One case in full: level, place, clocks, the units on it with status and three-step mark, the nearest idle units with
 * their keys, notes, personal data on request, closing, the trail. Everything a key does is written on its button, and a
 * refusal stands beside what was refused.
 */
import { useEffect, useRef, useState } from 'react'
import type { BodyOf } from '#contract/entry.ts'
import type { IncidentView, UnitView } from '#contract/view.ts'
import { translateWord, useTexts } from '../language/i18n.ts'
import { useSecond } from '../live/clock.ts'
import { dismissSent, useSentOn } from '../live/commands.ts'
import { findFix } from '../live/positions.ts'
import { useWorld } from '../live/store.ts'
import { levels } from '../look/palette.ts'
import { chooseIncident, chooseUnit, followChosen, useDesk } from '../shell/desk.ts'
import { formatAge, formatClock, formatDayTime, formatKm, shortenId } from '../shell/format.ts'
import { getShownKey, type KeyId, useKey } from '../shell/keys.ts'
import { Action, Empty, LevelSquare, Panel, PrintLine, SentNote, StatusPill } from '../shell/parts.tsx'
import { useCountyNames, usePlaceNames } from '../shell/regions.ts'
import { judgeFreshness } from '../units/freshness.ts'
import { assignUnit, changeLevel, closeIncident, noteIncident, releaseUnit, subjectOf } from './actions.ts'
import { isShown, useAdvice } from './advice.ts'
import { AdviceList } from './advice-list.tsx'
import { CaseClock } from './case-clock.tsx'
import { CancelCauses, CaseLinks } from './case-links.tsx'
import { DestinationPart } from './destinations.tsx'
import { getDistanceKm, listCandidates } from './distance.ts'
import { LevelReason } from './level-reason.tsx'
import { Looking } from './looking.tsx'
import { MassPart } from './mass.tsx'
import { NextTasks, OverrideStrip, StandDown } from './next-tasks.tsx'
import { CountyOverview } from './overview.tsx'
import { PersonPart } from './person.tsx'
import { describeComplaint } from './queue.tsx'
import { StrayRefusals, TaskRefusal } from './task-notes.tsx'
import { Timeline } from './timeline.tsx'
import { findUnitWait, getIncidentWait, judgeWait } from './timers.ts'
import { TransferPart } from './transfer.tsx'

type Outcome = BodyOf<'incident.closed'>['outcome']
const outcomes: readonly Outcome[] = [
  'transported',
  'treated-on-scene',
  'refused',
  'no-patient',
  'deceased',
  'cancelled',
  'false-call',
]
const releaseReasons = ['nearer', 'cancelled', 'broken', 'other'] as const
const assignKeys: readonly KeyId[] = ['assign1', 'assign2', 'assign3', 'assign4', 'assign5']

/** How far an order has come: sent by this seat, received by the house, confirmed by the crew. */
function OrderMark({ incident, unit }: { incident: IncidentView; unit: UnitView }) {
  const { t } = useTexts()
  const sent = useSentOn(subjectOf.task(incident.incidentId, unit.unitId))
  const mine = unit.incidentId === incident.incidentId
  const read = mine && (unit.acknowledgedAt !== undefined || (unit.status !== 'ordered' && unit.status !== 'idle'))
  const received = mine || sent?.step === 'done'
  const step = read ? 3 : received ? 2 : 1
  const word = step === 3 ? 'read' : step === 2 ? 'received' : 'sent'
  return (
    <span className="order-mark" data-step={step} title={t(`incident.step.${word}`)}>
      {[1, 2, 3].map(each => (
        <i key={each} className={each <= step ? 'on' : ''} />
      ))}
      <span>{t(`incident.step.${word}`)}</span>
    </span>
  )
}

function AssignedUnit({ incident, unit, now }: { incident: IncidentView; unit: UnitView; now: number }) {
  const { t } = useTexts()
  const unitId = useDesk(desk => desk.unitId)
  const releaseOf = useDesk(desk => desk.releaseOf)
  const wait = findUnitWait(unit)
  const fix = findFix(unit.unitId)
  const freshness = judgeFreshness(fix ? now - fix.fixAt : undefined)
  return (
    <>
      <div
        className={`task-row ${unitId === unit.unitId ? 'task-row-chosen' : ''}`}
        data-testid={`task-${unit.unitId}`}
        onClick={() => chooseUnit(unit.unitId)}
      >
        <StatusPill unit={unit} />
        <b>{unit.name}</b>
        <OrderMark incident={incident} unit={unit} />
        <span className={`right age age-${freshness} live`} title={fix ? formatAge(now - fix.fixAt) : ''}>
          {fix ? `${formatKm(getDistanceKm(incident, fix))} km` : t('units.noFix')}
        </span>
        <span
          className={`clock clock-${wait ? judgeWait(wait, now) : 'ok'} live`}
          title={wait ? t(`wait.${wait.kind}`) : ''}
        >
          {formatClock(now - unit.statusAt)}
        </span>
        <Action
          word={t('units.column.status')}
          testId={`task-status-${unit.unitId}`}
          onAct={() => {
            chooseUnit(unit.unitId)
            useDesk.setState({ statusOf: unit.unitId })
          }}
        />
        <Action
          word={t('incident.release')}
          testId={`task-release-${unit.unitId}`}
          onAct={() => {
            chooseUnit(unit.unitId)
            useDesk.setState({ releaseOf: unit.unitId })
          }}
        />
      </div>
      {releaseOf === unit.unitId && (
        <div className="strip" data-testid="release-strip">
          <span>{t('incident.releaseTitle', { unit: unit.name })}</span>
          {releaseReasons.map(reason => (
            <Action
              key={reason}
              word={t(`incident.releaseReason.${reason}`)}
              testId={`release-${reason}`}
              onAct={() => {
                useDesk.setState({ releaseOf: undefined })
                void releaseUnit(incident, unit, t(`incident.releaseReason.${reason}`))
              }}
            />
          ))}
        </div>
      )}
      {unit.nextIncidentId && (
        <div className="task-after muted" title={unit.nextBy}>
          {t('dispatch.hasNext', { id: shortenId(unit.nextIncidentId) })}
        </div>
      )}
      <SentNote subject={subjectOf.task(incident.incidentId, unit.unitId)} />
    </>
  )
}

function Candidates({ incident, now }: { incident: IncidentView; now: number }) {
  const { t, language } = useTexts()
  const units = useWorld(world => world.units)
  const nameOf = useCountyNames(language)
  const { candidates, passedOver } = listCandidates(incident, units.values(), findFix, now)
  const assign = (index: number) => {
    const candidate = candidates[index]
    if (!candidate) return false
    void assignUnit(incident, candidate.unit)
    return true
  }
  useKey('assign1', () => assign(0))
  useKey('assign2', () => assign(1))
  useKey('assign3', () => assign(2))
  useKey('assign4', () => assign(3))
  useKey('assign5', () => assign(4))
  return (
    <section className="block no-print" data-testid="candidates">
      <h3>
        {t('incident.candidates')}
        <span className="faint">{t('incident.candidatesHow')}</span>
      </h3>
      {candidates.length === 0 && <p className="muted">{t('incident.noCandidates')}</p>}
      {candidates.map((candidate, index) => {
        const { unit, km, fix } = candidate
        return (
          <div key={unit.unitId} className="candidate" data-testid={`candidate-${index + 1}`} data-unit={unit.unitId}>
            <span className="faint">{index + 1}</span>
            <b>{unit.name}</b>
            <span className="muted">{t(`units.class.${unit.unitClass}`)}</span>
            <span className="muted">{nameOf(unit.regionCode)}</span>
            <span className="right">
              <b>{formatKm(km)}</b> km
            </span>
            <span className={`right age age-${judgeFreshness(now - fix.fixAt)} live`}>
              {formatAge(now - fix.fixAt)}
            </span>
            <Action
              word={t('incident.assign')}
              keyId={assignKeys[index]!}
              testId={`assign-${index + 1}`}
              primary={index === 0 && incident.unitIds.length === 0}
              onAct={() => assign(index)}
            />
            <TaskRefusal incident={incident} unit={unit} />
          </div>
        )
      })}
      {passedOver.map(({ unit, km, reason }) => (
        <div key={unit.unitId} className="candidate candidate-passed">
          <span>–</span>
          <span>{unit.name}</span>
          <span>{t(`units.class.${unit.unitClass}`)}</span>
          <span>{nameOf(unit.regionCode)}</span>
          <span className="right">{formatKm(km)} km</span>
          <span className="candidate-why">{t(`incident.passedOver.${reason}`)}</span>
        </div>
      ))}
      <StrayRefusals incident={incident} shown={candidates.map(each => each.unit.unitId)} />
    </section>
  )
}

/** The server's advice; the straight-line list when there is none to show. */
function Recommended({ incident, now }: { incident: IncidentView; now: number }) {
  const advice = useAdvice(incident)
  return isShown(advice, incident.incidentId, now) ? (
    <AdviceList incident={incident} advice={advice} />
  ) : (
    <Candidates incident={incident} now={now} />
  )
}

/** The chosen case, or the load of the counties while none is chosen. */
export function IncidentPanel() {
  const { t, language } = useTexts()
  const incidentId = useDesk(desk => desk.incidentId)
  const levelAsked = useDesk(desk => desk.levelAsked)
  const incident = useWorld(world => (incidentId ? world.incidents.get(incidentId) : undefined))
  const units = useWorld(world => world.units)
  const unitId = useDesk(desk => desk.unitId)
  const nameOf = usePlaceNames(language)
  const now = useSecond()
  const [closing, setClosing] = useState(false)
  const [reason, setReason] = useState('')
  const [note, setNote] = useState('')
  const noteBox = useRef<HTMLTextAreaElement>(null)
  const closeBox = useRef<HTMLDivElement>(null)
  const open = incident?.state === 'open'

  useEffect(() => {
    setClosing(false)
    setReason('')
    setNote('')
  }, [incidentId])
  useEffect(() => {
    if (closing) closeBox.current?.querySelector<HTMLElement>('button')?.focus()
  }, [closing])

  const ask = (level: 1 | 2 | 3 | 4) => {
    if (incident && incident.level !== level) useDesk.setState({ levelAsked: level })
  }
  const confirmLevel = (lowerReason?: string) => {
    if (!incident || !levelAsked) return false
    // Less urgent than the answers propose: the strip asks why, and its answer confirms.
    if (incident.proposedLevel !== undefined && levelAsked > incident.proposedLevel && !lowerReason) return false
    useDesk.setState({ levelAsked: undefined })
    void changeLevel(incident, levelAsked, lowerReason)
    return true
  }
  useKey('level1', open ? () => ask(1) : undefined)
  useKey('level2', open ? () => ask(2) : undefined)
  useKey('level3', open ? () => ask(3) : undefined)
  useKey('level4', open ? () => ask(4) : undefined)
  useKey('open', levelAsked ? () => confirmLevel() : undefined)
  useKey('note', open ? () => noteBox.current?.focus() : undefined)
  useKey('close', open ? () => setClosing(true) : undefined)
  const chosenUnit =
    unitId && incident?.unitIds.includes(unitId)
      ? unitId
      : incident?.unitIds.length === 1
        ? incident.unitIds[0]
        : undefined
  useKey('release', open && chosenUnit ? () => useDesk.setState({ releaseOf: chosenUnit }) : undefined)
  useKey('leave', () => {
    const desk = useDesk.getState()
    if (desk.levelAsked) useDesk.setState({ levelAsked: undefined })
    else if (closing) setClosing(false)
    else if (desk.releaseOf) useDesk.setState({ releaseOf: undefined })
    else if (document.activeElement === noteBox.current) noteBox.current?.blur()
    else if (incidentId && dismissSent(subjectOf.incident(incidentId))) return true
    else if (desk.unitId) chooseUnit(undefined)
    else if (desk.incidentId) chooseIncident(undefined)
    else return false
    return true
  })
  const sendNote = async () => {
    const text = note.trim()
    if (!incident || text === '') return
    if (!(await noteIncident(incident, text))) setNote('')
  }
  useKey('send', () => {
    if (document.activeElement !== noteBox.current) return false
    void sendNote()
    return true
  })

  if (!incident) {
    return (
      <Panel title={t('incident.none')} testId="incident-panel">
        <Empty text={incidentId ? t('incident.gone') : t('incident.noneHint')} />
        <CountyOverview />
      </Panel>
    )
  }
  const wait = getIncidentWait(incident, id => units.get(id), now)
  const assigned = incident.unitIds.map(id => units.get(id)).filter(unit => unit !== undefined)
  const subject = subjectOf.incident(incident.incidentId)
  return (
    <Panel
      title={t('incident.title', { id: shortenId(incident.incidentId) })}
      testId="incident-panel"
      className="print-sheet"
      count={
        <>
          {t(`incident.state.${incident.state}`)} <small className="faint">{incident.incidentId}</small>
        </>
      }
      tools={
        <>
          <Action word={t('incident.follow')} keyId="follow" testId="incident-follow" onAct={followChosen} />
          <Action word={t('incident.print')} testId="incident-print" onAct={() => window.print()} />
        </>
      }
    >
      <div className="case-body">
        <PrintLine />
        <div className={`case-head case-head-${incident.level}`}>
          <LevelSquare level={incident.level} word={t(`level.${incident.level}`)} />
          <div className="case-what">
            <strong>
              {describeComplaint(t, incident)} <span className="muted">{t(`level.${incident.level}`)}</span>
            </strong>
            <span className="muted">
              {nameOf(incident.regionCode)} · {incident.lon.toFixed(4)}, {incident.lat.toFixed(4)}
              {incident.isOutside && <em className="tag tag-warn">{t('address.outside')}</em>}
            </span>
            <span className="muted">
              {t('incident.opened')} {formatDayTime(incident.openedAt)}
              {incident.openedBy ? ` ${t('incident.by', { name: incident.openedBy })}` : ''} ·{' '}
              {t('incident.calls', { count: incident.callIds.length })}
            </span>
          </div>
          <div className={`case-clock clock-${judgeWait(wait, now)} live`} data-testid="incident-clock">
            <small>{t(`wait.${wait.kind}`)}</small>
            <b>{formatClock(now - wait.since)}</b>
          </div>
        </div>
        <Looking incidentId={incident.incidentId} />
        <SentNote subject={subject} />
        {levelAsked && incident.proposedLevel !== undefined && levelAsked > incident.proposedLevel && (
          <LevelReason
            proposed={incident.proposedLevel}
            chosen={undefined}
            takesFocus
            onChoose={words => confirmLevel(words)}
          />
        )}
        {levelAsked && (incident.proposedLevel === undefined || levelAsked <= incident.proposedLevel) && (
          <div className="strip" data-testid="level-confirm">
            <span>{t('incident.levelChange', { level: levels[levelAsked].numeral })}</span>
            <Action word={t('incident.confirm')} keyId="open" testId="level-yes" primary onAct={() => confirmLevel()} />
            <Action
              word={t('form.cancel')}
              keyId="leave"
              testId="level-no"
              onAct={() => useDesk.setState({ levelAsked: undefined })}
            />
          </div>
        )}
        {open && (
          <div className="case-actions no-print">
            <span className="muted">{t('incident.level')}</span>
            {([1, 2, 3, 4] as const).map(level => (
              <button
                key={level}
                type="button"
                className="act"
                aria-pressed={incident.level === level}
                data-testid={`level-${level}`}
                onClick={() => ask(level)}
              >
                {levels[level].numeral}
                <kbd className="key">{level}</kbd>
              </button>
            ))}
            <Action
              word={t('incident.close')}
              keyId="close"
              testId="incident-close"
              danger
              onAct={() => setClosing(true)}
            />
          </div>
        )}
        {closing && open && (
          <div className="strip strip-form" ref={closeBox} data-testid="close-form">
            <span>{t('incident.closeTitle')}</span>
            <input
              className="field"
              placeholder={t('incident.closeReason')}
              aria-label={t('incident.closeReason')}
              value={reason}
              maxLength={200}
              onChange={change => setReason(change.target.value)}
            />
            {outcomes.map(outcome => (
              <Action
                key={outcome}
                word={t(`incident.outcome.${outcome}`)}
                testId={`close-${outcome}`}
                onAct={() => {
                  setClosing(false)
                  void closeIncident(incident, outcome, reason.trim())
                }}
              />
            ))}
            <CancelCauses incident={incident} reason={reason.trim()} onDone={() => setClosing(false)} />
          </div>
        )}
        {!open && (
          <p className="block">
            {t('incident.outcomeLabel')}
            {t('state.colon')}
            {incident.outcome ? translateWord(t, 'incident.outcome', incident.outcome) : '—'}
            {incident.closedAt ? ` · ${formatDayTime(incident.closedAt)}` : ''}
            {incident.closeReason ? ` · ${incident.closeReason}` : ''}
          </p>
        )}
        <section className="block" data-testid="assigned">
          <h3>
            {t('incident.assigned')} <span className="faint">{assigned.length}</span>
          </h3>
          {assigned.length === 0 && open && <p className="muted">{t('incident.noneAssigned')}</p>}
          {assigned.map(unit => (
            <AssignedUnit key={unit.unitId} incident={incident} unit={unit} now={now} />
          ))}
          <NextTasks incident={incident} />
          <StandDown incident={incident} assigned={assigned} />
          <OverrideStrip incident={incident} />
        </section>
        <TransferPart incident={incident} now={now} />
        {incident.mass && <MassPart incident={incident} assigned={assigned} />}
        {open && <Recommended incident={incident} now={now} />}
        <DestinationPart incident={incident} assigned={assigned} now={now} />
        {!incident.mass && <MassPart incident={incident} assigned={assigned} />}
        <CaseLinks incident={incident} assigned={assigned} />
        <section className="block">
          <CaseClock incident={incident} />
        </section>
        {open && (
          <section className="block no-print">
            <h3>
              {t('incident.note')} <span className="faint">{t('incident.notes', { count: incident.noteCount })}</span>
              <span className="block-tools">
                <Action
                  word={t('incident.noteSend')}
                  keyId="send"
                  testId="note-send"
                  disabled={note.trim() === ''}
                  onAct={() => void sendNote()}
                />
              </span>
            </h3>
            <textarea
              ref={noteBox}
              className="field"
              rows={2}
              data-testid="note"
              aria-label={t('incident.note')}
              placeholder={t('incident.notePlaceholder', { key: getShownKey('note') })}
              value={note}
              maxLength={2000}
              onChange={change => setNote(change.target.value)}
            />
          </section>
        )}
        <PersonPart
          records={[
            { kind: 'incident', id: incident.incidentId },
            ...incident.callIds.map(id => ({ kind: 'call' as const, id })),
          ]}
          sealedFields={incident.sealedFields}
        />
        <Timeline incidentId={incident.incidentId} version={incident.version} />
      </div>
    </Panel>
  )
}
