/**
 * A rule being edited: which fields a condition has, whether the whole holds, and what differs from the rule in force. Pure; the
 * schema of the contract is the judge, this file only says in words what it found.
 */
import {
  type Condition,
  combinedSourcesMax,
  DetectorCondition,
  type LeafCondition,
  listLeaves,
  Rule,
} from '#contract/rule.ts'
import type { Translate } from '../language/i18n.ts'

/** Kinds of condition a statistical rule is made of here; the others (law, units, clock) are shown and kept as they are. */
export const editableLeaves = ['detector', 'count', 'place-count', 'found', 'combined-p', 'source-silence'] as const
export type EditableLeaf = (typeof editableLeaves)[number]

export const joints = ['single', 'allOf', 'anyOf', 'kOf'] as const
export type Joint = (typeof joints)[number]

/** How the conditions of a rule join. */
export function findJoint(when: Condition): Joint {
  return 'of' in when ? when.type : 'single'
}

/** Number fields of each kind of condition, in the order of the form; bounds are those of the contract. */
export const leafNumbers: Readonly<
  Record<EditableLeaf, readonly { name: string; min: number; max: number; step: number; optional?: true }[]>
> = {
  detector: [
    { name: 'baseline', min: 3, max: 28, step: 1 },
    { name: 'minSigma', min: 0, max: 100, step: 0.1 },
    { name: 'minCount', min: 0, max: 1_000_000, step: 1 },
    { name: 'alpha', min: 1e-9, max: 0.2, step: 0.0005, optional: true },
  ],
  count: [{ name: 'min', min: 1, max: 1_000_000, step: 1 }],
  'place-count': [
    { name: 'windowDays', min: 1, max: 60, step: 1 },
    { name: 'min', min: 1, max: 1_000_000, step: 1 },
  ],
  found: [
    { name: 'maxP', min: 0, max: 1, step: 0.001, optional: true },
    { name: 'minRecurrenceDays', min: 0, max: 1_000_000, step: 1, optional: true },
  ],
  'combined-p': [
    { name: 'baseline', min: 14, max: 56, step: 1 },
    { name: 'minSources', min: 2, max: combinedSourcesMax, step: 1 },
    { name: 'alpha', min: 0, max: 0.5, step: 0.0005 },
    { name: 'minCount', min: 0, max: 1_000_000, step: 1 },
  ],
  'source-silence': [
    { name: 'graceH', min: 0, max: 168, step: 1 },
    { name: 'regularDays', min: 7, max: 56, step: 1 },
    { name: 'regularShare', min: 0.5, max: 1, step: 0.05 },
  ],
}

export const detectorMethods = DetectorCondition.shape.method.options

/** A fresh condition of a kind, on the syndrome of the rule. */
export function createLeaf(type: EditableLeaf, syndrome: Rule['syndrome']): LeafCondition {
  const of = syndrome ?? 'respiratory'
  switch (type) {
    case 'detector':
      return {
        type,
        method: 'earsC2',
        sourceKind: 'hospital-outpatient',
        syndrome: of,
        period: 'day',
        baseline: 7,
        minSigma: 1,
        proportion: false,
        minCount: 5,
        adjust: 'none',
      }
    case 'count':
      return { type, sourceKind: 'hospital-outpatient', syndrome: of, period: 'day', min: 20 }
    case 'place-count':
      return { type, sourceKind: 'school-absence', syndrome: of, windowDays: 7, min: 10 }
    case 'found':
      return { type, method: 'farringtonFlexible', sourceKind: 'hospital-outpatient', syndrome: of, maxP: 0.001 }
    case 'combined-p':
      return {
        type,
        method: 'fisher',
        sourceKinds: ['hospital-outpatient', 'pharmacy'],
        syndrome: of,
        baseline: 28,
        minSources: 2,
        alpha: 0.001,
        minCount: 5,
        adjust: 'calendar',
      }
    case 'source-silence':
      return { type, sourceKinds: ['hospital-outpatient'], graceH: 12, regularDays: 14, regularShare: 0.9 }
  }
}

/** Joins conditions anew; `single` keeps the first. */
export function joinLeaves(joint: Joint, leaves: readonly LeafCondition[], k: number): Condition {
  const of = [...leaves]
  if (joint === 'single') return of[0]!
  return joint === 'kOf' ? { type: 'kOf', k, of } : { type: joint, of }
}

/** A new rule nobody has published. */
export function createRule(ruleId: string): Rule {
  return Rule.parse({
    ruleId,
    version: 1,
    name: ruleId,
    nameEn: ruleId,
    level: 3,
    syndrome: 'respiratory',
    regionLevel: 'county',
    windowH: 48,
    when: createLeaf('detector', 'respiratory'),
    escalation: [{ afterS: 0, role: 'epidemiologist' }],
    basis: '-',
  })
}

export type Fault = { path: string; text: string }

/** Everything that does not hold, in words; empty when the rule may be published. */
export function listFaults(draft: Rule, t: Translate): readonly Fault[] {
  const faults: Fault[] = []
  const say = (path: string, key: string, values: Record<string, string | number> = {}) =>
    faults.push({ path, text: t(`review.fault.${key}`, values) })
  const judged = Rule.safeParse(draft)
  if (!judged.success) {
    for (const issue of judged.error.issues.slice(0, 8)) {
      const path = issue.path.map(String).join('.')
      const bound = issue as { code: string; minimum?: number | bigint; maximum?: number | bigint }
      if (issue.code === 'too_small') say(path, 'small', { path: nameField(path, t), min: Number(bound.minimum) })
      else if (issue.code === 'too_big') say(path, 'big', { path: nameField(path, t), max: Number(bound.maximum) })
      // What a schema says in English of its own is said below in words of the screen.
      else if (issue.code !== 'custom') say(path, 'shape', { path: nameField(path, t) })
    }
  }
  const leaves = listLeaves(draft)
  if (draft.when.type === 'kOf') {
    const kinds = new Set(leaves.flatMap(leaf => ('sourceKind' in leaf ? [leaf.sourceKind] : []))).size
    if (kinds < draft.when.k) say('when.k', 'tooFewKinds', { k: draft.when.k, kinds })
  }
  const keys = leaves.map(leaf => JSON.stringify(leaf))
  if (new Set(keys).size < keys.length) say('when', 'twice')
  for (const leaf of leaves)
    if (leaf.type === 'combined-p' && leaf.minSources > leaf.sourceKinds.length)
      say('when', 'tooFewKinds', { k: leaf.minSources, kinds: leaf.sourceKinds.length })
    else if (leaf.type === 'found' && leaf.maxP === undefined && leaf.minRecurrenceDays === undefined)
      say('when', 'noLimit')
  if (draft.escalation[0] && draft.escalation[0].afterS !== 0) say('escalation', 'firstLate')
  if (draft.escalation.some((step, at) => at > 0 && step.afterS <= draft.escalation[at - 1]!.afterS))
    say('escalation', 'order')
  if (draft.basis.trim() === '' || draft.basis.trim() === '-') say('basis', 'noBasis')
  return faults
}

/** The word of a field by the last name in its path; of a name nobody has worded, the name. */
export function nameField(path: string, t: Translate): string {
  const name = path.split('.').findLast(part => !/^\d+$/.test(part)) ?? path
  const key = `review.field.${name}`
  const word = t(key)
  return word === key ? name : word
}

export type Difference = { field: string; before: string; after: string }

const flat = (value: unknown, path: string, into: Map<string, string>): void => {
  if (value !== null && typeof value === 'object')
    for (const [name, each] of Object.entries(value)) flat(each, path === '' ? name : `${path}.${name}`, into)
  else into.set(path, String(value))
}

/** What differs between two versions of a rule, field by field; a field that one side lacks is an empty text there. */
export function listDifferences(before: Rule | undefined, after: Rule | undefined): readonly Difference[] {
  const [was, is] = [new Map<string, string>(), new Map<string, string>()]
  if (before) flat(before, '', was)
  if (after) flat(after, '', is)
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter(field => field !== 'version' && field !== 'ruleId' && was.get(field) !== is.get(field))
    .map(field => ({ field, before: was.get(field) ?? '', after: is.get(field) ?? '' }))
}

/** The whole list as it would be published: the draft in its place with its version raised, or at the end. */
export function replaceRule(rules: readonly Rule[], draft: Rule): readonly Rule[] {
  const held = rules.find(rule => rule.ruleId === draft.ruleId)
  const next = { ...draft, version: held ? held.version + 1 : 1 }
  return held ? rules.map(rule => (rule.ruleId === draft.ruleId ? next : rule)) : [...rules, next]
}
