/**
 * Key figures of dispatch recomputed from rows of the log alone: an arithmetic of its own, written from the definitions and from
 * nothing of the server's state or report. What it answers must equal the report, or one of the two is wrong.
 */

/** A row of the entry table with its outcome, as plain SQL gives it. */
export type LogRow = {
  seq: number
  kind: string
  loggedAt: number
  receivedAt: number
  occurredAt: number
  body: Record<string, unknown>
  hasActor: boolean
  result: string | null
}

export type RawFigure = {
  n: number
  missing: number
  reversed: number
  within: number
  edited: number
  offline: number
  meanS?: number
  p50S?: number
  p90S?: number
}
export type RawFigures = {
  counts: Record<string, number>
  /** By `kpi|region|level`, region '' and level 0 for all. */
  times: Map<string, RawFigure>
  shares: Map<string, { numerator: number; denominator: number }>
}

type RawStamp = { name: string; at: number; unitId: string; source: string; loggedAt: number; late: boolean }
type RawIncident = {
  id: string
  openedAt: number
  region: string
  level: number
  closed: boolean
  outcome: string
  merged: boolean
  stamps: RawStamp[]
}
type RawCall = {
  id: string
  region: string
  ringAt: number
  level: number
  answeredAt?: number
  abandonedAt?: number
  outcome?: string
  incidentId?: string
}

const limits: Record<string, number> = { answer: 10, order: 60, rolling: 180, reaction: 900 }

/** Best stamp of a unit's (or the case's) step: edit (last entered), key, auto, gps (first). */
function pick(incident: RawIncident, name: string, unitId: string): RawStamp | undefined {
  const all = incident.stamps.filter(s => s.name === name && s.unitId === unitId)
  const edits = all.filter(s => s.source === 'edit').sort((a, b) => a.loggedAt - b.loggedAt)
  if (edits.length > 0) return edits[edits.length - 1]
  for (const source of ['key', 'auto', 'gps']) {
    const of = all.filter(s => s.source === source).sort((a, b) => a.at - b.at)
    if (of.length > 0) return of[0]
  }
  return undefined
}

function pickFirst(incident: RawIncident, name: string): RawStamp | undefined {
  const units = [...new Set(incident.stamps.filter(s => s.name === name).map(s => s.unitId))]
  const best = units.map(unitId => pick(incident, name, unitId)!).sort((a, b) => a.at - b.at)
  return best[0]
}

/** Follows who is where from the rows, then counts. `reactionFrom` as the report was asked. */
export function recount(
  rows: readonly LogRow[],
  period: { from: number; to: number },
  reactionFrom: 'ring' | 'answer',
): RawFigures {
  const parents = new Map<string, { parent: string | undefined; level: string }>()
  const calls = new Map<string, RawCall>()
  const incidents = new Map<string, RawIncident>()
  const taskOf = new Map<string, string>()
  const endsTask = new Set(['idle', 'returning', 'unavailable'])
  /** Time of the newest status or order of each unit, and whether a desk set it. */
  const statusAt = new Map<string, { at: number; desk: boolean }>()

  for (const row of rows) {
    if (row.result === 'refused') continue
    const b: Record<string, unknown> = row.body
    const text = (name: string) => b[name] as string | undefined
    const incident = incidents.get(text('incidentId') ?? '')
    const stamp = (on: RawIncident | undefined, name: string, source: string, unitId = '', at = row.occurredAt) => {
      if (!on) return
      if (on.stamps.some(s => s.name === name && s.at === at && s.unitId === unitId && s.source === source)) return
      const late = (source === 'key' || source === 'gps') && at === row.occurredAt && row.loggedAt - at > 60_000
      on.stamps.push({ name, at, unitId, source, loggedAt: row.loggedAt, late })
    }
    const hand = row.hasActor ? 'key' : 'auto'
    const free = (unitId: string) => taskOf.delete(unitId)
    switch (row.kind) {
      case 'region.published':
        parents.clear()
        for (const r of b.regions as { code: string; parentCode?: string; level: string }[])
          parents.set(r.code, { parent: r.parentCode, level: r.level })
        break
      case 'call.received':
        calls.set(text('callId')!, {
          id: text('callId')!,
          region: text('regionCode')!,
          ringAt: row.occurredAt,
          level: (b.level as number | undefined) ?? 9,
        })
        break
      case 'call.answered': {
        const call = calls.get(text('callId')!)
        if (!call) break
        call.answeredAt = Math.min(call.answeredAt ?? row.occurredAt, row.occurredAt)
        // Picked up after the desk had opened the case: the case still gets its t1.
        stamp(incidents.get(call.incidentId ?? ''), 'answered', hand, '', call.answeredAt)
        break
      }
      case 'call.abandoned': {
        const call = calls.get(text('callId')!)
        if (call) call.abandonedAt ??= row.occurredAt
        break
      }
      case 'call.ended': {
        const call = calls.get(text('callId')!)
        if (call) call.outcome = text('outcome')!
        break
      }
      case 'incident.opened': {
        const opened: RawIncident = {
          id: text('incidentId')!,
          openedAt: row.occurredAt,
          region: text('regionCode')!,
          level: b.level as number,
          closed: false,
          outcome: '',
          merged: false,
          stamps: [],
        }
        for (const callId of (b.callIds as string[] | undefined) ?? []) {
          const call = calls.get(callId)!
          call.outcome ??= 'incident'
          call.incidentId = opened.id
          stamp(opened, 'ring', 'auto', '', call.ringAt)
          if (call.answeredAt !== undefined) stamp(opened, 'answered', 'auto', '', call.answeredAt)
        }
        incidents.set(opened.id, opened)
        break
      }
      case 'incident.levelChanged':
        if (incident) incident.level = b.level as number
        break
      case 'incident.unitAssigned':
        taskOf.set(text('unitId')!, text('incidentId')!)
        statusAt.set(text('unitId')!, { at: row.occurredAt, desk: true })
        stamp(incident, 'ordered', hand, text('unitId')!)
        break
      case 'incident.unitReleased':
        stamp(incident, 'released', hand, text('unitId')!)
        free(text('unitId')!)
        break
      case 'incident.stampEdited':
        stamp(incident, text('stamp')!, 'edit', text('unitId') ?? '', b.at as number)
        break
      case 'incident.closed':
        if (incident) {
          incident.closed = true
          incident.outcome = text('outcome')!
        }
        break
      case 'unit.status': {
        const unitId = text('unitId')!
        const on = incidents.get(text('incidentId') ?? taskOf.get(unitId) ?? '')
        if (text('status') !== 'ordered') stamp(on, text('status')!, text('by')!, unitId)
        if (text('incidentId') && taskOf.get(unitId) && text('incidentId') !== taskOf.get(unitId)) break
        const held = statusAt.get(unitId)
        const lag = held?.desk && !endsTask.has(text('status')!) ? 10_000 : 0
        if (held && row.occurredAt < held.at - lag) break
        statusAt.set(unitId, { at: Math.max(held?.at ?? 0, row.occurredAt), desk: false })
        if (endsTask.has(text('status')!)) free(unitId)
        break
      }
    }
  }

  const countyOf = (code: string): string => {
    let at: string | undefined = code
    while (at !== undefined && parents.has(at)) {
      if (parents.get(at)!.level === 'county') return at
      at = parents.get(at)!.parent
    }
    return code
  }
  type Sample = { key: string; ms: number | undefined; edited: boolean; late: boolean }
  const samples: Sample[] = []
  const parts: { key: string; hit: boolean }[] = []
  const spread = (name: string, region: string, level: number) => {
    const county = countyOf(region)
    return [`${name}||0`, `${name}||${level}`, `${name}|${county}|0`, `${name}|${county}|${level}`]
  }
  const time = (name: string, region: string, level: number, a?: RawStamp | number, z?: RawStamp | number) => {
    const at = (s: RawStamp | number | undefined) => (typeof s === 'number' ? s : s?.at)
    const isEdit = (s: RawStamp | number | undefined) => typeof s === 'object' && s.source === 'edit'
    const isLate = (s: RawStamp | number | undefined) => typeof s === 'object' && s.late
    const from = at(a)
    const to = at(z)
    const ms = from === undefined || to === undefined ? undefined : to - from
    for (const key of spread(name, region, level))
      samples.push({ key, ms, edited: isEdit(a) || isEdit(z), late: isLate(a) || isLate(z) })
  }
  const counts: Record<string, number> = {
    calls: 0,
    abandoned: 0,
    ringing: 0,
    incidents: 0,
    runs: 0,
    runsOn: 0,
    withdrawn: 0,
    merged: 0,
  }
  const add = (name: string) => {
    counts[name] = counts[name]! + 1
  }

  for (const call of calls.values()) {
    if (call.ringAt < period.from || call.ringAt >= period.to) continue
    add('calls')
    if (call.answeredAt !== undefined) time('answer', call.region, call.level, call.ringAt, call.answeredAt)
    else if (call.abandonedAt !== undefined || call.outcome === 'abandoned') add('abandoned')
    else if (call.outcome === undefined) add('ringing')
    else time('answer', call.region, call.level, call.ringAt, undefined)
  }
  for (const incident of incidents.values()) {
    if (incident.openedAt < period.from || incident.openedAt >= period.to) continue
    add('incidents')
    const units = [...new Set(incident.stamps.filter(s => s.name === 'ordered').map(s => s.unitId))]
    const said = (unitId: string, ...names: string[]) =>
      incident.stamps.some(s => s.unitId === unitId && names.includes(s.name))
    const first = pickFirst(incident, 'ordered')
    if (first) {
      time('order', incident.region, incident.level, pick(incident, 'answered', ''), first)
      const arrived = pickFirst(incident, 'on-scene')
      const start = pick(incident, reactionFrom === 'ring' ? 'ring' : 'answered', '')
      if (arrived) time('reaction', incident.region, incident.level, start, arrived)
      else if (incident.closed && units.some(unitId => !said(unitId, 'released')))
        time('reaction', incident.region, incident.level, start, undefined)
    }
    if (incident.outcome !== 'false-call')
      for (const key of spread('fulfilment', incident.region, incident.level))
        parts.push({ key, hit: first !== undefined })
    for (const unitId of units) {
      const isOut = said(unitId, 'rolling', 'on-scene', 'loaded', 'at-hospital', 'handover')
      const isOver = incident.closed || said(unitId, 'released', 'returning', 'idle', 'unavailable')
      if (isOut) {
        add('runs')
        time(
          'rolling',
          incident.region,
          incident.level,
          pick(incident, 'ordered', unitId),
          pick(incident, 'rolling', unitId),
        )
        if (!isOver) add('runsOn')
        else
          for (const key of spread('empty', incident.region, incident.level))
            parts.push({ key, hit: !said(unitId, 'loaded', 'at-hospital', 'handover') })
      } else if (said(unitId, 'released')) add('withdrawn')
      else if (isOver) time('rolling', incident.region, incident.level, pick(incident, 'ordered', unitId), undefined)
    }
  }

  const times = new Map<string, RawFigure>()
  for (const key of new Set(samples.map(s => s.key))) {
    const of = samples.filter(s => s.key === key)
    const good = of.flatMap(s => (s.ms !== undefined && s.ms >= 0 ? [s.ms] : [])).sort((a, b) => a - b)
    const limitMs = limits[key.split('|')[0]!]! * 1000
    // The k-th of n is the smallest value with at least that share of all values at or below it.
    const rank = (share: number) => {
      for (let k = 0; k < good.length; k++) if ((k + 1) / good.length >= share - 1e-12) return good[k]! / 1000
      return undefined
    }
    const figure: RawFigure = {
      n: good.length,
      missing: of.filter(s => s.ms === undefined).length,
      reversed: of.filter(s => s.ms !== undefined && s.ms < 0).length,
      within: good.filter(ms => ms <= limitMs).length,
      edited: of.filter(s => s.ms !== undefined && s.ms >= 0 && s.edited).length,
      offline: of.filter(s => s.ms !== undefined && s.ms >= 0 && s.late).length,
    }
    if (good.length > 0) {
      figure.meanS = good.reduce((sum, ms) => sum + ms / 1000, 0) / good.length
      figure.p50S = rank(0.5)!
      figure.p90S = rank(0.9)!
    }
    times.set(key, figure)
  }
  const shares = new Map<string, { numerator: number; denominator: number }>()
  for (const part of parts) {
    const row = shares.get(part.key) ?? { numerator: 0, denominator: 0 }
    row.denominator++
    if (part.hit) row.numerator++
    shares.set(part.key, row)
  }
  return { counts, times, shares }
}
