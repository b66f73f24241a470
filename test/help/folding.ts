/**
 * Folding: the pure line without a log: entries in, outcomes and world out, on a clock the test turns. For unit and property
 * tests of state, detect and notify.
 */
import type { BodyInputOf, Entry, Kind, Outcome } from '#contract/entry.ts'
import { Rule, type RuleInput } from '#contract/rule.ts'
import { advance } from '../../server/pipeline.ts'
import { createTouched, createWorld, type World } from '../../server/state/world.ts'
import { makeCity, makeEntry, startAt } from './line.ts'

export type Folding = {
  world: World
  now(): number
  turn(ms: number): void
  /** Folds one entry said now (or at `occurredAt`), logged now. */
  say<K extends Kind>(kind: K, body: BodyInputOf<K>, more?: Partial<Entry>): Outcome
  tick(gapMs?: number, boundary?: 'none' | 'hour' | 'day'): Outcome
  publish(...rules: RuleInput[]): void
}

/** A city of one prefecture, two counties and `units` units (U1, U3 … in 330411, U2, U4 … in 330402). */
export function createFolding(units = 2, at = startAt): Folding {
  const world = createWorld()
  const touched = createTouched()
  let now = at
  let seq = 0
  let rulesVersion = 0
  const fold = (entry: Entry) => {
    seq++
    return advance(world, { ...entry, seq, loggedAt: now }, touched)
  }
  const folding: Folding = {
    world,
    now: () => now,
    turn: ms => {
      now += ms
    },
    say: (kind, body, more = {}) => fold(makeEntry(kind, 'test', { epoch: 'f', sourceSeq: seq + 1 }, body, now, more)),
    tick: (gapMs = 1_000, boundary = 'none') => folding.say('clock.ticked', { gapMs, boundary }),
    publish: (...rules) => {
      rulesVersion++
      folding.say('rule.published', { version: rulesVersion, rules: rules.map(rule => Rule.parse(rule)) })
    },
  }
  for (const entry of makeCity(units, at)) fold(entry)
  return folding
}

/** A rule with everything a test does not care about. */
export function makeRule(rule: Partial<RuleInput> & Pick<RuleInput, 'when'>): RuleInput {
  return {
    ruleId: 'R',
    version: 1,
    name: '规则',
    nameEn: 'Rule',
    level: 2,
    regionLevel: 'county',
    windowH: 48,
    escalation: [{ afterS: 0, role: 'epidemiologist' }],
    basis: 'test',
    ...rule,
  }
}
