/**
 * Address worker: a thread that reads the gazetteer of the region pack, builds the index and answers searches in their order.
 * Started and listened to by thread.ts. The line's thread never holds the names and never searches them.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { Reject } from '#contract/errors.ts'
import { readGazetteer } from './gazetteer.ts'
import { type AddressOrder, buildAddressIndex, type FoundHit, searchAddresses } from './search.ts'

/** What the thread says: once what it holds, then one answer an order. */
export type AddressWord =
  | { holds: 'names'; version: string; name: string; rowCount: number; formCount: number; buildMs: number }
  | { holds: 'nothing' }
  | { holds: 'refused'; refused: Reject }
  | { orderNo: number; hits: FoundHit[]; tookMs: number }

const say = (word: AddressWord): void => parentPort?.postMessage(word)

const startedMs = performance.now()
const directory = (workerData as { directory: string | undefined }).directory
const read = directory === undefined ? undefined : await readGazetteer(directory)
const rows = read && !('refused' in read) ? read.rows : []
const index = buildAddressIndex(rows)
parentPort?.on('message', (order: AddressOrder & { orderNo: number }) => {
  const fromMs = performance.now()
  const hits = searchAddresses(index, order)
  say({ orderNo: order.orderNo, hits, tookMs: performance.now() - fromMs })
})
if (read === undefined) say({ holds: 'nothing' })
else if ('refused' in read) say({ holds: 'refused', refused: read.refused })
else
  say({
    holds: 'names',
    version: read.head.version,
    name: read.head.name,
    rowCount: rows.length,
    formCount: index.formRow.length,
    buildMs: performance.now() - startedMs,
  })
