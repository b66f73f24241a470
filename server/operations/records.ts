/**
 * Records: the sealed fields of a call, incident or card as the log holds them, and the erasures the log remembers. What
 * identity/ opens for a person after the look itself is committed.
 */
import type { Pool } from 'pg'
import { kinds, type RecordKind, sealedPrefix } from '#contract/entry.ts'
import { listRecordBodies } from '../query/sql.ts'
import type { World } from '../state/world.ts'
import { listForgottenRows } from './sql.ts'

const kindOf = { call: 'call.received', incident: 'incident.opened', card: 'report.received' } as const

/** Newest sealed value of each personal field of a record; undefined when there is no such record. */
export async function findSealedRecord(
  pool: Pool,
  world: World,
  recordKind: RecordKind,
  recordId: string,
): Promise<{ regionCode: string; fields: Record<string, string>; unitIds?: string[] } | undefined> {
  const bodies = await listRecordBodies(pool, recordKind, recordId)
  // A card can be corrected into another region: the newest word counts. A call or an incident stays where it was opened.
  const codes = bodies.map(body => body.regionCode).filter(code => typeof code === 'string')
  const regionCode = recordKind === 'card' ? codes.at(-1) : codes[0]
  if (regionCode === undefined) return undefined
  const fields: Record<string, string> = {}
  for (const body of bodies)
    for (const name of kinds[kindOf[recordKind]].personal) {
      const value = body[name]
      if (typeof value === 'string' && value.startsWith(sealedPrefix)) fields[name] = value
    }
  const incidentId =
    recordKind === 'call' ? world.calls.get(recordId)?.incidentId : recordKind === 'incident' ? recordId : undefined
  const incident = incidentId === undefined ? undefined : world.incidents.get(incidentId)
  const unitIds = incident
    ? [...new Set([...incident.unitIds, ...incident.stamps.flatMap(s => s.unitId ?? [])])]
    : undefined
  return { regionCode, fields, ...(unitIds ? { unitIds } : {}) }
}

/** Every erasure the log knows. */
export async function listForgotten(pool: Pool): Promise<{ recordKind: RecordKind; recordId: string }[]> {
  return listForgottenRows(pool)
}
