/**
 * The few parts every screen is made of: panel with a title bar, key hint, level square, status pill, refusal in words,
 * loading and error states that keep the last good content. Plain elements over tokens.css; shape before colour.
 */
import type { ReactNode } from 'react'
import type { UnitView } from '#contract/view.ts'
import { useTexts } from '../language/i18n.ts'
import { useSecond } from '../live/clock.ts'
import { dismissSent, useSentOn } from '../live/commands.ts'
import { type Refusal, toRefusal } from '../live/http.ts'
import { useWorld } from '../live/store.ts'
import { levels } from '../look/palette.ts'
import { getStatusLook, getUnitLook } from '../units/status.ts'
import { useDesk } from './desk.ts'
import { formatCityDay, formatTime } from './format.ts'
import { getShownKey, type KeyId } from './keys.ts'

/** A region of the screen with a title bar; `count` and `tools` stand right of the title. */
export function Panel(props: {
  title: string
  testId: string
  count?: ReactNode
  tools?: ReactNode
  className?: string
  children: ReactNode
}) {
  return (
    <section className={`panel ${props.className ?? ''}`} aria-label={props.title} data-testid={props.testId}>
      <header className="panel-head">
        <h2>{props.title}</h2>
        {props.count !== undefined && <span className="panel-count">{props.count}</span>}
        <div className="panel-tools">{props.tools}</div>
      </header>
      {props.children}
    </section>
  )
}

/** Only on paper: when and at whose seat the sheet was printed, so that an old sheet is not taken for a new one. */
export function PrintLine() {
  const { t } = useTexts()
  const seat = useDesk(desk => desk.seatName)
  const now = useSecond()
  return <p className="print-only">{t('state.printed', { time: `${formatCityDay(now)} ${formatTime(now)}`, seat })}</p>
}

/** The key of an action, shown beside its word. */
export function Key({ id }: { id: KeyId }) {
  return <kbd className="key">{getShownKey(id)}</kbd>
}

/** A button with its word and its key; `primary` is the one thing to do here. */
export function Action(props: {
  word: string
  keyId?: KeyId
  onAct: () => void
  testId: string
  primary?: boolean
  danger?: boolean
  disabled?: boolean
  pressed?: boolean
  title?: string
}) {
  return (
    <button
      type="button"
      className={`act ${props.primary ? 'act-primary' : ''} ${props.danger ? 'act-danger' : ''}`}
      data-testid={props.testId}
      disabled={props.disabled}
      aria-pressed={props.pressed}
      title={props.title}
      onClick={props.onAct}
    >
      {props.word}
      {props.keyId && <Key id={props.keyId} />}
    </button>
  )
}

/** Case or alert level: a filled square with the numeral. */
export function LevelSquare({ level, word }: { level: number; word?: string }) {
  const look = levels[level as 1 | 2 | 3 | 4]
  return (
    <span className={`level level-${level}`} role="img" aria-label={`${look.numeral} ${word ?? ''}`}>
      {look.numeral}
    </span>
  )
}

/** Unit status: an outlined pill with its letter and word; hatched when the unit is silent. */
export function StatusPill({
  unit,
  short,
}: {
  unit: Pick<UnitView, 'status' | 'silent' | 'distress'>
  short?: boolean
}) {
  const { language } = useTexts()
  const look = getUnitLook(unit)
  return (
    <span
      className={`pill ${unit.silent ? 'pill-silent' : ''}`}
      style={{ '--pill': look.colour } as React.CSSProperties}
      title={unit.silent ? `${look.words[language]} · ${getStatusLook(unit.status).words[language]}` : undefined}
    >
      <b>{look.letter}</b>
      {!short && <span>{look.words[language]}</span>}
    </span>
  )
}

/** A refusal in words, with its code for whoever is asked for help. */
export function RefusalNote({ refusal, onDismiss, word }: { refusal: Refusal; onDismiss?: () => void; word?: string }) {
  const { t, language } = useTexts()
  const unitId = refusal.params?.unitId
  const unitName = useWorld(world => (typeof unitId === 'string' ? world.units.get(unitId)?.name : undefined))
  // The house speaks of ids, people of names.
  const text = unitName && typeof unitId === 'string' ? refusal[language].replace(unitId, unitName) : refusal[language]
  return (
    <div className="refusal" role="alert" data-testid="refusal" data-code={refusal.code}>
      <span>
        {word && <b>{word}</b>}
        {text}
      </span>
      <code>{refusal.code}</code>
      {onDismiss && (
        <button type="button" className="act act-small" onClick={onDismiss}>
          {t('state.dismiss')}
        </button>
      )}
    </div>
  )
}

/** What came of the newest command on a subject: sending, or the refusal; nothing once it was done. */
export function SentNote({ subject }: { subject: string }) {
  const { t } = useTexts()
  const sent = useSentOn(subject)
  if (sent?.step === 'sending') return <span className="sending">{t('state.sending')}</span>
  if (sent?.step !== 'refused') return null
  return <RefusalNote refusal={sent.refusal} word={t('incident.refused')} onDismiss={() => dismissSent(subject)} />
}

/** Says what will appear here and who does it. */
export function Empty({ text, hint }: { text: string; hint?: string }) {
  return (
    <div className="empty" data-testid="empty">
      <p>{text}</p>
      {hint && <p className="faint">{hint}</p>}
    </div>
  )
}

/** State line of something read over HTTP: first load, or a failed refresh over the last good content. */
export function ReadState(props: { isLoading: boolean; thrown: unknown; hasContent: boolean; onRetry: () => void }) {
  const { t } = useTexts()
  if (props.thrown) {
    const refusal = toRefusal(props.thrown)
    return (
      <div className="read-state">
        <RefusalNote refusal={refusal} word={t('state.failed')} />
        {props.hasContent && <span className="muted">{t('state.lastGood')}</span>}
        <button type="button" className="act act-small" onClick={props.onRetry}>
          {t('state.retry')}
        </button>
      </div>
    )
  }
  return props.isLoading ? <div className="read-state muted">{t('state.loading')}</div> : null
}
