/**
 * The complaint in the caller's words, and the question pack that fits them, offered under the caret. Enter takes the marked pack and
 * it opens beside the form; the words stay. Initials alone (xt) become the title.
 */
import { useState } from 'react'
import type { Pack } from '#contract/pack.ts'
import { useTexts } from '../language/i18n.ts'
import { matchPacks } from './packs.ts'

export function ComplaintBox(props: {
  text: string
  packs: readonly Pack[]
  chosen: string | undefined
  onText: (text: string) => void
  onChoose: (pack: Pack) => void
  /** Enter with nothing to take: on to the questions. */
  onDone: () => void
  box: React.RefObject<HTMLInputElement | null>
}) {
  const { t, language } = useTexts()
  const [isOpen, setOpen] = useState(false)
  const [marked, setMarked] = useState(0)
  const offers = isOpen ? matchPacks(props.packs, props.text).filter(pack => pack.packId !== props.chosen) : []
  const choose = (pack: Pack | undefined) => {
    if (!pack) return
    setOpen(false)
    if (/^[\x20-\x7e]{0,6}$/.test(props.text)) props.onText(pack.title[language])
    props.onChoose(pack)
  }
  const press = (event: React.KeyboardEvent) => {
    if (event.nativeEvent.isComposing || event.ctrlKey || event.altKey || event.metaKey) return
    if (event.key === 'Enter') {
      if (offers.length > 0) choose(offers[marked] ?? offers[0])
      else props.onDone()
    } else if (event.key === 'ArrowDown' && !isOpen) {
      setMarked(0)
      setOpen(true)
    } else if (event.key === 'ArrowDown' && offers.length > 0) setMarked((marked + 1) % offers.length)
    else if (event.key === 'ArrowUp' && offers.length > 0) setMarked((marked + offers.length - 1) % offers.length)
    else if (event.key === 'Escape' && offers.length > 0) setOpen(false)
    else return
    event.preventDefault()
  }
  return (
    <div className="address">
      <input
        ref={props.box}
        id="draft-complaint"
        className="field"
        data-testid="draft-complaint"
        role="combobox"
        aria-expanded={offers.length > 0}
        aria-controls="pack-offers"
        autoComplete="off"
        spellCheck={false}
        value={props.text}
        maxLength={2000}
        placeholder={t('pack.complaintPlaceholder')}
        onChange={event => {
          setOpen(true)
          setMarked(0)
          props.onText(event.target.value)
        }}
        onBlur={() => setOpen(false)}
        onKeyDown={press}
      />
      {offers.length > 0 && (
        <div className="offers" id="pack-offers" role="listbox" data-testid="pack-offers">
          {offers.map((pack, at) => (
            <div
              key={pack.packId}
              role="option"
              tabIndex={-1}
              aria-selected={at === marked}
              className={at === marked ? 'offer offer-marked' : 'offer'}
              data-testid={`pack-offer-${pack.packId}`}
              onMouseDown={event => {
                event.preventDefault()
                choose(pack)
              }}
            >
              <b>{pack.title[language]}</b>
              <span className="muted">{t(`syndrome.${pack.syndrome}`)}</span>
              {!pack.approval && <em className="tag tag-warn">{t('pack.unapproved')}</em>}
            </div>
          ))}
        </div>
      )}
    </div>
  )
}
