/**
 * A new incident by hand or from a call that lacks something: level by digit, place by a click on the map, county found
 * from the place. Typing is never interrupted; Ctrl+Enter sends, Esc discards.
 */
import { useEffect, useRef, useState } from 'react'
import { Syndrome } from '#contract/scalars.ts'
import { useTexts } from '../language/i18n.ts'
import { useWorld } from '../live/store.ts'
import { levels } from '../look/palette.ts'
import { chooseIncident, type Draft, useDesk } from '../shell/desk.ts'
import { shortenId } from '../shell/format.ts'
import { useKey } from '../shell/keys.ts'
import { Action, Panel, SentNote } from '../shell/parts.tsx'
import { findRegionOf } from '../shell/region-words.ts'
import { useBasemap, usePlaceNames } from '../shell/regions.ts'
import { createIncidentId, openIncident, subjectOf } from './actions.ts'

/** The form of one draft; the draft itself lives in the desk store, because the map gives its place. */
export function DraftForm({ draft }: { draft: Draft }) {
  const { t, language } = useTexts()
  const regions = useWorld(world => world.regions)
  const call = useWorld(world => (draft.callId ? world.calls.get(draft.callId) : undefined))
  const pack = useBasemap()
  const nameOf = usePlaceNames(language)
  const [addressText, setAddress] = useState('')
  const [complaintText, setComplaint] = useState('')
  const [note, setNote] = useState('')
  const [working, setWorking] = useState(false)
  const first = useRef<HTMLDivElement>(null)
  useEffect(() => first.current?.querySelector<HTMLElement>('[aria-pressed="true"]')?.focus(), [])

  const place = draft.lon !== undefined && draft.lat !== undefined ? { lon: draft.lon, lat: draft.lat } : undefined
  const regionCode = place ? (findRegionOf(place, regions, pack) ?? call?.regionCode) : undefined
  const change = (more: Partial<Draft>) => useDesk.setState({ draft: { ...draft, ...more } })
  const leave = () => useDesk.setState({ draft: undefined })
  const ready = place !== undefined && regionCode !== undefined && !working
  const submit = async () => {
    if (!place || !regionCode || working) return
    setWorking(true)
    const incidentId = createIncidentId()
    const syndrome = Syndrome.parse(draft.syndrome)
    const code = call?.complaintCode && call.syndrome === syndrome ? call.complaintCode : `desk.${syndrome}`
    const refusal = await openIncident({
      incidentId,
      callIds: draft.callId ? [draft.callId] : [],
      level: draft.level,
      regionCode,
      ...place,
      ...(syndrome === 'unknown'
        ? {}
        : { complaint: { code, syndrome, dictionary: code.startsWith('desk.') ? 'desk' : 'call' } }),
      ...(addressText.trim() ? { addressText: addressText.trim() } : {}),
      ...(complaintText.trim() ? { complaintText: complaintText.trim() } : {}),
      ...(note.trim() ? { note: note.trim() } : {}),
    })
    setWorking(false)
    if (!refusal) chooseIncident(incidentId)
  }
  useKey('level1', () => change({ level: 1 }))
  useKey('level2', () => change({ level: 2 }))
  useKey('level3', () => change({ level: 3 }))
  useKey('level4', () => change({ level: 4 }))
  useKey('send', () => void submit())
  useKey('leave', leave)

  return (
    <Panel
      title={draft.callId ? t('form.fromCall', { id: shortenId(draft.callId) }) : t('form.newTitle')}
      testId="draft-form"
      tools={<Action word={t('form.cancel')} keyId="leave" testId="draft-cancel" onAct={leave} />}
    >
      <div className="case-body form" ref={first}>
        <div className="form-row">
          <span className="form-label">{t('form.level')}</span>
          <div className="form-levels">
            {([1, 2, 3, 4] as const).map(level => (
              <button
                key={level}
                type="button"
                className={`level-pick level-pick-${level}`}
                aria-pressed={draft.level === level}
                data-testid={`draft-level-${level}`}
                onClick={() => change({ level })}
              >
                <span className={`level level-${level}`}>{levels[level].numeral}</span>
                {t(`level.${level}`)}
                <kbd className="key">{level}</kbd>
              </button>
            ))}
          </div>
        </div>
        <div className="form-row">
          <span className="form-label">{t('form.place')}</span>
          <div className={`form-place ${place ? '' : 'form-missing'}`} data-testid="draft-place">
            {place ? (
              <>
                <b>{regionCode ? nameOf(regionCode) : t('form.noRegion')}</b>
                <span className="mono muted">
                  {place.lon.toFixed(5)}, {place.lat.toFixed(5)}
                </span>
              </>
            ) : (
              <span>{t('form.placeNone')}</span>
            )}
          </div>
        </div>
        <div className="form-row">
          <label htmlFor="draft-syndrome">{t('form.syndrome')}</label>
          <select
            id="draft-syndrome"
            className="field"
            data-testid="draft-syndrome"
            value={draft.syndrome}
            onChange={event => change({ syndrome: event.target.value })}
          >
            {Syndrome.options.map(syndrome => (
              <option key={syndrome} value={syndrome}>
                {t(`syndrome.${syndrome}`)}
              </option>
            ))}
          </select>
        </div>
        <div className="form-row">
          <label htmlFor="draft-address">{t('form.address')}</label>
          <input
            id="draft-address"
            className="field"
            data-testid="draft-address"
            value={addressText}
            maxLength={2000}
            onChange={event => setAddress(event.target.value)}
          />
        </div>
        <div className="form-row">
          <label htmlFor="draft-complaint">{t('form.complaint')}</label>
          <textarea
            id="draft-complaint"
            className="field"
            data-testid="draft-complaint"
            rows={2}
            value={complaintText}
            maxLength={2000}
            onChange={event => setComplaint(event.target.value)}
          />
        </div>
        <div className="form-row">
          <label htmlFor="draft-note">{t('form.note')}</label>
          <textarea
            id="draft-note"
            className="field"
            data-testid="draft-note"
            rows={2}
            value={note}
            maxLength={2000}
            onChange={event => setNote(event.target.value)}
          />
        </div>
        <p className="faint">{t('form.personal')}</p>
        <SentNote subject={draft.callId ? subjectOf.call(draft.callId) : subjectOf.draft} />
        <div className="form-foot">
          {!place && <span className="warn-text">{t('form.required')}</span>}
          <Action
            word={t('form.submit')}
            keyId="send"
            testId="draft-submit"
            primary
            disabled={!ready}
            onAct={() => void submit()}
          />
        </div>
      </div>
    </Panel>
  )
}
