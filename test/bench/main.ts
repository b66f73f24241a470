/**
 * Bench: `npm run bench [-- SECTION …]` prints every speed of the house beside its bare counterpart, its target and the load
 * average, and says `ok` or `over`. It judges nobody: a busy machine never makes it fail, and it always ends with 0.
 */
import { cpus } from 'node:os'
import { benchAddresses } from './addresses.ts'
import { benchAdvice } from './advice.ts'
import { type BenchFigure, benchAdvise } from './advise.ts'
import { benchBoot } from './boot.ts'
import { benchCards } from './cards.ts'
import { benchDesk } from './desk.ts'
import { benchDetect } from './detect.ts'
import { benchFanout } from './fanout.ts'
import { benchGateway } from './gateway.ts'
import { benchIngest } from './ingest.ts'
import { benchLatency } from './latency.ts'
import { benchLine } from './line.ts'
import { formatCount, formatLoad, judge, print } from './measure.ts'

async function printAdvise(): Promise<void> {
  printFigures(benchAdvise())
  printFigures(await benchAdvice())
}

function printFigures(figures: readonly BenchFigure[]): void {
  for (const figure of figures) {
    const { target, bare, note } = figure
    const judged = target
      ? `, ${target.of} ${judge(target.of === 'median' ? figure.medianMs : figure.p95Ms, target.ms, true, ' ms')}`
      : ''
    print(
      'advise',
      `${figure.name}: median ${figure.medianMs.toFixed(3)} p95 ${figure.p95Ms.toFixed(3)} worst ${figure.worstMs.toFixed(3)} CPU ${figure.cpuMs.toFixed(3)} ms over ${figure.samples}` +
        `${bare ? `; bare ${bare.name} ${bare.medianMs.toFixed(3)} ms` : ''}${note ? ` (${note})` : ''}${judged}`,
    )
  }
}

function printGateway(): void {
  const figure = benchGateway()
  const both = ({ median, worst }: { median: number; worst: number }) =>
    `${formatCount(median)} (worst ${formatCount(worst)})`
  print(
    'gateway',
    `JT/T 808 frames of ${figure.frameBytes} bytes per CPU second: decoded ${both(figure.decodeFramesPerCpuSecond)}, ${judge(figure.decodeFramesPerCpuSecond.median, figure.target, false)}; with session and answer ${both(figure.sessionFramesPerCpuSecond)}`,
  )
}

const sections: Readonly<Record<string, () => Promise<void> | void>> = {
  line: benchLine,
  ingest: benchIngest,
  fanout: benchFanout,
  latency: benchLatency,
  boot: benchBoot,
  cards: benchCards,
  detect: benchDetect,
  advise: printAdvise,
  addresses: benchAddresses,
  desk: benchDesk,
  gateway: printGateway,
}

const wishes = process.argv.slice(2)
const unknown = wishes.filter(wish => !Object.hasOwn(sections, wish))
if (unknown.length > 0) {
  process.stdout.write(`没有这一项 unknown: ${unknown.join(', ')}\n可选 sections: ${Object.keys(sections).join(' ')}\n`)
} else {
  process.stdout.write(`node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}, ${formatLoad()}\n`)
  for (const name of wishes.length > 0 ? wishes : Object.keys(sections)) {
    try {
      await sections[name]!()
    } catch (error) {
      print(name, `没有测成 not measured: ${(error as Error).stack ?? String(error)}`)
    }
  }
}
process.exit(0)
