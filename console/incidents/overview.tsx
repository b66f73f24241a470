/**
 * What the case column shows while no case is chosen: the load of every county at a glance, so that the column is never an
 * empty wall: open cases by level, cases nobody has been sent to, idle and all units. Clicking nothing, changing nothing.
 */
import { useMemo } from 'react'
import { useTexts } from '../language/i18n.ts'
import { useWorld } from '../live/store.ts'
import { levels } from '../look/palette.ts'
import { useRegionNames } from '../shell/regions.ts'
import { countLoad } from './load.ts'

/** The table of counties. */
export function CountyOverview() {
  const { t, language } = useTexts()
  const incidents = useWorld(world => world.incidents)
  const units = useWorld(world => world.units)
  const regions = useWorld(world => world.regions)
  const nameOf = useRegionNames(language)
  const rows = useMemo(
    () => countLoad([...incidents.values()], [...units.values()], regions),
    [incidents, units, regions],
  )
  return (
    <section className="block" data-testid="overview">
      <h3>{t('overview.title')}</h3>
      <table className="figures">
        <thead>
          <tr>
            <th>{t('overview.county')}</th>
            {([1, 2, 3, 4] as const).map(level => (
              <th key={level} className="right">
                {levels[level].numeral}
              </th>
            ))}
            <th className="right">{t('overview.unassigned')}</th>
            <th className="right">{t('overview.idle')}</th>
            <th className="right">{t('overview.units')}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(row => (
            <tr key={row.regionCode}>
              <td>{nameOf(row.regionCode)}</td>
              {row.byLevel.map((count, at) => (
                <td key={at} className={`right ${count === 0 ? 'faint' : ''}`}>
                  {count}
                </td>
              ))}
              <td className={`right ${row.unassigned > 0 ? 'warn-text' : 'faint'}`}>{row.unassigned}</td>
              <td className={`right live ${row.idle === 0 ? 'warn-text' : ''}`}>{row.idle}</td>
              <td className="right muted">{row.units}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
