/**
 * Tidy: the rules of the house that a machine checks (design §1, §5, §6). The one table of who may import whom stands here.
 * Every rule is a pure function over the files of the tree and is shown to fail on a planted breach, so that none can rot.
 */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, resolve } from 'node:path'
import { test } from 'node:test'

type Source = { path: string; text: string }
type Breach = string
type Import = { from: string; to: string; isType: boolean; specifier: string }

const root = resolve(import.meta.dirname, '..')
const roots = ['server', 'console', 'edge-gateway', 'simulations', 'test']

function readTree(): Source[] {
  return roots
    .flatMap(folder => globSync(`${folder}/**/*.{ts,tsx}`, { cwd: root }))
    .filter(path => !path.includes('/dist/') && !path.includes('/.artifacts/') && !path.includes('node_modules'))
    .map(path => ({ path: path.replaceAll('\\', '/'), text: readFileSync(join(root, path), 'utf8') }))
}

/** Text without comments and string contents, for rules about code rather than words. */
function stripText(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|[^:])\/\/.*$/gm, '$1')
    .replace(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, "''")
}

function listImports(source: Source): Import[] {
  const found: Import[] = []
  const text = source.text.replace(/\/\*[\s\S]*?\*\//g, '')
  const pattern =
    /(?:^|\n)\s*(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)|new URL\(\s*['"](\.[^'"]+\.ts)['"]/g
  for (const match of text.matchAll(pattern)) {
    const specifier = match[2] ?? match[3] ?? match[4]!
    let to = specifier
    if (specifier.startsWith('#contract/')) to = `server/contract/${specifier.slice('#contract/'.length)}`
    else if (specifier.startsWith('.')) to = normalize(join(dirname(source.path), specifier)).replaceAll('\\', '/')
    const clause = match[0]
    const named = clause.match(/\{([^}]*)\}/)?.[1]
    const allTypes =
      named !== undefined &&
      !/^\s*import\s+\w/.test(clause) &&
      named.split(',').every(part => part.trim() === '' || part.trim().startsWith('type '))
    found.push({ from: source.path, to, isType: match[1] !== undefined || allTypes, specifier })
  }
  return found
}

/** The room of a file: the folder below server/, or the top-level folder; single files of server/ are rooms of their own. */
function roomOf(path: string): string {
  const parts = path.split('/')
  if (parts[0] !== 'server') return parts[0]!
  return parts.length === 2 ? parts[1]! : parts[1]!
}

/**
 * Who may import whom, at run time. Every room may import itself and contract/; `import type` from state/world.ts is free.
 * main.ts, the line and the doors it opens, and pipeline.ts join stages; a follower (bus/) folds the log; operations/ are jobs over the log, which fold with the pipeline.
 * operations/advice.ts joins advise/ (pure, asked for) with roads/ (a thread): neither may know the other.
 * log/ uses the world's constructors and source ranges: the writer guards what the world counts (DECISIONS 4).
 */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  contract: [],
  'config.ts': [],
  'app.ts': [],
  database: [],
  state: [],
  detect: [],
  notify: [],
  advise: [],
  roads: [],
  addresses: [],
  'pipeline.ts': ['state', 'detect', 'notify'],
  log: ['state/world.ts', 'state/sources.ts'],
  bus: ['log', 'state/world.ts'],
  identity: [],
  files: [],
  intake: [],
  fanout: [],
  query: [],
  analysts: ['detect'],
  operations: ['log', 'state', 'database', 'query', 'pipeline.ts', 'config.ts', 'identity', 'advise', 'roads'],
  'line.ts': ['*'],
  'doors.ts': ['*'],
  'main.ts': ['*'],
}

const rules: Readonly<Record<string, (sources: readonly Source[]) => Breach[]>> = {
  'TIDY-1 contract/ imports only zod and itself': sources =>
    sources
      .filter(s => s.path.startsWith('server/contract/'))
      .flatMap(listImports)
      .filter(i => i.specifier !== 'zod' && !i.to.startsWith('server/contract/'))
      .map(i => `${i.from} imports ${i.specifier}`),

  'TIDY-2 a stage imports contract/ and itself; only the joiners join': sources =>
    sources
      .filter(s => s.path.startsWith('server/'))
      .flatMap(listImports)
      .filter(i => {
        if (!i.to.startsWith('server/') || i.to.startsWith('server/contract/')) return false
        const from = roomOf(i.from)
        const to = roomOf(i.to)
        if (from === to) return false
        if (i.isType && i.to === 'server/state/world.ts') return false
        const allowed = mayImport[from]
        if (!allowed) return true
        return !allowed.some(room => room === '*' || room === to || `server/${room}` === i.to)
      })
      .map(i => `${i.from} imports ${i.to}`),

  'TIDY-3 outside server/ only #contract may be imported from it': sources =>
    sources
      .filter(s => !s.path.startsWith('server/') && !s.path.startsWith('test/'))
      .flatMap(listImports)
      .filter(i => {
        if (i.to.startsWith('server/')) return !i.specifier.startsWith('#contract/')
        const [home] = i.from.split('/')
        return i.specifier.startsWith('.') && !i.to.startsWith(`${home}/`)
      })
      .map(i => `${i.from} imports ${i.specifier}`),

  'TIDY-4 seed, city and scenarios import nothing at run time': sources =>
    sources
      .filter(s => /^simulations\/(seed|city|scenarios\/[^/]+)\.ts$/.test(s.path))
      .flatMap(listImports)
      .filter(i => !i.isType)
      .map(i => `${i.from} imports ${i.specifier}`),

  'TIDY-5 contract state detect notify advise pipeline are pure': sources => {
    const forbidden =
      /\b(Date\.now|new Date\(\)|Math\.random|process\.|setTimeout|setInterval|setImmediate|queueMicrotask|fetch\(|performance\.|crypto\.)/
    return sources
      .filter(s => /^server\/(contract|state|detect|notify|advise)\//.test(s.path) || s.path === 'server/pipeline.ts')
      .flatMap(s => {
        const bad = stripText(s.text).match(forbidden)?.[0]
        const nodeImport = listImports(s).find(i => i.specifier.startsWith('node:'))
        return [
          ...(bad ? [`${s.path} uses ${bad}`] : []),
          ...(nodeImport ? [`${s.path} imports ${nodeImport.specifier}`] : []),
        ]
      })
  },

  'TIDY-6 no cycles': sources => {
    const edges = new Map<string, string[]>()
    for (const s of sources)
      edges.set(
        s.path,
        listImports(s)
          .filter(i => !i.isType)
          .map(i => i.to),
      )
    const breaches: Breach[] = []
    const state = new Map<string, 'open' | 'done'>()
    const visit = (path: string, trail: string[]): void => {
      if (state.get(path) === 'done' || !edges.has(path)) return
      if (state.get(path) === 'open') {
        breaches.push([...trail.slice(trail.indexOf(path)), path].join(' → '))
        return
      }
      state.set(path, 'open')
      for (const next of edges.get(path)!) visit(next, [...trail, path])
      state.set(path, 'done')
    }
    for (const path of edges.keys()) visit(path, [])
    return breaches
  },

  'TIDY-7 no barrels': sources =>
    sources
      .filter(s => /(^|\/)index\.tsx?$/.test(s.path) || /^\s*export \* from/m.test(s.text))
      .map(s => `${s.path} is a barrel`),

  'TIDY-8 process.env only in config.ts': sources =>
    sources
      .filter(s => !s.path.startsWith('test/') && !/(^|\/)config\.ts$/.test(s.path))
      .filter(s => /process\.env\b/.test(stripText(s.text)) && !/^simulations\/(demo|replay)\.ts$/.test(s.path))
      .map(s => `${s.path} reads process.env`),

  'TIDY-9 SQL only in sql.ts, log/ and database/': sources =>
    sources
      .filter(
        s => s.path.startsWith('server/') && !/\/sql\.ts$/.test(s.path) && !/^server\/(log|database)\//.test(s.path),
      )
      .filter(s => /[`'"]\s*(SELECT\s|INSERT INTO|UPDATE \w+ SET|DELETE FROM|CREATE TABLE|ALTER TABLE)/.test(s.text))
      .filter(s => !/^server\/operations\/(backup|restore|archive)/.test(s.path))
      .map(s => `${s.path} holds SQL`),

  'TIDY-10 socket.io only in fanout/socket.ts': sources =>
    sources
      .filter(s => s.path.startsWith('server/') && s.path !== 'server/fanout/socket.ts')
      .filter(s => listImports(s).some(i => i.specifier === 'socket.io'))
      .map(s => `${s.path} imports socket.io`),

  'TIDY-11 erasable syntax; .tsx only in console': sources =>
    sources
      .filter(
        s =>
          (s.path.endsWith('.tsx') && !s.path.startsWith('console/') && !s.path.startsWith('test/browser/')) ||
          /^\s*(export\s+)?(const\s+)?enum\s|^\s*(export\s+)?namespace\s/m.test(stripText(s.text)),
      )
      .map(s => `${s.path} is not erasable or not in console/`),

  'TIDY-12 files are lower-case nouns in kebab-case, without empty words': sources =>
    sources
      .filter(s => {
        const name = s.path.split('/').at(-1)!
        const base = name.replace(/(\.test|\.config|\.worker|\.d)?\.tsx?$/, '')
        return (
          !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(base) ||
          /(^|-)(data|info|manager|service|util|utils|helper|helpers|common|misc)(-|$)/.test(base)
        )
      })
      .map(s => `${s.path} is not named as the house names`),

  'TIDY-13 every file opens with a header comment': sources =>
    sources
      .filter(
        s =>
          !/^(\/\*\*|\/\/)/.test(
            s.text
              .replace(/^#!.*\n/, '')
              .replace(/^\/\/ @ts-nocheck\n/, '')
              .trimStart(),
          ),
      )
      .map(s => `${s.path} has no header`),

  'TIDY-14 no decorators, no dependency-injection container': sources =>
    sources
      .filter(
        s =>
          /^\s*@[A-Z]\w*\(/m.test(stripText(s.text)) ||
          listImports(s).some(i => /^(inversify|tsyringe|typedi|awilix|@nestjs)/.test(i.specifier)),
      )
      .map(s => `${s.path} uses decorators or a container`),

  'TIDY-15 foreign protocols live only in edge-gateway/sources': sources =>
    sources
      .filter(s => s.path.startsWith('server/') || s.path.startsWith('simulations/'))
      // the one exception: simulated terminals speak as real ones do, by an encoder apart from the decoder they test
      .filter(s => s.path !== 'simulations/terminals.ts')
      .filter(s => /\b(0x7e|jt808|mllp)\b/i.test(stripText(s.text)))
      .map(s => `${s.path} speaks a foreign protocol`),

  'TIDY-16 no exported name hides a browser global': sources => {
    const globals = new Set([
      'Event',
      'Notification',
      'Location',
      'Request',
      'Response',
      'Map',
      'Set',
      'Node',
      'Element',
      'Document',
      'Window',
      'History',
      'Range',
      'Selection',
      'Text',
      'Image',
      'Option',
      'Plugin',
      'Report',
      'Lock',
      'Cache',
      'Client',
      'File',
      'Blob',
      'Error',
      'Object',
      'Symbol',
      'Number',
      'String',
      'Date',
      'Promise',
    ])
    const own = new Set(['Client'])
    return sources.flatMap(s =>
      [...s.text.matchAll(/^export (?:type|const|class|function|interface) (\w+)/gm)]
        .filter(m => globals.has(m[1]!) && !own.has(m[1]!))
        .map(m => `${s.path} exports ${m[1]}`),
    )
  },
}

/** One breach planted for each rule: the rule must find it. */
const planted: Readonly<Record<keyof typeof rules, Source>> = {
  'TIDY-1': { path: 'server/contract/x.ts', text: "/** x */\nimport { readFileSync } from 'node:fs'" },
  'TIDY-2': { path: 'server/detect/x.ts', text: "/** x */\nimport { notify } from '../notify/alerts.ts'" },
  'TIDY-3': { path: 'console/x.ts', text: "/** x */\nimport { advance } from '../server/pipeline.ts'" },
  'TIDY-4': { path: 'simulations/city.ts', text: "/** x */\nimport { seedCity } from './seed.ts'" },
  'TIDY-5': { path: 'server/state/x.ts', text: '/** x */\nexport const now = () => Date.now()' },
  'TIDY-6': { path: 'server/state/loop.ts', text: "/** x */\nimport { x } from './loop.ts'" },
  'TIDY-7': { path: 'server/state/index.ts', text: "/** x */\nexport * from './world.ts'" },
  'TIDY-8': { path: 'server/log/x.ts', text: '/** x */\nexport const home = process.env.HOME' },
  'TIDY-9': { path: 'server/query/routes2.ts', text: "/** x */\nexport const q = 'SELECT 1 FROM entry'" },
  'TIDY-10': { path: 'server/query/x.ts', text: "/** x */\nimport { Server } from 'socket.io'" },
  'TIDY-11': { path: 'server/state/x.ts', text: '/** x */\nexport enum Colour { Red }' },
  'TIDY-12': { path: 'server/state/unit-helper.ts', text: '/** x */' },
  'TIDY-13': { path: 'server/state/x.ts', text: 'export const x = 1' },
  'TIDY-14': { path: 'server/state/x.ts', text: '/** x */\n@Injectable()\nexport class X {}' },
  'TIDY-15': { path: 'server/intake/x.ts', text: '/** x */\nexport const flag = 0x7e' },
  'TIDY-16': { path: 'server/state/x.ts', text: '/** x */\nexport type Event = { at: number }' },
}

const tree = readTree()

for (const [name, rule] of Object.entries(rules)) {
  test(name, () => assert.deepEqual(rule(tree), []))
  test(`${name}: found when planted`, () => {
    const breach = planted[name.split(' ')[0]!]
    assert.ok(breach, 'every rule has a planted breach')
    const before = rule(tree).length
    assert.ok(
      rule([...tree.filter(s => s.path !== breach.path), breach]).length >
        before - rule(tree.filter(s => s.path === breach.path)).length,
    )
    assert.ok(rule([breach]).length > 0)
  })
}

test('TIDY-17 every test name starts with the SPEC rule it proves', () => {
  const spec = readFileSync(join(root, 'test/SPEC.md'), 'utf8')
  const known = new Set([...spec.matchAll(/^\| ([A-Z][A-Z0-9]*-\d+)\b/gm)].map(m => m[1]!))
  const breaches: string[] = []
  for (const source of tree.filter(s => s.path.endsWith('.test.ts') && s.path !== 'test/tidy.test.ts'))
    for (const match of source.text.matchAll(/(?:^|\n)\s*(?:await\s+)?(?:t\.)?test\(\s*(['"`])([^'"`$]+)/g)) {
      const id = match[2]!.match(/^([A-Z][A-Z0-9]*-\d+)/)?.[1]
      if (!id) breaches.push(`${source.path}: "${match[2]}" names no rule`)
      else if (!known.has(id)) breaches.push(`${source.path}: ${id} is not in SPEC.md`)
    }
  assert.deepEqual(breaches, [])
})

test('TIDY-18 packages are pinned to exact versions', () => {
  const pack = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, Record<string, string>>
  const loose = Object.entries({ ...pack.dependencies, ...pack.devDependencies }).filter(
    ([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version),
  )
  assert.deepEqual(loose, [])
})

test('TIDY-19 the top level holds the fixed folders, documents and dotfiles alone', () => {
  const allowed = new Set([
    ...roots,
    'docs',
    'deploy',
    'package.json',
    'package-lock.json',
    'tsconfig.json',
    'biome.json',
    'LICENSE',
    'NOTICE',
    'node_modules',
  ])
  const strange = globSync('*', { cwd: root }).filter(name => !allowed.has(name) && !name.endsWith('.md'))
  assert.deepEqual(strange, [])
})
