/**
 * Run: `npm test [-- FOLDER|FILE …]`: sets up what the tests need (PostgreSQL, Redis, Chromium and a Chinese font on Debian or
 * Ubuntu as root; elsewhere it prints the one line to run), builds the console, runs every test file and ends with
 * `N passed, M failed`. A missing service fails; it is never skipped.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { summaryMark } from './reporter.ts'

const root = resolve(import.meta.dirname, '../..')
process.chdir(root)

const services: readonly { name: string; package: string; isThere: () => boolean }[] = [
  {
    name: 'PostgreSQL ≥ 15',
    package: 'postgresql',
    isThere: () => globSync('/usr/lib/postgresql/*/bin/initdb').length > 0,
  },
  { name: 'Redis', package: 'redis-server', isThere: () => existsSync('/usr/bin/redis-server') },
  { name: 'Chromium', package: 'chromium', isThere: () => existsSync('/usr/bin/chromium') },
  {
    name: 'Noto CJK',
    package: 'fonts-noto-cjk',
    isThere: () => globSync('/usr/share/fonts/opentype/noto/NotoSansCJK*').length > 0,
  },
]

/** Installs missing services where that is ours to do; stops with the one line to run where it is not. */
function setUpServices(): void {
  const missing = services.filter(service => !service.isThere())
  if (missing.length === 0) return
  const line = `apt-get update && apt-get install -y --no-install-recommends ${missing.map(m => m.package).join(' ')}`
  const isOurs = process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')
  if (!isOurs) {
    process.stderr.write(`缺少 missing: ${missing.map(m => m.name).join(', ')}\n请运行 run: sudo sh -c '${line}'\n`)
    process.exit(1)
  }
  process.stderr.write(`安装 installing: ${missing.map(m => m.name).join(', ')} …\n`)
  const ran = spawnSync('sh', ['-c', line], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
  const stillMissing = missing.filter(service => !service.isThere())
  if (ran.status !== 0 || stillMissing.length > 0) {
    process.stderr.write(`安装失败 could not install: ${stillMissing.map(m => m.name).join(', ')}\n`)
    process.exit(1)
  }
}

/** Phases in order; files of a phase share the machine by twos, journeys in a browser have it alone. */
const phases: readonly { name: string; folders: readonly string[]; concurrency: number }[] = [
  { name: 'rules', folders: ['test/tidy', 'test/unit/', 'test/property/', 'test/golden/'], concurrency: 2 },
  { name: 'parts', folders: ['test/simulation/', 'test/integration/'], concurrency: 2 },
  { name: 'journeys', folders: ['test/browser/'], concurrency: 1 },
]

/** Test files by wish: folders, files, or all. */
function listFiles(wishes: readonly string[]): string[] {
  const all = globSync('test/**/*.test.ts').sort()
  return wishes.length === 0 ? all : all.filter(file => wishes.some(wish => file.includes(wish)))
}

type Summary = { passed: number; failed: number; skipped: number; noData: number; failures: string[] }

/** Runs one phase in a process of its own; what it prints is passed on, its last line is its summary. */
function runPhase(files: readonly string[], concurrency: number): Promise<Summary> {
  return new Promise(done => {
    const child = spawn(
      process.execPath,
      [
        '--test',
        `--test-concurrency=${concurrency}`,
        '--test-timeout=1200000',
        `--test-reporter=${join(root, 'test/help/reporter.ts')}`,
        '--test-reporter-destination=stdout',
        ...files,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_ENV: 'test' } },
    )
    let summary: Summary | undefined
    createInterface({ input: child.stdout }).on('line', line => {
      if (line.startsWith(summaryMark)) summary = JSON.parse(line.slice(summaryMark.length)) as Summary
      else process.stdout.write(`${line}\n`)
    })
    child.on('close', code => {
      const lost = {
        passed: 0,
        failed: 1,
        skipped: 0,
        noData: 0,
        failures: [`the runner ended with ${code} and said nothing`],
      }
      done(summary ?? lost)
    })
  })
}

const files = listFiles(process.argv.slice(2))
if (files.length === 0) {
  process.stderr.write('no test file fits\n')
  process.exit(1)
}
setUpServices()
if (files.some(file => file.startsWith('test/browser')) || process.env.CI) {
  process.stderr.write('构建控制台 building the console …\n')
  const built = spawnSync('vite', ['build', 'console', '--logLevel', 'error'], { stdio: 'inherit' })
  if (built.status !== 0) process.exit(1)
}
const total: Summary = { passed: 0, failed: 0, skipped: 0, noData: 0, failures: [] }
for (const phase of phases) {
  const own = files.filter(file => phase.folders.some(folder => file.startsWith(folder)))
  if (own.length === 0) continue
  process.stderr.write(`${phase.name}: ${own.length} files …\n`)
  const summary = await runPhase(own, phase.concurrency)
  total.passed += summary.passed
  total.failed += summary.failed
  total.skipped += summary.skipped
  total.noData += summary.noData
  total.failures.push(...summary.failures)
}
for (const failure of total.failures) process.stdout.write(`\n${failure}\n`)
if (total.noData > 0)
  process.stdout.write(`\nno data: ${total.noData} tests found no shared recordings and checked nothing\n`)
if (total.skipped > 0) process.stdout.write(`\nskipped: ${total.skipped}\n`)
const failed = total.failed + (process.env.CI ? total.skipped : 0)
process.stdout.write(`\n${total.passed} passed, ${failed} failed\n`)
process.exit(failed === 0 && total.passed > 0 ? 0 : 1)
