/**
 * The address as it is typed: places found under the caret by name, pinyin, junction, mile post or position. Enter takes the marked
 * one and the map follows; Esc keeps the words as they stand. How sure a hit is stands beside it; nothing is taken unasked.
 */
import { useEffect, useRef, useState } from 'react'
import type { AddressAnswer, AddressHit } from '#contract/address.ts'
import { addressQueryMax } from '#contract/address.ts'
import { useTexts } from '../language/i18n.ts'
import { ask, type Refusal, writeQuery } from '../live/http.ts'
import { usePlaceNames } from '../shell/regions.ts'
import { gradeConfidence } from './confidence.ts'

/** Pause in typing after which is asked; a key that follows sooner replaces the question. */
const pauseMs = 60

/** What there is under the caret for a text: hits, or why there are none. */
function useAddresses(
  text: string,
  near: { lon: number; lat: number } | undefined,
  region: string | undefined,
  isOn: boolean,
) {
  const [answer, setAnswer] = useState<{
    text: string
    hits: readonly AddressHit[]
    refusal?: Refusal
    none?: boolean
  }>()
  const newest = useRef(0)
  useEffect(() => {
    newest.current++
    const q = text.trim().slice(0, addressQueryMax)
    if (!isOn || q === '') return setAnswer(undefined)
    const mine = newest.current
    const timer = setTimeout(async () => {
      const found = await ask<AddressAnswer>('GET', `/v1/addresses${writeQuery({ q, ...near, region })}`)
      if (mine !== newest.current) return
      if (found.ok) setAnswer({ text, hits: found.value.hits, none: found.value.version === undefined })
      else setAnswer({ text, hits: [], refusal: found.refusal })
    }, pauseMs)
    return () => clearTimeout(timer)
  }, [text, near?.lon, near?.lat, region, isOn])
  return answer
}

/** The box; `accepted` is the name taken last: what is typed behind it asks nothing more. */
export function AddressBox(props: {
  text: string
  accepted: string | undefined
  near: { lon: number; lat: number } | undefined
  /** County the call came from. */
  region: string | undefined
  onText: (text: string) => void
  onAccept: (hit: AddressHit) => void
  /** Enter with nothing to take: on to the next field. */
  onDone: () => void
  box: React.RefObject<HTMLInputElement | null>
}) {
  const { t, language } = useTexts()
  const nameOf = usePlaceNames(language)
  const [isOpen, setOpen] = useState(false)
  const [marked, setMarked] = useState(0)
  const isTaken = props.accepted !== undefined && props.text.startsWith(props.accepted)
  const answer = useAddresses(props.text, props.near, props.region, isOpen && !isTaken)
  const hits = isOpen && !isTaken ? (answer?.hits ?? []) : []
  const isShown = isOpen && !isTaken && answer !== undefined
  const list = useRef<HTMLDivElement>(null)
  useEffect(() => setMarked(0), [answer?.text])
  useEffect(() => {
    void list.current?.children[marked]?.scrollIntoView({ block: 'nearest' })
  }, [marked])
  const accept = (hit: AddressHit | undefined) => {
    if (!hit) return
    setOpen(false)
    props.onAccept(hit)
  }
  const press = (event: React.KeyboardEvent) => {
    if (event.nativeEvent.isComposing || event.ctrlKey || event.altKey || event.metaKey) return
    if (event.key === 'Enter') {
      // What is shown may still be the answer to fewer letters: Enter waits for nothing but takes only what was asked.
      if (hits.length > 0) accept(hits[marked] ?? hits[0])
      else props.onDone()
    } else if (event.key === 'ArrowDown' && hits.length > 0) setMarked((marked + 1) % hits.length)
    else if (event.key === 'ArrowUp' && hits.length > 0) setMarked((marked + hits.length - 1) % hits.length)
    else if (event.key === 'Escape' && isShown) setOpen(false)
    else return
    event.preventDefault()
  }
  return (
    <div className="address">
      <input
        ref={props.box}
        id="draft-address"
        className="field"
        data-testid="draft-address"
        role="combobox"
        aria-expanded={isShown}
        aria-controls="address-hits"
        aria-activedescendant={hits[marked] ? `address-hit-${marked}` : undefined}
        autoComplete="off"
        spellCheck={false}
        value={props.text}
        maxLength={2000}
        placeholder={t('address.placeholder')}
        onChange={event => {
          setOpen(true)
          props.onText(event.target.value)
        }}
        onBlur={() => setOpen(false)}
        onKeyDown={press}
      />
      {isShown && (
        <div className="offers" id="address-hits" role="listbox" ref={list} data-testid="address-hits">
          {hits.map((hit, at) => (
            <div
              key={`${hit.gazetteerId ?? hit.name}-${at}`}
              id={`address-hit-${at}`}
              role="option"
              tabIndex={-1}
              aria-selected={at === marked}
              className={at === marked ? 'offer offer-marked' : 'offer'}
              data-testid={`address-hit-${at + 1}`}
              onMouseDown={event => {
                event.preventDefault()
                accept(hit)
              }}
            >
              <b>{language === 'en' && hit.nameEn ? hit.nameEn : hit.name}</b>
              <span className="muted">{hit.regionCode ? nameOf(hit.regionCode) : ''}</span>
              <span className="faint">
                {t(`address.kind.${hit.kind}`)} · {t(`address.how.${hit.how}`)}
                {hit.rough ? ` · ${t(`address.rough.${hit.rough}`)}` : ''}
              </span>
              {hit.outside && <em className="tag tag-warn">{t('address.outside')}</em>}
              <span className={`sure sure-${gradeConfidence(hit.confidence)}`}>
                {t(`address.sure.${gradeConfidence(hit.confidence)}`)} {Math.round(hit.confidence * 100)}%
              </span>
            </div>
          ))}
          {hits.length === 0 && (
            <div className="offer muted" data-testid="address-none">
              {answer?.refusal
                ? answer.refusal[language]
                : answer?.none
                  ? t('address.noGazetteer')
                  : t('address.noHit')}
            </div>
          )}
        </div>
      )}
    </div>
  )
}
