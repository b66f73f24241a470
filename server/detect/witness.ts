/**
 * Witnesses: how many sources really stand behind several kinds of signal. Part of `detect/`, pure. Two kinds told by one and
 * the same facility are one witness: every kind must be vouched for by a facility of its own.
 */

/** Facilities looked at per kind; beyond it the kind has witnesses enough. */
export const facilitiesMax = 512

/**
 * Number of kinds that can be vouched for by facilities of their own: a largest matching of kinds to facilities. A kind
 * without known facilities (calls, an analyst) vouches for itself. More kinds or facilities never make it smaller.
 * @source augmenting paths (Berge 1957; Kuhn 1955).
 */
export function countWitnesses(facilitiesByKind: readonly (ReadonlySet<string> | undefined)[]): number {
  const holder = new Map<string, number>()
  const lists = facilitiesByKind.map((facilities, kind) =>
    facilities && facilities.size > 0 ? [...facilities].slice(0, facilitiesMax) : [`\u0000${kind}`],
  )
  const place = (kind: number, seen: Set<string>): boolean => {
    for (const facility of lists[kind]!) {
      if (seen.has(facility)) continue
      seen.add(facility)
      const held = holder.get(facility)
      if (held === undefined || place(held, seen)) {
        holder.set(facility, kind)
        return true
      }
    }
    return false
  }
  let placed = 0
  for (let kind = 0; kind < lists.length; kind++) if (place(kind, new Set())) placed++
  return placed
}
