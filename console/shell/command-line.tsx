/**
 * The command line: `/` opens it, what the line would do stands under it before Enter, a word nobody knows gives a sound
 * and a suggestion and changes nothing. Lines said before come back with the up arrow.
 */
import { useEffect, useRef, useState } from 'react'
import { acknowledgeAlert } from '../alerts/actions.ts'
import { playTone } from '../calls/tones.ts'
import {
  assignUnit,
  cancelIncident,
  changeLevel,
  declareMass,
  divertUnit,
  mergeIncident,
  moveUnit,
  noteIncident,
  notifyHospital,
  offerTransfer,
  queueUnit,
  releaseUnit,
  setUnitStatus,
} from '../incidents/actions.ts'
import { useTexts } from '../language/i18n.ts'
import { useWorld } from '../live/store.ts'
import { levels, statuses } from '../look/palette.ts'
import { findStatus, getStatusLook } from '../units/status.ts'
import { type Command, type CommandReading, readCommand } from './command-words.ts'
import { chooseAlert, chooseIncident, chooseUnit, followChosen, useDesk } from './desk.ts'
import { shortenId } from './format.ts'
import { useKey } from './keys.ts'

/** Lines kept for the up arrow. */
export const linesMax = 50
const said: string[] = []

/** Carries a command out; what comes of it is shown beside the thing it was done to. */
function carryOut(command: Command, t: (key: string) => string): void {
  const releaseReason = t('incident.releaseReason.other')
  switch (command.verb) {
    case 'assign':
      chooseIncident(command.incident.incidentId)
      for (const unit of command.units) void assignUnit(command.incident, unit)
      return
    case 'status':
      chooseUnit(command.unit.unitId)
      void setUnitStatus(command.unit, command.status)
      return
    case 'release':
      chooseIncident(command.incident.incidentId)
      void releaseUnit(command.incident, command.unit, releaseReason)
      return
    case 'level':
      chooseIncident(command.incident.incidentId)
      void changeLevel(command.incident, command.level)
      return
    case 'note':
      chooseIncident(command.incident.incidentId)
      void noteIncident(command.incident, command.text)
      return
    case 'cancel':
      chooseIncident(command.incident.incidentId)
      void cancelIncident(command.incident, 'other', command.reason)
      return
    case 'acknowledge':
      useDesk.setState({ page: 'alerts' })
      chooseAlert(command.alert.alertId)
      void acknowledgeAlert(command.alert)
      return
    case 'find':
      if (command.kind === 'incident') chooseIncident(command.id)
      else if (command.kind === 'unit') chooseUnit(command.id, true)
      else {
        useDesk.setState({ page: 'alerts' })
        chooseAlert(command.id)
      }
      followChosen()
      return
    case 'transfer':
      chooseIncident(command.incident.incidentId)
      void offerTransfer(command.incident, command.region.code, command.reason || t('dispatch.reason.nearer'))
      return
    case 'queue':
      chooseIncident(command.incident.incidentId)
      void queueUnit(command.incident, command.unit)
      return
    case 'divert':
      chooseIncident(command.incident.incidentId)
      void divertUnit(command.incident, command.unit, t('dispatch.divertReason'))
      return
    case 'move':
      chooseUnit(command.unit.unitId)
      void moveUnit(command.unit, command.place.placeId)
      return
    case 'merge':
      chooseIncident(command.incident.incidentId)
      void mergeIncident(command.incident, command.other.incidentId)
      return
    case 'hospital':
      chooseIncident(command.incident.incidentId)
      void notifyHospital(command.incident, command.unit, command.place.placeId, undefined)
      return
    case 'mass':
      chooseIncident(command.incident.incidentId)
      void declareMass(command.incident, command.count, false)
      return
    case 'help':
      useDesk.setState({ helpOpen: true })
  }
}

/** The line at the foot of the screen; nothing while it is closed. */
export function CommandLine() {
  const { t, language } = useTexts()
  const open = useDesk(desk => desk.commandOpen)
  const [line, setLine] = useState('')
  const [tried, setTried] = useState(false)
  const [back, setBack] = useState(0)
  const input = useRef<HTMLInputElement>(null)
  const before = useRef<Element | null>(null)
  const leave = () => {
    useDesk.setState({ commandOpen: false })
    setLine('')
    setTried(false)
    setBack(0)
    ;(before.current as HTMLElement | null)?.focus?.()
  }
  useKey('command', () => {
    before.current = document.activeElement
    useDesk.setState({ commandOpen: true })
  })
  useKey('leave', open ? leave : undefined)
  useEffect(() => {
    if (open) input.current?.focus()
  }, [open])
  if (!open) return null

  const world = useWorld.getState()
  const reading: CommandReading = readCommand(line, {
    incidents: world.incidents.values(),
    units: world.units.values(),
    alerts: world.alerts.values(),
    regions: world.regions.values(),
    places: world.places.values(),
    findStatus,
    statusWords: statuses.map(look => look.words[language]),
  })
  const refusedKey = {
    verb: 'noVerb',
    incident: 'noIncident',
    unit: 'noUnit',
    status: 'noStatus',
    alert: 'noAlert',
    level: 'noLevel',
    text: 'noText',
    region: 'noRegion',
    place: 'noPlace',
    count: 'noCount',
    ambiguous: 'ambiguous',
    empty: 'placeholder',
  } as const
  const enter = () => {
    if (!reading.ok) {
      if (reading.why === 'empty') return leave()
      setTried(true)
      if (!useDesk.getState().muted) playTone('systemLost')
      return
    }
    said.push(line)
    if (said.length > linesMax) said.shift()
    leave()
    carryOut(reading.command, t)
  }
  return (
    <div className="command" data-testid="command-line">
      <label>
        <span className="command-mark">/</span>
        <input
          ref={input}
          aria-label={t('command.label')}
          data-testid="command-input"
          spellCheck={false}
          autoComplete="off"
          placeholder={t('command.placeholder')}
          value={line}
          maxLength={400}
          onChange={change => {
            setLine(change.target.value)
            setTried(false)
          }}
          onKeyDown={press => {
            if (press.nativeEvent.isComposing) return
            if (press.key === 'Enter') enter()
            else if (press.key === 'ArrowUp' || press.key === 'ArrowDown') {
              const next = Math.max(0, Math.min(said.length, back + (press.key === 'ArrowUp' ? 1 : -1)))
              setBack(next)
              setLine(next === 0 ? '' : (said[said.length - next] ?? ''))
            } else return
            press.preventDefault()
          }}
        />
      </label>
      <div
        className={`command-reading ${tried && !reading.ok ? 'command-refused' : ''}`}
        role="status"
        data-testid="command-reading"
      >
        {reading.ok ? (
          <>
            <b>{preview(reading.command, t, language)}</b> <span className="faint">{t('command.enter')}</span>
          </>
        ) : (
          <>
            {reading.why !== 'empty' && <b>{t(`command.${refusedKey[reading.why]}`, { word: reading.word })}</b>}
            {reading.suggestions.length > 0 && (
              <span>
                {' '}
                {t('command.meant', {
                  list: (reading.why === 'verb'
                    ? reading.suggestions.map(each => t(`command.form.${each}`))
                    : reading.suggestions
                  ).join('   '),
                })}
              </span>
            )}
            {tried && <span className="faint"> {t('command.unchanged')}</span>}
          </>
        )}
      </div>
    </div>
  )
}

function preview(
  command: Command,
  t: (key: string, values?: Record<string, string | number>) => string,
  language: 'zh' | 'en',
): string {
  const say = (values: Record<string, string>) => t(`command.preview.${command.verb}`, values)
  switch (command.verb) {
    case 'assign':
      return say({
        incident: shortenId(command.incident.incidentId),
        units: command.units.map(unit => unit.name).join(t('state.listed')),
      })
    case 'status':
      return say({ unit: command.unit.name, status: getStatusLook(command.status).words[language] })
    case 'release':
      return say({ unit: command.unit.name, incident: shortenId(command.incident.incidentId) })
    case 'level':
      return say({
        incident: shortenId(command.incident.incidentId),
        level: levels[command.level as 1 | 2 | 3 | 4].numeral,
      })
    case 'transfer':
      return say({ incident: shortenId(command.incident.incidentId), region: command.region.name })
    case 'queue':
    case 'divert':
      return say({ incident: shortenId(command.incident.incidentId), unit: command.unit.name })
    case 'move':
      return say({ unit: command.unit.name, place: command.place.name })
    case 'merge':
      return say({
        incident: shortenId(command.incident.incidentId),
        other: shortenId(command.other.incidentId),
      })
    case 'hospital':
      return say({ unit: command.unit.name, place: command.place.name })
    case 'mass':
      return say({ incident: shortenId(command.incident.incidentId), count: String(command.count) })
    case 'note':
    case 'cancel':
      return say({ incident: shortenId(command.incident.incidentId) })
    case 'find':
      return say({ id: shortenId(command.id) })
    case 'acknowledge':
      return say({ id: shortenId(command.alert.alertId) })
    case 'help':
      return say({})
  }
}
