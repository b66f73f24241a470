// The promise of the multi-trigger rules, on simulated years through the line: at the same alerts per week they detect no fewer
// single-source outbreaks than any one source, and no fewer of all. The short form of `npm run evaluate -- detection`.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultRules } from '../../server/detect/default-rules.ts'
import { compareRules, formatComparison } from '../help/evaluate-tables.ts'

const seed = 7
const years = 1

test('EVAL-18 at the same alerts per week the multi-trigger rules detect no fewer single-source outbreaks than any one source', context => {
  const comparison = compareRules({ rules: defaultRules, years, seed })
  const [multi, ...singles] = comparison.compared
  assert.ok(multi && singles.length === 6)
  const count = (one: typeof multi, kind: 'single' | 'spread') =>
    one.scores.reduce(
      (sum, score) =>
        sum + score.catches.filter(caught => caught.outbreak.kind === kind && caught.delayDays !== undefined).length,
      0,
    )
  const planted = multi.scores.reduce((sum, score) => sum + score.catches.length, 0)
  assert.equal(planted, 8 * 7 * years)
  for (const single of singles) {
    assert.ok(count(multi, 'single') >= count(single, 'single'), `${single.name}: ${count(single, 'single')}`)
    const all = (one: typeof multi) => count(one, 'single') + count(one, 'spread')
    assert.ok(all(multi) >= all(single), `${single.name}: ${all(single)} of ${all(multi)}`)
    assert.ok(count(single, 'spread') > 0, `${single.name} is a source that can see`)
  }
  const table = formatComparison(comparison).join('\n')
  assert.ok(!/NaN|undefined|Infinity/.test(table))
  context.diagnostic(
    `seed ${seed}, ${years} year: multi ${count(multi, 'single')} single-source, ${count(multi, 'spread')} spread`,
  )
})
