/**
 * Health: GET /healthz (one JSON of everything) and GET /metrics (Prometheus) on loopback. Stands beside the gateway and only
 * reads. Promises: 200 while data flow or wait safely, 503 when something must be done; no body of an entry is ever shown.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Gauge, Registry } from 'prom-client'
import type { Listener, ListenerCounts } from './sources/jt808-listener.ts'
import type { SpoolState } from './spool.ts'
import type { UplinkState } from './uplink.ts'

/** A gateway whose oldest unsent entry is older than this says `late`. */
const lateAfterMs = 60_000
/** Our clock and the server's differ by more than this: positions may be refused as future, times are shown wrong. */
const clockOffMaxMs = 60_000
/** How long a failure to store is shown. */
const unstoredShownMs = 5 * 60_000
/** Share of the spool's bytes from which it says `filling`. */
const fillingShare = 0.8

export type GatewayHealth = {
  isAlive: true
  /** What somebody should know, as stable words: away, refused, late, filling, shedding, clock-off, broken-spool, unstored. */
  troubles: string[]
  at: number
  startedAt: number
  spool: SpoolState
  uplink: UplinkState
  listeners: { kind: string; transport: string; host: string; port: number; counts: ListenerCounts }[]
}

export type HealthPorts = {
  port: number
  now: () => number
  startedAt: number
  getSpool: () => SpoolState
  getUplink: () => UplinkState
  listeners: readonly Listener[]
}

/** Judges the state of the gateway in words. */
export function listTroubles(health: Omit<GatewayHealth, 'troubles' | 'isAlive'>): string[] {
  const { spool, uplink, at } = health
  const troubles: string[] = []
  if (uplink.trouble !== undefined) troubles.push('away')
  if (Object.keys(uplink.refused).length > 0) troubles.push('refused')
  if (spool.oldestWaitingAt !== undefined && at - spool.oldestWaitingAt > lateAfterMs) troubles.push('late')
  if (spool.bytes > spool.bytesMax * fillingShare && spool.waitingCount > spool.keptCount) troubles.push('filling')
  // an hour is how long a gap row collects
  if (spool.lastGaps.some(gap => at - gap.madeAt < 3_600_000)) troubles.push('shedding')
  if (uplink.clock && Math.abs(uplink.clock.offsetMs) - uplink.clock.withinMs > clockOffMaxMs)
    troubles.push('clock-off')
  if (spool.brokenFile !== undefined) troubles.push('broken-spool')
  if (health.listeners.some(({ counts }) => counts.unstoredAt > 0 && at - counts.unstoredAt < unstoredShownMs))
    troubles.push('unstored')
  return troubles
}

/** Starts the health door on 127.0.0.1; answers its address. */
export async function startHealth(ports: HealthPorts): Promise<{ url: string; stop(): Promise<void> }> {
  const read = (): GatewayHealth => {
    const state = {
      at: ports.now(),
      startedAt: ports.startedAt,
      spool: ports.getSpool(),
      uplink: ports.getUplink(),
      listeners: ports.listeners.map(listener => ({
        kind: listener.kind,
        transport: listener.transport,
        host: listener.host,
        port: listener.port,
        counts: listener.getCounts(),
      })),
    }
    return { isAlive: true, troubles: listTroubles(state), ...state }
  }

  const registry = new Registry()
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge<L>({ name: `vigil_gateway_${name}`, help, labelNames: [...labelNames], registers: [registry] })
  const gauges = {
    waiting: gauge('spool_waiting', 'Entries not yet answered by the server', ['kind']),
    kept: gauge('spool_kept', 'Answered entries kept for a restored server'),
    bytes: gauge('spool_bytes', 'Bytes in the spool'),
    shed: gauge('spool_shed', 'Entries given up, ever', ['kind', 'reason']),
    oldest: gauge('spool_oldest_seconds', 'Age of the oldest unanswered entry'),
    sent: gauge('uplink_sent', 'Entries answered since the start', ['lane']),
    repeated: gauge('uplink_repeated', 'Entries the server had already'),
    refused: gauge('uplink_refused', 'Entries the server refused for good', ['code']),
    connected: gauge('uplink_connected', '1 while the server answers'),
    clock: gauge('clock_offset_seconds', 'Clock of the server minus our clock'),
    connections: gauge('source_connections', 'Open connections', ['kind', 'port']),
    frames: gauge('source_frames', 'Frames since the start', ['kind', 'port']),
    stored: gauge('source_stored', 'Entries stored since the start', ['kind', 'port']),
    unstored: gauge('source_unstored', 'Entries that could not be stored and were not acknowledged', ['kind', 'port']),
    alarms: gauge('source_alarms', 'Refusals since the start', ['kind', 'port', 'code']),
  }
  const writeMetrics = async (): Promise<string> => {
    const { spool, uplink, listeners, at } = read()
    registry.resetMetrics()
    for (const [kind, count] of Object.entries(spool.waiting)) gauges.waiting.set({ kind }, count)
    gauges.kept.set(spool.keptCount)
    gauges.bytes.set(spool.bytes)
    for (const { kind, reason, count } of spool.gaps) gauges.shed.set({ kind, reason }, count)
    gauges.oldest.set(spool.oldestWaitingAt === undefined ? 0 : (at - spool.oldestWaitingAt) / 1_000)
    for (const lane of ['record', 'live'] as const) gauges.sent.set({ lane }, uplink.sent[lane])
    gauges.repeated.set(uplink.repeated)
    for (const [code, count] of Object.entries(uplink.refused)) gauges.refused.set({ code }, count)
    gauges.connected.set(uplink.isConnected ? 1 : 0)
    if (uplink.clock) gauges.clock.set(uplink.clock.offsetMs / 1_000)
    for (const { kind, port, counts } of listeners) {
      const labels = { kind, port: String(port) }
      gauges.connections.set(labels, counts.connections)
      gauges.frames.set(labels, counts.frames)
      gauges.stored.set(labels, counts.stored)
      gauges.unstored.set(labels, counts.unstored)
      for (const [code, count] of Object.entries(counts.alarms)) gauges.alarms.set({ ...labels, code }, count)
    }
    return registry.metrics()
  }

  const answer = async (path: string): Promise<{ status: number; type: string; text: string }> => {
    if (path === '/healthz') {
      const health = read()
      const isWell = !health.troubles.some(trouble => trouble === 'unstored' || trouble === 'broken-spool')
      return { status: isWell ? 200 : 503, type: 'application/json; charset=utf-8', text: JSON.stringify(health) }
    }
    if (path === '/metrics') return { status: 200, type: registry.contentType, text: await writeMetrics() }
    return { status: 404, type: 'text/plain; charset=utf-8', text: '没有这个地址 / no such address\n' }
  }

  const server = createServer(
    { requestTimeout: 5_000, headersTimeout: 5_000, maxHeaderSize: 8_192 },
    (request, reply) => {
      if (request.method !== 'GET') return reply.writeHead(405).end()
      answer((request.url ?? '/').split('?')[0]!)
        .then(({ status, type, text }) => reply.writeHead(status, { 'content-type': type }).end(text))
        .catch(() => reply.writeHead(500).end())
    },
  )
  server.maxConnections = 32
  server.listen({ host: '127.0.0.1', port: ports.port })
  await new Promise<void>((resolve, reject) => server.once('listening', resolve).once('error', reject))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
