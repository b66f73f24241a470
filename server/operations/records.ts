/**
 * Records: the sealed fields of a call, incident or card as the log holds them, and the erasures the log remembers. What
 * identity/ opens for a person after the look itself is committed.
 */
import type { Pool } from 'pg'
import { kinds, type RecordKind, sealedPrefix } from '#contract/entry.ts'
import type { SealedRecord } from '../identity/identity.ts'
import { listRecordBodies } from '../query/sql.ts'
import type { World } from '../state/world.ts'
import { listForgottenRows } from './sql.ts'

/** Personal fields of a kind of record, whichever of its kinds of entry brought them. */
function listPersonal(recordKind: RecordKind): ReadonlySet<string> {
  return new Set(Object.values(kinds).flatMap(row => (row.record?.kind === recordKind ? row.personal : [])))
}

/** Most notes of one incident that are read back; `listRecordBodies` pages at 200 entries. */
export const notesMax = 100

/**
 * Sealed fields of a record, the newest value of each, and every note of an incident in the order they were written; undefined
 * when there is no such record. `seenBy`: other centres that were shown the case.
 */
export async function findSealedRecord(
  pool: Pool,
  world: World,
  recordKind: RecordKind,
  recordId: string,
): Promise<SealedRecord | undefined> {
  const rows = await listRecordBodies(pool, recordKind, recordId)
  // A card can be corrected into another region: the newest word counts. A call or an incident stays where it was opened.
  const codes = rows.map(({ body }) => body.regionCode).filter(code => typeof code === 'string')
  const regionCode = recordKind === 'card' ? codes.at(-1) : codes[0]
  const incidentId =
    recordKind === 'call' ? world.calls.get(recordId)?.incidentId : recordKind === 'incident' ? recordId : undefined
  const incident = incidentId === undefined ? undefined : world.incidents.get(incidentId)
  // A case that was split off or reopened has no text of its own yet, but it has its notes.
  const where = regionCode ?? (rows.length > 0 ? incident?.regionCode : undefined)
  if (where === undefined) return undefined
  const personal = listPersonal(recordKind)
  const fields: Record<string, string> = {}
  const notes: { at: number; by: string; sealed: string }[] = []
  for (const { body, loggedAt, by } of rows)
    for (const name of personal) {
      const value = body[name]
      if (typeof value !== 'string' || !value.startsWith(sealedPrefix)) continue
      fields[name] = value
      if (recordKind === 'incident' && name === 'note') notes.push({ at: loggedAt, by, sealed: value })
    }
  const unitIds = incident
    ? // Who was only to come next, and was withdrawn, had no part in it.
      [
        ...new Set([
          ...incident.unitIds,
          ...(incident.nextUnitIds ?? []),
          ...incident.stamps.flatMap(s => (s.stamp === 'ordered' && s.unitId) || []),
        ]),
      ]
    : undefined
  const seenBy = [...(incident?.visibleTo ?? []), ...(incident?.ownerCode === undefined ? [] : [incident.ownerCode])]
  return {
    regionCode: where,
    fields,
    ...(unitIds ? { unitIds } : {}),
    ...(notes.length > 0 ? { notes: notes.slice(-notesMax) } : {}),
    ...(seenBy.length > 0 ? { seenBy } : {}),
  }
}

/** Every erasure the log knows. */
export async function listForgotten(pool: Pool): Promise<{ recordKind: RecordKind; recordId: string }[]> {
  return listForgottenRows(pool)
}
