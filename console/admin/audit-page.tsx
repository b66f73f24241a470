/**
 * The auditor's page: the log as entries with outcome, newest first, a page at a time, or all of one incident or alert.
 * Personal data stay sealed; what a body says in clear is shown as it is kept.
 */
import { useInfiniteQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { type EntryRow, findRefusalCode, nameKind } from '../incidents/timeline.tsx'
import { useTexts } from '../language/i18n.ts'
import { read, writeQuery } from '../live/http.ts'
import { formatCityDay, formatTime } from '../shell/format.ts'
import { Action, Empty, Panel, ReadState } from '../shell/parts.tsx'
import { listFacts } from './facts.ts'

/** Rows asked for at once. */
export const auditPageMax = 100

/** Names and values shown of one body; the whole opens by a click. */
const factsShown = 8

type Page = { entries: EntryRow[]; next?: number }

/** The trail with its two filters. */
export function AuditPage() {
  const { t, language } = useTexts()
  const [wanted, setWanted] = useState({ incidentId: '', alertId: '' })
  const [asked, setAsked] = useState(wanted)
  const list = useInfiniteQuery({
    queryKey: ['audit', asked],
    queryFn: ({ pageParam }) =>
      read<Page>(`/v1/entries${writeQuery({ ...asked, limit: auditPageMax, before: pageParam })}`),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: page => page.next,
  })
  const rows = list.data?.pages.flatMap(page => page.entries) ?? []
  return (
    <main className="desk desk-single" data-testid="page-audit">
      <Panel
        title={t('audit.title')}
        testId="audit-panel"
        count={t('state.rows', { count: rows.length })}
        tools={<span className="faint">{t('audit.hint')}</span>}
      >
        <form
          className="chips"
          onSubmit={submit => {
            submit.preventDefault()
            setAsked({ incidentId: wanted.incidentId.trim(), alertId: wanted.alertId.trim() })
          }}
        >
          <input
            className="chip chip-input"
            data-testid="audit-incident"
            placeholder={t('audit.incident')}
            aria-label={t('audit.incident')}
            maxLength={64}
            value={wanted.incidentId}
            onChange={change => setWanted({ ...wanted, incidentId: change.target.value })}
          />
          <input
            className="chip chip-input"
            data-testid="audit-alert"
            placeholder={t('audit.alert')}
            aria-label={t('audit.alert')}
            maxLength={64}
            value={wanted.alertId}
            onChange={change => setWanted({ ...wanted, alertId: change.target.value })}
          />
          <button type="submit" className="act" data-testid="audit-search">
            {t('audit.search')}
          </button>
        </form>
        <ReadState
          isLoading={list.isLoading}
          thrown={list.error}
          hasContent={rows.length > 0}
          onRetry={() => void list.refetch()}
        />
        {list.data && rows.length === 0 && <Empty text={t('audit.empty')} />}
        {rows.length > 0 && (
          <div className="admin-body">
            <table className="figures figures-audit" data-testid="audit-table">
              <thead>
                <tr>
                  <th className="right">{t('audit.seq')}</th>
                  <th>{t('audit.time')}</th>
                  <th>{t('audit.kind')}</th>
                  <th>{t('audit.who')}</th>
                  <th>{t('audit.outcome')}</th>
                  <th>{t('audit.body')}</th>
                </tr>
              </thead>
              <tbody>
                {rows.map(row => {
                  const code = findRefusalCode(row)
                  return (
                    <tr key={row.seq} className={code ? 'trail-refused' : ''}>
                      <td className="right mono">{row.seq}</td>
                      <td className="mono">
                        {formatCityDay(row.loggedAt)} {formatTime(row.loggedAt)}
                      </td>
                      <td>{nameKind(row.kind, language)}</td>
                      <td>{row.actorName ?? row.source ?? '—'}</td>
                      <td>{code ? t('audit.refused', { code }) : t('audit.done')}</td>
                      <td className="audit-body">
                        <details>
                          <summary>
                            {listFacts(row.body)
                              .slice(0, factsShown)
                              .map(([name, value]) => (
                                <span key={name} className="audit-fact">
                                  <i>{name}</i> {value}
                                </span>
                              ))}
                          </summary>
                          <pre>{JSON.stringify(row.body, null, 2)}</pre>
                        </details>
                      </td>
                    </tr>
                  )
                })}
              </tbody>
            </table>
            {list.hasNextPage && (
              <Action
                word={t('audit.older')}
                testId="audit-older"
                disabled={list.isFetchingNextPage}
                onAct={() => void list.fetchNextPage()}
              />
            )}
          </div>
        )}
      </Panel>
    </main>
  )
}
