/**
 * Run: `npm test [-- FOLDER|FILE …]`: sets up what the tests need (PostgreSQL, Redis, Chromium and a Chinese font on Debian or
 * Ubuntu as root; elsewhere it prints the one line to run), builds the console, runs every test file and ends with
 * `N passed, M failed`. A missing service fails; it is never skipped.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { join, resolve } from 'node:path'

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

/** Test files by wish: folders, files, or all. Browser journeys come last: they need the built console. */
function listFiles(wishes: readonly string[]): string[] {
  const all = globSync('test/**/*.test.ts').sort()
  const order = [
    'test/tidy',
    'test/unit',
    'test/property',
    'test/golden',
    'test/integration',
    'test/simulation',
    'test/browser',
  ]
  const rank = (file: string) => order.findIndex(prefix => file.startsWith(prefix))
  const wanted = wishes.length === 0 ? all : all.filter(file => wishes.some(wish => file.includes(wish)))
  return wanted.sort((a, b) => rank(a) - rank(b) || a.localeCompare(b))
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
const child = spawn(
  process.execPath,
  [
    '--test',
    '--test-concurrency=2',
    '--test-timeout=900000',
    `--test-reporter=${join(root, 'test/help/reporter.ts')}`,
    '--test-reporter-destination=stdout',
    ...files,
  ],
  { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, NODE_ENV: 'test' } },
)
child.on('exit', code => process.exit(code ?? 1))
