/**
 * Measure: what every bench section shares: processor time of a process beside the clock (a busy machine stretches the clock,
 * hardly the processor time), percentiles, and the one way a figure is printed beside its counterpart and its target.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { loadavg } from 'node:os'

/** Clock ticks of /proc/PID/stat per second: USER_HZ, 100 on every Linux Node runs on. */
const ticksPerS = 100

/** Processor seconds a process and its children have used; 0 where there is no /proc. */
export function readCpuS(pid: number): number {
  const used = (stat: string) => {
    // Fields after the name in brackets: state ppid … utime stime cutime cstime (11 to 14, state being 0).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const own = Number(fields[11]) + Number(fields[12])
    // What children used that have ended since, as the parent that waited for them was told.
    const ended = Number(fields[13]) + Number(fields[14])
    return { ppid: Number(fields[1]), ownS: own / ticksPerS, endedS: ended / ticksPerS }
  }
  let total = 0
  try {
    for (const name of readdirSync('/proc')) {
      if (!/^\d+$/.test(name)) continue
      try {
        const { ppid, ownS, endedS } = used(readFileSync(`/proc/${name}/stat`, 'utf8'))
        if (Number(name) === pid) total += ownS + endedS
        else if (ppid === pid) total += ownS
      } catch {
        // The process ended while we looked.
      }
    }
  } catch {
    return 0
  }
  return total
}

/** Pid of the PostgreSQL that runs on a data directory. */
export function readPostmaster(directory: string): number {
  return Number(readFileSync(`${directory}/postmaster.pid`, 'utf8').split('\n')[0])
}

/** Runs work and says its seconds by the clock, of this thread and of another process. */
export async function measureCpu<Result>(
  pid: number,
  work: () => Promise<Result>,
): Promise<{ result: Result; wallS: number; threadS: number; otherS: number }> {
  const other = readCpuS(pid)
  const thread = process.threadCpuUsage()
  const from = performance.now()
  const result = await work()
  const used = process.threadCpuUsage(thread)
  return {
    result,
    wallS: (performance.now() - from) / 1_000,
    threadS: (used.user + used.system) / 1e6,
    otherS: readCpuS(pid) - other,
  }
}

/** Value below which this share of the sorted values lies. */
export function pickQuantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** A whole number with separators. */
export function formatCount(n: number): string {
  return Math.round(n).toLocaleString('en')
}

/** Load average of the last minute, as printed beside every figure. */
export function formatLoad(): string {
  return `load ${loadavg()[0]!.toFixed(2)}`
}

/** Prints one figure of a section with the load it was measured under. */
export function print(section: string, text: string): void {
  process.stdout.write(`${section}: ${text} [${formatLoad()}]\n`)
}

/** `ok` or `over` beside a target: how a figure is judged everywhere. */
export function judge(value: number, target: number, isCeiling: boolean, unit = ''): string {
  const isGood = isCeiling ? value <= target : value >= target
  return `target ${isCeiling ? '≤' : '≥'} ${target.toLocaleString('en')}${unit} ${isGood ? 'ok' : 'over'}`
}
