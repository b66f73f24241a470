// `npm run -s check:dispatch -- DIR --set rj --policy closest|forward|vigil --n 10,12,14,16,18,20,30`
// Replays a scenario directory (bases.csv, hospitals.csv, calls_*_<set>.csv) under a policy and prints one CSV row per fleet size.
// Stands in test/: it judges the product from outside. Promises: standard output holds the CSV alone; a bad directory, set, policy
// or count is refused on standard error with a code in Chinese and English, and exit status 2.

import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import {
  type DispatchPolicy,
  dispatchPolicies,
  findScenario,
  parseCounts,
  replayScenario,
  ScenarioReject,
} from '../help/dispatch-scenario.ts'

const csvHeader = 'set,n,policy,calls,mean_s,q90_s,max_s,late900_share,p0_mean_s'

function formatSeconds(value: number | undefined): string {
  return value === undefined || !Number.isFinite(value) ? '' : value.toFixed(2)
}

function main(): number {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      set: { type: 'string', default: 'rj' },
      policy: { type: 'string', multiple: true },
      n: { type: 'string', default: '10,12,14,16,18,20,30' },
    },
  })
  const directory = resolve(positionals[0] ?? '../shared/data/dispatch-rio')
  const policies = (values.policy ?? dispatchPolicies.slice()).flatMap(listed => listed.split(','))
  for (const policy of policies) {
    if (!dispatchPolicies.includes(policy as DispatchPolicy)) {
      throw new ScenarioReject(
        'POLICY_UNKNOWN',
        `没有策略 ${policy}（可用：${dispatchPolicies.join('、')}）`,
        `no policy ${policy} (there are ${dispatchPolicies.join(', ')})`,
      )
    }
  }
  const scenario = findScenario(directory, values.set)
  const counts = parseCounts(values.n, scenario.bases.length)
  const lines = [csvHeader]
  for (const policy of policies as DispatchPolicy[]) {
    for (const count of counts) {
      const measure = replayScenario(scenario, policy, count)
      lines.push(
        [
          scenario.set,
          count,
          policy,
          measure.calls,
          formatSeconds(measure.meanS),
          formatSeconds(measure.q90S),
          formatSeconds(measure.maxS),
          measure.late900Share.toFixed(4),
          formatSeconds(measure.p0MeanS),
        ].join(','),
      )
    }
  }
  process.stdout.write(`${lines.join('\n')}\n`)
  return 0
}

try {
  process.exitCode = main()
} catch (error) {
  if (error instanceof ScenarioReject) {
    process.stderr.write(`${error.code}: ${error.zh} / ${error.en}\n`)
    process.exitCode = 2
  } else if (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')) {
    process.stderr.write(`ARGUMENTS_INVALID: 参数有误 / ${error.message}\n`)
    process.exitCode = 2
  } else throw error
}
