/**
 * `npm run -s check:kill -- --rounds 20`: kills the server and its embedded database in turn during ingest and prints what an
 * independent reading of the log found. Exits 1 when anything acknowledged was lost, doubled or changed.
 */
import { parseArgs } from 'node:util'
import { runKillRounds } from '../help/kill-rounds.ts'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '20' } } })
const report = await runKillRounds(Number(values.rounds), Math.random, line => process.stdout.write(`${line}\n`))
process.stdout.write(`${JSON.stringify(report)}\n`)
const isGood = report.lost + report.doubled + report.changed + report.findings === 0 && report.worldsEqual
process.stdout.write(isGood ? '1 passed, 0 failed\n' : '0 passed, 1 failed\n')
process.exit(isGood ? 0 : 1)
