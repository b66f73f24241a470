/** What /readyz says, as it says it, read every five seconds; an unready server answers too and is shown the same way. */
import { useQuery } from '@tanstack/react-query'
import { translateWord, useTexts } from '../language/i18n.ts'
import { requestLimitMs } from '../live/http.ts'
import { useLink } from '../live/store.ts'
import { ReadState } from '../shell/parts.tsx'
import { listFacts } from './facts.ts'

type Readiness = { ready: boolean; facts: readonly (readonly [string, string])[] }

/** The readiness page. */
export function Health() {
  const { t } = useTexts()
  const version = useLink(link => link.serverVersion)
  const state = useQuery({
    queryKey: ['readyz'],
    queryFn: async (): Promise<Readiness> => {
      const response = await fetch('/readyz', { cache: 'no-store', signal: AbortSignal.timeout(requestLimitMs) })
      return { ready: response.ok, facts: listFacts(await response.json()) }
    },
    refetchInterval: 5_000,
  })
  return (
    <div className="health" data-testid="health">
      <ReadState
        isLoading={state.isLoading}
        thrown={state.error}
        hasContent={state.data !== undefined}
        onRetry={() => void state.refetch()}
      />
      {state.data && (
        <>
          <h3 className={state.data.ready ? '' : 'warn-text'}>
            {t(state.data.ready ? 'admin.healthReady' : 'admin.healthNotReady')}
          </h3>
          <dl className="facts">
            <div>
              <dt>{t('signIn.version')}</dt>
              <dd className="mono">{version ?? '—'}</dd>
            </div>
            {state.data.facts.map(([name, value]) => (
              <div key={name}>
                <dt>
                  {translateWord(t, 'admin.fact', name)} <span className="mono faint">{name}</span>
                </dt>
                <dd className="mono">{translateWord(t, 'admin.factValue', value)}</dd>
              </div>
            ))}
          </dl>
          <p className="faint">{t('admin.healthNote')}</p>
        </>
      )}
    </div>
  )
}
