/** The overlay that lists every key and the command line's grammar, from the same tables the keyboard obeys. */
import { useEffect, useRef } from 'react'
import { useTexts } from '../language/i18n.ts'
import { verbTable } from './command-words.ts'
import { useDesk } from './desk.ts'
import { keyTable, useKey } from './keys.ts'
import { Action } from './parts.tsx'

const places = ['everywhere', 'lists', 'desk', 'call', 'case', 'review', 'forms'] as const

/** Groups a reviewer needs before the others. */
function rankOfReview(place: (typeof places)[number]): number {
  const index = ['everywhere', 'lists', 'review', 'forms'].indexOf(place)
  return index < 0 ? places.length : index
}

/** The overlay; nothing while it is closed. */
export function Help() {
  const { t } = useTexts()
  const open = useDesk(desk => desk.helpOpen)
  // What the page before one can do stands before what other pages can.
  const reviews = useDesk(desk => desk.page === 'alerts')
  const ordered = reviews ? places.toSorted((a, b) => rankOfReview(a) - rankOfReview(b)) : places
  const box = useRef<HTMLDivElement>(null)
  const leave = () => useDesk.setState({ helpOpen: false })
  useKey('help', () => useDesk.setState({ helpOpen: !useDesk.getState().helpOpen }))
  useKey('leave', open ? leave : undefined)
  useEffect(() => {
    if (open) box.current?.querySelector<HTMLElement>('button')?.focus()
  }, [open])
  if (!open) return null
  return (
    <div className="overlay" role="dialog" aria-modal="true" aria-label={t('keys.title')} data-testid="help">
      <div className="overlay-box" ref={box}>
        <header className="panel-head">
          <h2>{t('keys.title')}</h2>
          <div className="panel-tools">
            <Action word={t('incident.personHide')} keyId="leave" testId="help-close" onAct={leave} />
          </div>
        </header>
        <div className="help-columns">
          {ordered.map(place => (
            <section key={place}>
              <h3>{t(`keys.where.${place}`)}</h3>
              <dl>
                {keyTable
                  .filter(row => row.where === place)
                  .map(row => (
                    <div key={row.id}>
                      <dt>
                        <kbd className="key">{row.shown}</kbd>
                      </dt>
                      <dd>{t(`keys.${row.id}`)}</dd>
                    </div>
                  ))}
              </dl>
            </section>
          ))}
          <section>
            <h3>{t('keys.commands')}</h3>
            <dl>
              {verbTable.map(verb => (
                <div key={verb.id}>
                  <dt>
                    <code>{t(`command.form.${verb.id}`)}</code>
                  </dt>
                  <dd>{verb.words.slice(1).join(' ')}</dd>
                </div>
              ))}
            </dl>
          </section>
        </div>
      </div>
    </div>
  )
}
