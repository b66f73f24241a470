/**
 * The audit trail of one incident or alert as the house kept it: every entry with its time, who and what came of it, also
 * refused ones. Read from GET /v1/entries and again whenever the record's version grows.
 */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { isKind, kinds } from '#contract/entry.ts'
import { nameStamp } from '#contract/stamps.ts'
import { useTexts } from '../language/i18n.ts'
import { read, writeQuery } from '../live/http.ts'
import { useWorld } from '../live/store.ts'
import { useRole } from '../shell/desk.ts'
import { formatTime } from '../shell/format.ts'
import { Empty, ReadState } from '../shell/parts.tsx'
import { getStatusLook, unitStatuses } from '../units/status.ts'

/** One row of GET /v1/entries. */
export type EntryRow = {
  seq: number
  kind: string
  loggedAt: number
  actorName?: string
  source?: string
  body: Readonly<Record<string, unknown>>
  outcome?: string | { result: string; code?: string } | null
}

/** Refusal code of a row; undefined when it was done. */
export function findRefusalCode(row: EntryRow): string | undefined {
  const { outcome } = row
  if (!outcome || outcome === 'done') return undefined
  if (typeof outcome === 'string') return outcome
  return outcome.result === 'refused' ? (outcome.code ?? 'REFUSED') : undefined
}

/** Name of a kind of entry in the language given, by the contract's table. */
export function nameKind(kind: string, language: 'zh' | 'en'): string {
  return isKind(kind) ? kinds[kind][language] : kind
}

const telling = [
  'unitId',
  'status',
  'level',
  'outcome',
  'reason',
  'verdict',
  'note',
  'placeId',
  'result',
  'channel',
  'cause',
  'stamp',
  'toCode',
  'ofCode',
  'mergedId',
  'newIncidentId',
  'expected',
] as const

/** The clear fields of a body that say what happened; sealed ones stay out. */
export function describeBody(
  row: EntryRow,
  t: (key: string) => string,
  language: 'zh' | 'en',
  nameUnit: (unitId: string) => string,
): string {
  const parts: string[] = []
  for (const name of telling) {
    const value = row.body[name]
    if (typeof value !== 'string' && typeof value !== 'number') continue
    const text = String(value)
    if (text.startsWith('sealed:')) continue
    if (name === 'unitId') parts.push(nameUnit(text))
    else if (name === 'status' && (unitStatuses as readonly string[]).includes(text))
      parts.push(getStatusLook(text).words[language])
    else if (name === 'level') parts.push(['', 'I', 'II', 'III', 'IV'][Number(text)] ?? text)
    else if (name === 'outcome' && row.kind === 'incident.closed') parts.push(t(`incident.outcome.${text}`))
    else if (name === 'stamp') parts.push(nameStamp(text, language))
    else if (name === 'cause')
      parts.push(
        t(row.kind === 'incident.cancelled' ? `dispatch.cancelCause.${text}` : `dispatch.overrideCause.${text}`),
      )
    else if (name === 'verdict') parts.push(t(`alerts.verdict.${text}`))
    else parts.push(text)
  }
  return parts.join(' · ')
}

/** The trail of one record; `version` makes it read again when the record changed. */
/** The trail is read by shift leaders, epidemiologists and auditors; at other seats the stamps tell what happened. */
export function Timeline(props: { incidentId?: string; alertId?: string; version: number }) {
  const { t, language } = useTexts()
  const units = useWorld(world => world.units)
  const allowed = useRole('shift-leader', 'epidemiologist', 'auditor')
  const query = writeQuery({ incidentId: props.incidentId, alertId: props.alertId })
  const trail = useQuery({
    queryKey: ['entries', query, props.version],
    queryFn: () => read<{ entries: EntryRow[] }>(`/v1/entries${query}`),
    placeholderData: keepPreviousData,
    enabled: allowed,
  })
  const rows = trail.data?.entries ?? []
  if (!allowed) return null
  return (
    <section className="block" data-testid="timeline">
      <h3>{t('incident.timeline')}</h3>
      <ReadState
        isLoading={trail.isLoading}
        thrown={trail.error}
        hasContent={rows.length > 0}
        onRetry={() => void trail.refetch()}
      />
      {trail.data && rows.length === 0 && <Empty text={t('incident.timelineEmpty')} />}
      <ol className="trail">
        {rows
          .toSorted((a, b) => b.seq - a.seq)
          .map(row => {
            const code = findRefusalCode(row)
            return (
              <li key={row.seq} className={code ? 'trail-refused' : ''}>
                <time className="mono">{formatTime(row.loggedAt)}</time>
                <span className="trail-kind">{nameKind(row.kind, language)}</span>
                <span className="trail-body">
                  {describeBody(row, t, language, unitId => units.get(unitId)?.name ?? unitId)}
                </span>
                <span className="muted trail-who">{row.actorName ?? row.source ?? ''}</span>
                {code && <code>{t('audit.refused', { code })}</code>}
              </li>
            )
          })}
      </ol>
    </section>
  )
}
