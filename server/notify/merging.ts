/**
 * Merging: many rules, one alert. Findings of one place and syndrome (or disease, or rule where there is neither) become parts
 * of one alert, each with its own evidence. Promises: a further part never lowers the level; a statutory part leads and stays
 * visible as the basis; the same figure told by two rules counts once. Pure.
 */
import { findDiseaseById, getDiseaseRoot } from '#contract/diseases.ts'
import { listLeaves } from '#contract/rule.ts'
import type { Alert, Finding, Signal } from '../state/world.ts'

/** Evidence rows kept on one alert, and on one of its parts: leaves of a rule, renewed in place. */
export const evidenceMax = 64
/** Rules that can have a part in one alert; beyond it a further rule only raises the level. */
export const partsMax = 32

type Evidence = Alert['evidence'][number]
type Part = NonNullable<Alert['rules']>[number]

function toEvidence(signal: Signal): Evidence {
  const { key: _key, until: _until, diseaseId: _disease, ...rest } = signal
  return rest as Evidence
}

export function nameEvidence(e: Evidence): string {
  return `${e.method}|${e.sourceKind ?? ''}|${e.syndrome ?? ''}|${e.regionCode}`
}

/** The disease of the list a finding of report cards is about; undefined when it is about several or none. */
function findDiseaseOf(finding: Finding): string | undefined {
  const roots = new Set<string>()
  for (const signal of finding.evidence) {
    if (signal.sourceKind !== 'report-card' && signal.diseaseId === undefined) continue
    const id = signal.diseaseId ?? signal.period
    if (findDiseaseById(id)) roots.add(getDiseaseRoot(id))
  }
  if (roots.size === 0)
    for (const leaf of listLeaves(finding.rule))
      if ('diseaseIds' in leaf) for (const id of leaf.diseaseIds) if (findDiseaseById(id)) roots.add(getDiseaseRoot(id))
  return roots.size === 1 ? [...roots][0] : undefined
}

export type Subject = { mergeKey: string; syndrome?: string; diseaseId?: string }

/** What a finding is about: its place with its syndrome, else its disease, else its rule alone. */
export function getSubject(finding: Finding): Subject {
  const { rule, regionCode } = finding
  const diseaseId = findDiseaseOf(finding)
  const told = diseaseId === undefined ? undefined : findDiseaseById(diseaseId)!.syndrome
  const syndrome = rule.syndrome ?? finding.syndrome ?? (told === 'other' || told === 'unknown' ? undefined : told)
  const about =
    syndrome !== undefined ? `syndrome:${syndrome}` : diseaseId !== undefined ? `disease:${diseaseId}` : rule.ruleId
  return {
    mergeKey: `${about}@${regionCode}`,
    ...(syndrome === undefined ? {} : { syndrome }),
    ...(diseaseId === undefined ? {} : { diseaseId }),
  }
}

function toPart(finding: Finding, now: number): Part {
  const { rule } = finding
  return {
    ruleId: rule.ruleId,
    ruleVersion: rule.version,
    name: rule.name,
    nameEn: rule.nameEn,
    basis: rule.basis,
    level: finding.level as Part['level'],
    statutory: finding.statutory,
    ...(finding.hidden ? { hidden: true } : {}),
    evidence: finding.evidence.slice(0, evidenceMax).map(toEvidence),
    independentSources: finding.independentSources,
    neededSources: finding.neededSources,
    cases: finding.cases,
    firstAt: now,
    lastAt: now,
  }
}

/** True when the evidence says something that the part held does not. */
function isNews(held: readonly Evidence[], evidence: readonly Evidence[]): boolean {
  return evidence.some(e => {
    const before = held.find(h => nameEvidence(h) === nameEvidence(e))
    return (
      !before ||
      before.period !== e.period ||
      before.observed !== e.observed ||
      before.subjects.join() !== e.subjects.join()
    )
  })
}

/** True when a row shows a period or a subject that none of the rows held does. */
export function isFresh(held: readonly Evidence[], e: Evidence): boolean {
  return !held.some(
    h => nameEvidence(h) === nameEvidence(e) && e.period <= h.period && e.subjects.every(id => h.subjects.includes(id)),
  )
}

/** Parts in order: the statutory ones, hidden ones last, then the most urgent, then the oldest. */
function compareParts(a: Part, b: Part): number {
  const rank = (part: Part) => (part.statutory ? 0 : part.hidden ? 2 : 1)
  return rank(a) - rank(b) || a.level - b.level || a.firstAt - b.firstAt
}

/** The evidence of all parts; one figure that several rules rest on stands once. */
function listEvidence(parts: readonly Part[]): Evidence[] {
  const rows = new Map<string, Evidence>()
  for (const part of parts)
    for (const e of part.evidence) {
      const name = `${nameEvidence(e)}|${e.period}|${e.observed}|${e.threshold ?? ''}|${e.subjects.join()}`
      if (!rows.has(name)) rows.set(name, e)
    }
  return [...rows.values()].slice(0, evidenceMax)
}

/** Witnesses and cases over all parts: within one kind of source the largest figure counts, kinds are added. */
function countSources(
  parts: readonly Part[],
  evidence: readonly Evidence[],
): { independentSources: number; cases: number } {
  const [only, ...others] = parts
  if (only && others.length === 0) return { independentSources: only.independentSources, cases: only.cases }
  const byKind = new Map<string, number>()
  for (const e of evidence) {
    const kind = e.sourceKind ?? e.method
    byKind.set(kind, Math.max(byKind.get(kind) ?? 0, e.observed))
  }
  return {
    independentSources: Math.max(byKind.size, ...parts.map(part => part.independentSources)),
    cases: Math.max(
      [...byKind.values()].reduce((sum, n) => sum + n, 0),
      ...parts.map(part => part.cases),
    ),
  }
}

/** What an alert shows of its parts, the leading one first; its level never falls below `heldLevel`. */
export function summarise(parts: readonly Part[], heldLevel: number) {
  const rules = [...parts].sort(compareParts)
  const lead = rules[0]!
  const evidence = listEvidence(rules)
  return {
    ruleId: lead.ruleId,
    ruleVersion: lead.ruleVersion,
    ruleName: lead.name,
    ruleNameEn: lead.nameEn,
    basis: lead.basis,
    level: Math.min(heldLevel, ...rules.map(part => part.level)),
    statutory: rules.some(part => part.statutory),
    hidden: rules.every(part => part.hidden === true),
    neededSources: lead.neededSources,
    ...countSources(rules, evidence),
    evidence,
    rules,
  }
}

/** The one part of a new alert. */
export function createParts(finding: Finding, now: number): Part[] {
  return [toPart(finding, now)]
}

/**
 * The parts of an alert after a finding. `isNews` is false when it says nothing that the alert does not hold; `isFresh` tells of
 * a new rule, period or subject and not only of another figure.
 */
export function mergeFinding(
  alert: Alert,
  finding: Finding,
  now: number,
): { parts: Part[]; isNews: boolean; isFresh: boolean } {
  const held = alert.rules ?? []
  const before = held.find(part => part.ruleId === finding.rule.ruleId)
  if (!before) {
    const isFull = held.length >= partsMax
    return { parts: isFull ? held : [...held, toPart(finding, now)], isNews: !isFull, isFresh: !isFull }
  }
  const said = toPart(finding, now)
  const isShown = before.hidden === true && said.hidden !== true
  if (!isShown && !isNews(before.evidence, said.evidence)) return { parts: held, isNews: false, isFresh: false }
  const kept = before.evidence.filter(h => !said.evidence.some(e => nameEvidence(e) === nameEvidence(h)))
  const after: Part = {
    ...said,
    // A rule published anew with a lesser level does not quieten what it has raised.
    level: Math.min(before.level, said.level),
    statutory: before.statutory || said.statutory,
    evidence: [...said.evidence, ...kept].slice(0, evidenceMax),
    // Shown once, shown for good.
    ...(before.hidden && said.hidden ? { hidden: true } : { hidden: false }),
    firstAt: before.firstAt,
  }
  return {
    parts: held.map(part => (part === before ? after : part)),
    isNews: true,
    isFresh: said.evidence.some(e => isFresh(before.evidence, e)),
  }
}
