// npm run replay -- --data DIR: plays the real recordings of a folder into a fresh city with CLOCK=entries, through the same
// door as live sources, and prints what came of it on stdout; progress goes to stderr.
// It stands outside the house: it starts a server on an empty directory, is its player, reads as a person would, and
// leaves nothing behind. Absent recordings are counted as `no data`; without any it says so and ends well.
import { randomUUID } from 'node:crypto'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { AlertView } from '#contract/view.ts'
import { askAnalyst } from './analyst.ts'
import { openDoor } from './door.ts'
import {
  enrolDevice,
  type House,
  HouseFault,
  openAccount,
  removeDirectory,
  startHouse,
  takeOver,
  waitUntil,
} from './house.ts'
import { findMonthly, type Monthly, monthlyPath } from './monthly.ts'
import { askMonthly, askTriage, describeMonthly, describeTriage, sumByRegion } from './opinions.ts'
import { findRecordings, type Recording } from './recordings.ts'
import { describeReplay, listRoots, replayRecordings } from './replay-core.ts'
import { openWatch } from './watch.ts'

const REACH_MAX_MS = 60_000

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { data: { type: 'string' }, 'log-level': { type: 'string', default: 'error' } },
  })
  const say = (line: string): void => {
    process.stderr.write(`${line}\n`)
  }
  if (!values.data) {
    say('usage: npm run replay -- --data DIR [--log-level error]')
    return 2
  }
  const found = await findRecordings(resolve(values.data))
  const monthly = await findMonthly(resolve(values.data))
  if (!monthly) found.missing.push(monthlyPath)
  const end = new AbortController()
  if (found.recordings.length === 0) {
    for (const path of found.missing) process.stdout.write(`recording ${path}: no data\n`)
    for (const line of await listOpinions([], monthly, end.signal)) process.stdout.write(`${line}\n`)
    return 0
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => end.abort())
  const dataDirectory = await mkdtemp(join(tmpdir(), 'vigil-replay-'))
  let house: House | undefined
  try {
    say('starting a fresh city …')
    house = await startHouse({
      dataDirectory,
      settings: { CLOCK: 'entries', PAGER: 'dry', VIGIL_PORT: '0', VIGIL_LOG_LEVEL: values['log-level'] },
      onLine: say,
      signal: end.signal,
    })
    if (house.secret === undefined) throw new HouseFault('the fresh city showed no first password')
    const regions = listRoots(found.recordings)
    // Used for this one run and kept nowhere.
    const password = randomUUID()
    const admin = await takeOver(house.url, 'admin', house.secret, password)
    const token = await enrolDevice(admin, { deviceId: 'player', name: 'replay', role: 'player', regions })
    const reader = await openAccount(
      admin,
      { accountId: 'reader', name: 'reader', roles: ['epidemiologist', 'shift-leader'], regions },
      password,
    )
    const alerts = new Map<string, AlertView>()
    const watch = openWatch({
      url: house.url,
      cookie: reader.cookie,
      onAlert: alert => alerts.set(alert.alertId, alert),
      onTrouble: say,
    })
    try {
      const door = openDoor({
        url: house.url,
        token,
        epoch: `replay-${randomUUID()}`,
        isPlayed: true,
        signal: end.signal,
      })
      if (!(await waitUntil(() => watch.isOpen, REACH_MAX_MS, end.signal))) throw new HouseFault('no snapshot came')
      const reach = async (): Promise<void> => {
        const seq = door.totals.seqMax
        if (await waitUntil(() => watch.seq >= seq, REACH_MAX_MS, end.signal, 10)) return
        throw new HouseFault(`the fan-out did not reach entry ${seq}`)
      }
      const result = await replayRecordings({
        ...found,
        door,
        eyes: {
          listAlerts: async () => {
            await reach()
            return [...alerts.values()]
          },
          listUnits: async () => [...watch.units.values()],
          listIncidents: async () => [...watch.incidents.values()],
        },
        say,
      })
      for (const line of describeReplay(result, door)) process.stdout.write(`${line}\n`)
      say('asking the analyst …')
      for (const line of await listOpinions(found.recordings, monthly, end.signal)) process.stdout.write(`${line}\n`)
    } finally {
      watch.close()
    }
    return 0
  } finally {
    await house?.stop()
    await removeDirectory(dataDirectory)
  }
}

/** What the detectors think of the recordings themselves, line by line. */
async function listOpinions(
  recordings: readonly Recording[],
  monthly: Monthly | undefined,
  signal: AbortSignal,
): Promise<string[]> {
  const triage = recordings.filter(one => one.sayings.some(saying => saying.kind === 'count.reported'))
  const regions = triage.flatMap(sumByRegion)
  const answers = await askAnalyst([...askTriage(regions), ...(monthly ? askMonthly(monthly) : [])], signal)
  return [
    ...describeTriage(regions, answers),
    ...(monthly
      ? [
          `recording ${monthlyPath}: ${monthly.rows} rows, ${monthly.absent} without a count, ${monthly.unread.length} unreadable`,
        ]
      : []),
    ...(monthly ? describeMonthly(monthly, answers) : []),
  ]
}

process.exitCode = await main().catch(error => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  return 1
})
