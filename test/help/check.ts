/**
 * Check: `npm run check`: biome, tsc and the rules of the house, one after the other; fails on the first that complains.
 */
import { spawnSync } from 'node:child_process'

const steps: readonly (readonly [string, readonly string[]])[] = [
  ['biome', ['check', '.']],
  ['tsc', ['--noEmit', '-p', 'tsconfig.json']],
  ['node', ['--test', 'test/tidy.test.ts']],
]
for (const [command, parameters] of steps) {
  const ran = spawnSync(command, parameters, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' })
  process.stdout.write(`${ran.status === 0 ? 'ok  ' : 'FAIL'} ${command} ${parameters.join(' ')}\n`)
  if (ran.status === 0) continue
  process.stdout.write(`${ran.stdout}${ran.stderr}`)
  process.exit(1)
}
