// The main job on real input: `npm run replay` on the recordings that lie beside the repository, with the embedded database.
// Where they are absent it says `no data` and passes. Every figure asserted is counted from the files themselves.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { findRecordings } from '../../simulations/recordings.ts'

const root = resolve(import.meta.dirname, '../..')
const data = resolve(root, '../shared/data')
const REPLAY_MAX_MS = 15 * 60_000

function runReplay(folder: string): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, ['simulations/replay.ts', '--data', folder], { cwd: root })
    let out = ''
    let err = ''
    child.stdout.on('data', chunk => (out += chunk))
    child.stderr.on('data', chunk => (err = (err + chunk).slice(-4_000)))
    child.once('error', fail)
    child.once('exit', code => done({ code, out, err }))
  })
}

test('SIM-42 a folder without recordings is named as no data and ends well', async () => {
  const { code, out } = await runReplay(resolve(root, 'simulations'))
  assert.equal(code, 0)
  assert.equal(out.match(/: no data$/gm)?.length, 4)
})

test('SIM-43 the real recordings are replayed whole: each row logged or refused by name, signals and alerts dated', {
  timeout: REPLAY_MAX_MS,
}, async context => {
  if (!existsSync(data)) {
    context.diagnostic('no data')
    return
  }
  const { recordings } = await findRecordings(data)
  const { code, out, err } = await runReplay(data)
  assert.equal(code, 0, err)
  const read = (pattern: RegExp): number => Number(pattern.exec(out)?.[1] ?? Number.NaN)
  for (const one of recordings)
    assert.ok(out.includes(`recording ${one.name}: ${one.rows} rows, ${one.sayings.length} entries made`))
  const sent = read(/entries logged: \d+ of (\d+)/)
  const made = recordings.reduce((sum, one) => sum + one.sayings.length + one.register.length, 0)
  assert.ok(sent > made, 'everything was sent, and ticks besides')
  // An entry that the world refuses stands in the log as well, so logged and refused may overlap but never leave a gap.
  assert.ok(read(/entries logged: (\d+)/) + read(/entries refused: (\d+)/) >= sent)
  const fleet = recordings.find(one => one.live)
  if (fleet) assert.equal(read(/^units: (\d+)/m), fleet.register.length)
  const rises = [...out.matchAll(/^ {2}(\d{4}-\d\d-\d\d) ears\w+ triage/gm)].map(found => found[1]!)
  if (recordings.some(one => one.name === 'NHS triage')) {
    assert.ok(
      rises.some(day => day >= '2020-08-15' && day <= '2020-09-20'),
      'the rise of August and September is seen',
    )
    assert.match(out, /^ {2}2020-\d\d-\d\d \d\d:\d\d A-\d+ level 3/m)
    // The opinions on the same recording; their dates are computed a second time in golden/opinions.test.ts.
    assert.match(out, /^ {2}2020-03-18 to 2020-04-14: no opinion/m)
    assert.equal(out.match(/^ {2}C[123] (?:plain|corrected) .+: first lasting (?:none|2020-0[89]-\d\d)/gm)?.length, 42)
    assert.equal(out.match(/alerts a week \d+\.\d\d \[(?:\d+ ?){16}\]$/gm)?.length, 42)
  }
  if (existsSync(resolve(data, 'notifiable'))) {
    for (const name of ['百日咳 Pertussis by month 2014-01', '手足口病 Hand foot and mouth disease by month 2013-05'])
      assert.ok(out.includes(name), name)
    assert.equal(out.match(/^ {2}100000 全国 nation: /gm)?.length, 2)
  }
  context.diagnostic(
    out
      .split('\n')
      .filter(line => /^(recording|played|entries|units|incidents|signals|alerts)/.test(line))
      .join(' · '),
  )
})
