/**
 * A new incident by hand or from a call that lacks something, without the mouse: address (Enter takes the hit, Enter again goes on),
 * level by one digit, complaint with its question pack. Ctrl+Enter opens the case and sends the first recommended unit as soon as
 * place and level are there; the questions go on while it rolls. Alt+Enter opens it without sending. Typing is never taken for a key.
 */
import { useEffect, useRef, useState } from 'react'
import type { AddressHit } from '#contract/address.ts'
import type { BodyInputOf } from '#contract/entry.ts'
import { Syndrome } from '#contract/scalars.ts'
import { isAddress } from '../calls/waiting.ts'
import { useTexts } from '../language/i18n.ts'
import { useWorld } from '../live/store.ts'
import { levels } from '../look/palette.ts'
import { chooseIncident, type Draft, showPlace, useDesk } from '../shell/desk.ts'
import { shortenId } from '../shell/format.ts'
import { isTyping, useKey } from '../shell/keys.ts'
import { Action, Key, Panel, SentNote } from '../shell/parts.tsx'
import { findNearestCounty, findRegionHolding, findRegionOf } from '../shell/region-words.ts'
import { useBasemap, usePlaceNames } from '../shell/regions.ts'
import { createIncidentId, openIncident, sendFirst, subjectOf } from './actions.ts'
import { AddressBox } from './address-box.tsx'
import { ComplaintBox } from './complaint-box.tsx'
import { findComplaint } from './pack-panel.tsx'
import { draftSubject, forgetAskings, isUsable, moveAskings, openPack, useAsking, usePacks } from './packs.ts'

/** The form of one draft; the draft itself lives in the desk store, because map and questions give parts of it. */
export function DraftForm({ draft }: { draft: Draft }) {
  const { t, language } = useTexts()
  const regions = useWorld(world => world.regions)
  const call = useWorld(world => (draft.callId ? world.calls.get(draft.callId) : undefined))
  const pack = useBasemap()
  const packs = usePacks()
  const askings = useAsking(state => state.bySubject.get(draftSubject)) ?? []
  const nameOf = usePlaceNames(language)
  const [addressText, setAddress] = useState('')
  const [complaintText, setComplaint] = useState('')
  const [note, setNote] = useState('')
  const [working, setWorking] = useState(false)
  const form = useRef<HTMLDivElement>(null)
  const addressBox = useRef<HTMLInputElement>(null)
  const complaintBox = useRef<HTMLInputElement>(null)
  const toAddress = () => addressBox.current?.focus()
  const toLevel = () => form.current?.querySelector<HTMLElement>('.form-levels [aria-pressed="true"]')?.focus()
  // A form left by joining its call to another case must not lend its answers to the next caller.
  useEffect(() => forgetAskings(draftSubject), [])
  // What is missing first comes first; a call that brought its place goes on with the level.
  useEffect(() => {
    if (draft.lon === undefined || (call !== undefined && !isAddress(call))) toAddress()
    else toLevel()
  }, [])
  useEffect(() => {
    // The pack of what the call was coded as stands beside the form; it takes no focus.
    const fit = packs?.packs.find(each => call?.complaintCode && each.complaintCodes.includes(call.complaintCode))
    if (packs && fit && isUsable(fit, packs) && !useAsking.getState().bySubject.has(draftSubject))
      openPack(draftSubject, fit.packId)
  }, [packs, call?.complaintCode])

  const place = draft.lon !== undefined && draft.lat !== undefined ? { lon: draft.lon, lat: draft.lat } : undefined
  const held = place ? (findRegionHolding(place, regions, pack) ?? draft.regionCode) : undefined
  // Outside every published region the nearest county answers for it, and everybody sees that it lies outside.
  const regionCode = place
    ? (held ?? findRegionOf(place, regions, pack) ?? call?.regionCode ?? findNearestCounty(place, regions))
    : undefined
  const isOutside = place !== undefined && (draft.isOutside === true || (pack !== null && held === undefined))
  const change = (more: Partial<Draft>) => useDesk.setState({ draft: { ...draft, ...more } })
  const leave = () => {
    forgetAskings(draftSubject)
    useDesk.setState({ draft: undefined })
  }
  const ready = place !== undefined && regionCode !== undefined && !working
  const accept = (hit: AddressHit) => {
    const name = language === 'en' && hit.nameEn ? hit.nameEn : hit.name
    setAddress(`${name} `)
    const { gazetteerId: _g, accepted: _a, regionCode: _r, isOutside: _o, ...rest } = draft
    useDesk.setState({
      draft: {
        ...rest,
        lon: hit.lon,
        lat: hit.lat,
        accepted: name,
        ...(hit.gazetteerId === undefined ? {} : { gazetteerId: hit.gazetteerId }),
        ...(hit.regionCode === undefined ? {} : { regionCode: hit.regionCode }),
        ...(hit.outside ? { isOutside: true } : {}),
      },
    })
    showPlace(hit)
  }
  const submit = async (isSending: boolean) => {
    if (!place || !regionCode || !ready) return
    setWorking(true)
    const incidentId = createIncidentId()
    const syndrome = Syndrome.parse(draft.syndrome)
    const code = call?.complaintCode && call.syndrome === syndrome ? call.complaintCode : `desk.${syndrome}`
    const asked = findComplaint(askings, packs?.packs ?? [])
    const guessed =
      syndrome === 'unknown' ? undefined : { code, syndrome, dictionary: code.startsWith('desk.') ? 'desk' : 'call' }
    const complaint = asked ?? guessed
    const isNamed =
      draft.gazetteerId !== undefined && draft.accepted !== undefined && addressText.startsWith(draft.accepted)
    const body: BodyInputOf<'incident.opened'> = {
      incidentId,
      callIds: draft.callId ? [draft.callId] : [],
      level: draft.level,
      regionCode,
      ...place,
      ...(complaint ? { complaint } : {}),
      ...(isNamed ? { gazetteerId: draft.gazetteerId } : {}),
      ...(isOutside ? { isOutside: true } : {}),
      ...(addressText.trim() ? { addressText: addressText.trim() } : {}),
      ...(complaintText.trim() ? { complaintText: complaintText.trim() } : {}),
      ...(note.trim() ? { note: note.trim() } : {}),
    }
    const refusal = await openIncident(body)
    setWorking(false)
    if (refusal) return
    // The unit goes first; the answers follow it.
    const sending = isSending ? sendFirst(incidentId) : undefined
    const moving = moveAskings(incidentId, packs?.packs ?? [])
    chooseIncident(incidentId)
    await Promise.all([sending, moving])
  }
  useKey('level1', () => change({ level: 1 }))
  useKey('level2', () => change({ level: 2 }))
  useKey('level3', () => change({ level: 3 }))
  useKey('level4', () => change({ level: 4 }))
  useKey('toAddress', toAddress)
  useKey('toLevel', toLevel)
  useKey('send', () => void submit(true))
  useKey('sendLater', () => void submit(false))
  useKey('leave', () => {
    // Words are not thrown away by the key that leaves a field.
    if (isTyping(document.activeElement)) toLevel()
    else leave()
  })

  return (
    <Panel
      title={draft.callId ? t('form.fromCall', { id: shortenId(draft.callId) }) : t('form.newTitle')}
      testId="draft-form"
      tools={<Action word={t('form.cancel')} keyId="leave" testId="draft-cancel" onAct={leave} />}
    >
      <div className="case-body form" ref={form}>
        <div className="form-row">
          <label htmlFor="draft-address">
            {t('form.address')} <Key id="toAddress" />
          </label>
          <AddressBox
            text={addressText}
            accepted={draft.accepted}
            near={call?.lon !== undefined && call.lat !== undefined ? { lon: call.lon, lat: call.lat } : undefined}
            region={call?.regionCode}
            onText={setAddress}
            onAccept={accept}
            onDone={toLevel}
            box={addressBox}
          />
        </div>
        <div className="form-row">
          <span className="form-label">{t('form.place')}</span>
          <div className={`form-place ${place ? '' : 'form-missing'}`} data-testid="draft-place">
            {place ? (
              <>
                <b>{regionCode ? nameOf(regionCode) : t('form.noRegion')}</b>
                {isOutside && (
                  <em className="tag tag-warn" data-testid="draft-outside">
                    {t('address.outside')}
                  </em>
                )}
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
          <span className="form-label">
            {t('form.level')} <Key id="toLevel" />
          </span>
          <div
            className="form-levels"
            onKeyDown={event => {
              if (event.ctrlKey || event.altKey || event.metaKey) return
              if (/^[1-4]$/.test(event.key)) change({ level: Number(event.key) as 1 | 2 | 3 | 4 })
              else if (event.key !== 'Enter') return
              event.preventDefault()
              complaintBox.current?.focus()
            }}
          >
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
          <label htmlFor="draft-complaint">{t('form.complaint')}</label>
          <ComplaintBox
            text={complaintText}
            packs={packs ? packs.packs.filter(each => isUsable(each, packs)) : []}
            chosen={askings.at(-1)?.packId}
            onText={setComplaint}
            onChoose={chosen => {
              change({ syndrome: chosen.syndrome })
              openPack(draftSubject, chosen.packId)
            }}
            onDone={() => document.querySelector<HTMLElement>('[data-testid="pack-body"]')?.focus()}
            box={complaintBox}
          />
        </div>
        <div className="form-row form-row-two">
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
          <textarea
            className="field"
            data-testid="draft-note"
            rows={1}
            aria-label={t('form.note')}
            placeholder={t('form.note')}
            value={note}
            maxLength={2000}
            onChange={event => setNote(event.target.value)}
          />
        </div>
        <SentNote subject={draft.callId ? subjectOf.call(draft.callId) : subjectOf.draft} />
        <div className="form-foot">
          {!place && <span className="warn-text">{t('form.required')}</span>}
          <Action
            word={t('form.submitOnly')}
            keyId="sendLater"
            testId="draft-submit-only"
            disabled={!ready}
            onAct={() => void submit(false)}
          />
          <Action
            word={t('form.submit')}
            keyId="send"
            testId="draft-submit"
            primary
            disabled={!ready}
            onAct={() => void submit(true)}
          />
        </div>
        <span className="faint form-personal">{t('form.personal')}</span>
      </div>
    </Panel>
  )
}
