/**
 * Packs at the door: a broken pack is never published, and one without a physician's approval is asked in a demo or a drill alone.
 * Stands beside admit.ts; pure.
 */
import type { Kind } from '#contract/entry.ts'
import { type Reject, reject } from '#contract/errors.ts'
import { listPackFaults, Pack } from '#contract/pack.ts'
import type { World } from '../state/world.ts'

/** Faults told at once; the rest is counted. */
const toldMax = 3

/** The refusal for a pack or for answers to one; undefined for other kinds and for what holds. */
export function judgePack(
  world: World,
  mayDrill: boolean,
  kind: Kind,
  body: Readonly<Record<string, unknown>>,
): Reject | undefined {
  if (kind === 'pack.published') {
    const shape = Pack.safeParse(body)
    // The shape itself is refused by admit with the field that is wrong.
    const faults = shape.success ? listPackFaults(shape.data) : []
    if (!shape.success || faults.length === 0) return undefined
    const more = faults.length > toldMax ? ` (+${faults.length - toldMax})` : ''
    const told = faults.slice(0, toldMax)
    return reject('PACK_INVALID', {
      packId: shape.data.packId,
      whyZh: told.map(each => each.zh).join(';') + more,
      whyEn: told.map(each => each.en).join('; ') + more,
    })
  }
  if (kind !== 'incident.questioned' || mayDrill || typeof body.packId !== 'string') return undefined
  const pack = world.packs.get(body.packId)
  return pack && !pack.approval ? reject('PACK_UNAPPROVED', { packId: body.packId }) : undefined
}
