/**
 * Default rules as data: every disease stands in the code tree, the law is marked as law, and the collective-unit thresholds equal
 * the reviewed table where it is at hand.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { findDiseaseById } from '#contract/diseases.ts'
import { isStatutory, listLeaves } from '#contract/rule.ts'
import { defaultRules } from '../../server/detect/default-rules.ts'

const shared = resolve(import.meta.dirname, '../../../shared/domain/thresholds.json')
type Threshold = {
  id: string
  disease: string
  rules: { window_days: number | null; min: number; scope: string; count: string }[]
  status: string
}

test('RULE-90 default rules have ids of their own, name diseases of the tree alone and say what they rest on', () => {
  assert.equal(new Set(defaultRules.map(rule => rule.ruleId)).size, defaultRules.length)
  for (const rule of defaultRules) {
    assert.ok(rule.basis.length > 10 && rule.name !== rule.nameEn, rule.ruleId)
    for (const leaf of listLeaves(rule)) {
      const ids = 'diseaseIds' in leaf ? leaf.diseaseIds : leaf.type === 'ratio' ? [leaf.diseaseId] : []
      for (const id of ids) assert.equal(findDiseaseById(id)?.diseaseId, id, `${rule.ruleId}: ${id}`)
    }
  }
})

test('RULE-91 rules of the law are level 1 and statutory; a ratio is a candidate at level 2; nothing statistical is statutory', () => {
  for (const rule of defaultRules) {
    const types = new Set(listLeaves(rule).map(leaf => leaf.type))
    if (types.has('card') || types.has('place-cluster'))
      assert.deepEqual([rule.ruleId, rule.level, isStatutory(rule)], [rule.ruleId, 1, true])
    else assert.ok(rule.level >= 2 && !isStatutory(rule), rule.ruleId)
  }
})

test('RULE-92 collective-unit thresholds equal the reviewed table', t => {
  if (!existsSync(shared)) return t.skip('no data')
  const { event_thresholds: table } = JSON.parse(readFileSync(shared, 'utf8')) as { event_thresholds: Threshold[] }
  let compared = 0
  for (const threshold of table) {
    const cases = threshold.rules.find(
      row => row.scope === 'collective' && (row.count === 'cases' || row.count === 'cutaneous_or_intestinal'),
    )
    const deaths = threshold.rules.find(row => row.scope === 'collective' && row.count === 'deaths')
    // Influenza-like illness and food poisoning are told by reports of events, not by cards of single cases.
    if (!cases || ['ili', 'foodpoisoning'].includes(threshold.disease)) continue
    const ruleId = `collective-${threshold.disease.toLowerCase().replaceAll('_', '-')}`
    const rule = defaultRules.find(one => one.ruleId === ruleId)
    assert.ok(rule, ruleId)
    const [leaf] = listLeaves(rule)
    assert.ok(leaf?.type === 'place-cluster')
    assert.deepEqual(
      [ruleId, leaf.windowDays, leaf.min, leaf.minDeaths],
      [ruleId, cases.window_days, cases.min, deaths?.min],
      threshold.id,
    )
    assert.equal(rule.basis.includes('据公开转载文本'), threshold.status === 'sourced', threshold.id)
    compared++
  }
  assert.ok(compared >= 12, `${compared} compared`)
})
