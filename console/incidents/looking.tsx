/**
 * Who else has this case open. A whisper: said to the server, told to those who look at the same case, kept by nobody. When the
 * link is torn nothing is shown, since nothing is known.
 */
import { useEffect } from 'react'
import { useTexts } from '../language/i18n.ts'
import { look, useLooking } from '../live/looking.ts'

/** A case counts as open after this long. */
const restMs = 300

/** Says that this seat has the case open, and shows the names of the others. */
export function Looking({ incidentId }: { incidentId: string }) {
  const { t } = useTexts()
  const others = useLooking(state => (state.incidentId === incidentId ? state.names : undefined))
  useEffect(() => {
    // Who runs down a list opens nothing: said once the eye has rested.
    const timer = setTimeout(() => look(incidentId), restMs)
    return () => {
      clearTimeout(timer)
      look(undefined)
    }
  }, [incidentId])
  if (!others || others.length === 0) return null
  return (
    <p className="looking" role="status" data-testid="looking">
      {t('dispatch.looking', { names: others.join(t('state.listed')) })}
    </p>
  )
}
