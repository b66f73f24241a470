/**
 * Kill -9 of the server and of the embedded database during ingest: the CI form, four rounds. `npm run check:kill -- --rounds 20`
 * is the full form.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runKillRounds } from '../help/kill-rounds.ts'

test('KILL-1 nothing acknowledged is lost, doubled or changed by kill -9', async t => {
  const report = await runKillRounds(4, Math.random)
  t.diagnostic(JSON.stringify(report))
  assert.ok(report.acknowledged > 100)
  assert.ok(report.resent > 0)
  assert.deepEqual(
    {
      lost: report.lost,
      doubled: report.doubled,
      changed: report.changed,
      findings: report.findings,
      worldsEqual: report.worldsEqual,
    },
    { lost: 0, doubled: 0, changed: 0, findings: 0, worldsEqual: true },
  )
})
