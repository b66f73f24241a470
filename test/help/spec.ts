/**
 * Writes test/SPEC.md: one table of what is proved, gathered from the names of the tests, grouped by the letters before the number.
 * `npm run spec` after a test was added or renamed; test/tidy.test.ts fails while the two differ.
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')
const titles: Readonly<Record<string, string>> = {
  ADDR: 'Address search',
  ADV: 'Advice: recommendation, cover, roads',
  BOARD: 'Review board',
  CAL: 'Calendar',
  CALL: 'Calls',
  CARD: 'Report cards',
  CENTRE: 'Centres and transfers',
  CON: 'Console',
  CTI: 'Telephony port',
  DAY: 'A full day of a city',
  DB: 'Database and migrations',
  DEGRADE: 'Degraded mode and paper slips',
  DET: 'Published detectors',
  DOOR: 'The door in, bounds',
  E2E: 'Journeys',
  EVAL: 'Evaluation',
  FAN: 'Fan-out',
  GW: 'Edge gateway',
  HANDOVER: 'Hand-over of a shift',
  HL7: 'HL7 v2',
  ID: 'Identity',
  IN: 'The door in',
  INC: 'Incidents',
  JT: 'JT/T 808',
  KILL: 'Sudden death',
  KPI: 'Reports and their figures',
  LOG: 'The log',
  MAP: 'Map',
  OPS: 'Operations',
  PACK: 'Question packs',
  PAGE: 'Pager',
  PRIV: 'Privacy',
  QC: 'Quality control',
  REC: 'Recommendation in the product',
  RULE: 'Rules',
  SEAL: 'Sealed personal fields',
  SHIFT: 'A shift by keyboard',
  SIM: 'Simulation, city, replay',
  TASK: 'Tasks of a unit',
  TIDY: 'The rules of the house',
  VERIFY: 'Verification of alerts',
}

type Rule = { promise: string; files: Set<string> }

/** Names of tests that begin with a rule; parts filled in at run time are left out. */
const namePattern = /\btest\(\s*(['"`])((?:[A-Z][A-Z0-9]*)-\d+)\s+((?:(?!\1).)*)\1/g

const rules = new Map<string, Rule>()
for (const file of globSync('test/**/*.test.ts', { cwd: root }).sort()) {
  if (file.endsWith('tidy.test.ts')) continue
  for (const [, , id, name] of readFileSync(join(root, file), 'utf8').matchAll(namePattern)) {
    const promise = name!
      .replaceAll(/\s*[,(]?\s*\$\{[^}]*\}\)?/g, '')
      .trim()
      .replace(/[,(]+$/, '')
    const rule = rules.get(id!) ?? { promise, files: new Set() }
    rule.files.add(file.replace('test/', ''))
    rules.set(id!, rule)
  }
}
const parse = (id: string) => {
  const at = id.lastIndexOf('-')
  return { group: id.slice(0, at), number: Number(id.slice(at + 1)) }
}
const compare = (a: string, b: string) => {
  const [left, right] = [parse(a), parse(b)]
  return left.group === right.group ? left.number - right.number : left.group < right.group ? -1 : 1
}
const lines = [
  '# What is proved',
  '',
  'Every test name starts with the rule it proves; `test/tidy.test.ts` (TIDY-17) holds both lists together, `npm run spec` writes this page.',
  'Rules TIDY-1 to TIDY-19 stand in that file, each shown to fail on a planted breach.',
  '',
]
let group = ''
for (const id of [...rules.keys()].sort(compare)) {
  const next = parse(id).group
  if (next !== group) {
    if (group !== '') lines.push('')
    lines.push(`## ${titles[next] ?? next}`, '', '| rule | promise | proved in |', '|---|---|---|')
    group = next
  }
  const { promise, files } = rules.get(id)!
  lines.push(`| ${id} | ${promise.replaceAll('|', '/')} | ${[...files].map(file => `\`${file}\``).join(', ')} |`)
}
writeFileSync(join(root, 'test/SPEC.md'), `${lines.join('\n')}\n`)
process.stdout.write(`${rules.size} rules\n`)
