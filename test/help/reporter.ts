/**
 * Reporter: failures as they come, one line a file at the end of a phase, and the phase's figures for run.ts, which closes with
 * `N passed, M failed`. A skipped test counts as failed under CI there: a skip can hide a missing service.
 */
import { relative } from 'node:path'
import type { TestEvent } from 'node:test/reporters'

type Failure = { name: string; file: string; text: string }

/** Opens the line that holds a phase's figures; run.ts adds them up. */
export const summaryMark = '#summary '

/** Formats the events of node's test runner. */
export default async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  let passed = 0
  let skipped = 0
  let noData = 0
  const failures: Failure[] = []
  const byFile = new Map<string, { passed: number; failed: number; ms: number }>()
  const place = (file: string | undefined) => (file ? relative(process.cwd(), file) : '?')
  for await (const event of source) {
    if (event.type === 'test:diagnostic') {
      if (/no data/i.test(event.data.message)) noData++
      continue
    }
    if (event.type === 'test:stderr' && process.env.VIGIL_TEST_STDERR) yield event.data.message
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue
    const { name, file, details, skip } = event.data
    const isFile = event.data.nesting === 0 && file !== undefined && (name === file || name.endsWith('.test.ts'))
    const isSuite = (details as { type?: string }).type === 'suite'
    const held = byFile.get(place(file)) ?? { passed: 0, failed: 0, ms: 0 }
    byFile.set(place(file), held)
    if (event.type === 'test:pass' && (isFile || isSuite)) continue
    held.ms += details.duration_ms
    // Absent recordings are said and counted apart; any other skip can hide a missing service.
    if (typeof skip === 'string' && /no data/i.test(skip)) noData++
    else if (skip !== undefined && skip !== false) skipped++
    else if (event.type === 'test:pass') {
      passed++
      held.passed++
    } else {
      const error = (details as { error?: Error & { cause?: unknown } }).error
      const cause = error?.cause instanceof Error ? error.cause : error
      // A file or suite that fails only because a test in it did is already counted by that test.
      if ((isFile || isSuite) && /subtests? failed/.test(String(error?.message))) continue
      held.failed++
      failures.push({ name, file: place(file), text: String(cause?.stack ?? cause ?? '') })
      yield `FAIL ${place(file)} › ${name}\n`
    }
  }
  for (const [file, { passed: ok, failed, ms }] of byFile)
    yield `${failed > 0 ? 'FAIL' : 'ok  '} ${file}  ${ok} passed${failed > 0 ? `, ${failed} failed` : ''}  ${(ms / 1_000).toFixed(1)} s\n`
  const told = failures.map(failure => `✗ ${failure.file} › ${failure.name}\n${failure.text}`)
  yield `${summaryMark}${JSON.stringify({ passed, failed: failures.length, skipped, noData, failures: told })}\n`
}
