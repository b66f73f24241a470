/**
 * Why a level less urgent than the answers propose was chosen: coded reasons by number key. Shown only then, never in the way of
 * sending; a more urgent level is never asked about.
 */
import { useEffect, useRef } from 'react'
import { useTexts } from '../language/i18n.ts'
import { levels } from '../look/palette.ts'

export const lowerReasons = ['crew-there', 'doctor-says', 'caller-corrects', 'known-patient', 'other'] as const

export function LevelReason(props: {
  proposed: number
  chosen: string | undefined
  /** Takes the focus when it appears: only where a key press asked for it. */
  takesFocus: boolean
  onChoose: (words: string) => void
}) {
  const { t } = useTexts()
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (props.takesFocus) box.current?.querySelector<HTMLElement>('button')?.focus()
  }, [])
  const choose = (at: number) => {
    const reason = lowerReasons[at]
    if (!reason) return false
    props.onChoose(t(`pack.lower.${reason}`))
    return true
  }
  return (
    <div
      className="strip"
      ref={box}
      data-testid="level-reason"
      onKeyDown={event => {
        if (event.ctrlKey || event.altKey || event.metaKey || !/^[1-9]$/.test(event.key)) return
        if (!choose(Number(event.key) - 1)) return
        // The same digits answer questions around it.
        event.preventDefault()
        event.stopPropagation()
      }}
    >
      <span>{t('pack.lowerWhy', { level: levels[props.proposed as 1 | 2 | 3 | 4].numeral })}</span>
      {lowerReasons.map((reason, at) => (
        <button
          key={reason}
          type="button"
          className="act"
          aria-pressed={props.chosen === t(`pack.lower.${reason}`)}
          data-testid={`level-reason-${reason}`}
          onClick={() => choose(at)}
        >
          {t(`pack.lower.${reason}`)}
          <kbd className="key">{at + 1}</kbd>
        </button>
      ))}
    </div>
  )
}
