/**
 * Setting a unit's status by two keys: S, then the letter of the status. While the strip is open its letters are taken
 * before every other key; Esc leaves without changing anything.
 */
import { useEffect, useRef } from 'react'
import type { UnitStatus } from '#contract/scalars.ts'
import type { UnitView } from '#contract/view.ts'
import { setUnitStatus } from '../incidents/actions.ts'
import { useTexts } from '../language/i18n.ts'
import { useDesk } from '../shell/desk.ts'
import { getStatusLook, unitStatuses } from './status.ts'

/** The strip of statuses for one unit. */
export function StatusStrip({ unit }: { unit: UnitView }) {
  const { t, language } = useTexts()
  const strip = useRef<HTMLDivElement>(null)
  const before = useRef<Element | null>(null)
  useEffect(() => {
    before.current = document.activeElement
    // The status it has: Enter by accident then changes nothing.
    strip.current?.querySelector<HTMLElement>('[aria-pressed="true"]')?.focus()
    return () => (before.current as HTMLElement | null)?.focus?.()
  }, [unit.unitId])
  const leave = () => useDesk.setState({ statusOf: undefined })
  const choose = (status: UnitStatus) => {
    leave()
    void setUnitStatus(unit, status)
  }
  const onKeyDown = (press: React.KeyboardEvent) => {
    if (press.altKey || press.ctrlKey || press.metaKey) return
    const status = unitStatuses.find(each => getStatusLook(each).letter.toLowerCase() === press.key.toLowerCase())
    if (press.key === 'Escape') leave()
    else if (status) choose(status)
    else if (press.key.length > 1) return
    // A letter that is no status does nothing here; it must not reach another action by accident.
    press.preventDefault()
    press.stopPropagation()
  }
  return (
    <div
      className="strip"
      ref={strip}
      role="toolbar"
      aria-label={t('units.setStatus')}
      data-testid="status-strip"
      onKeyDown={onKeyDown}
    >
      <span>{t('units.setStatusOf', { name: unit.name })}</span>
      {unitStatuses.map(status => {
        const look = getStatusLook(status)
        return (
          <button
            key={status}
            type="button"
            className="act"
            data-testid={`status-${status}`}
            aria-pressed={unit.status === status}
            onClick={() => choose(status)}
          >
            {look.words[language]}
            <kbd className="key">{look.letter}</kbd>
          </button>
        )
      })}
      <span className="faint">{t('units.letterHint')}</span>
    </div>
  )
}
