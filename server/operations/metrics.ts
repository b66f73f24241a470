/**
 * Metrics: what an operator watches, in Prometheus form. Figures are read from the running parts when asked; no personal data,
 * no ids, label sets are closed lists.
 */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'

export type MetricsPorts = {
  logSeq(): number
  worldSeq(): number
  waiting(): Record<'urgent' | 'live' | 'backfill', number>
  commits(): number
  clients(): { clients: number; behind: number; packets: number }
  openAlerts(): number
  quarantined(): number
  tickAgeMs(): number
  projectionWaiting(): number
}

export type Metrics = {
  count(result: 'done' | 'refused', code: string, n: number): void
  read(): Promise<{ type: string; text: string }>
}

/** Builds the registry over the running parts. */
export function createMetrics(ports: MetricsPorts): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'vigil_' })
  const entries = new Counter({
    name: 'vigil_entries_total',
    help: 'Entries by outcome',
    labelNames: ['result', 'code'],
    registers: [registry],
  })
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read())
      },
    })
  gauge('vigil_log_seq', 'Newest seq in the log', ports.logSeq)
  gauge('vigil_log_lag', 'Entries in the log the world has not folded', () => ports.logSeq() - ports.worldSeq())
  gauge('vigil_commits_total', 'Group commits since start', ports.commits)
  gauge('vigil_clients', 'Consoles connected', () => ports.clients().clients)
  gauge('vigil_clients_behind', 'Consoles that read slower than they are told', () => ports.clients().behind)
  gauge('vigil_packets_total', 'Packets sent to rooms and slow clients', () => ports.clients().packets)
  gauge('vigil_alerts_open', 'Alerts nobody has answered', ports.openAlerts)
  gauge('vigil_quarantined_total', 'Entries set aside', ports.quarantined)
  gauge('vigil_tick_age_ms', 'Age of the newest tick', ports.tickAgeMs)
  gauge('vigil_projection_waiting', 'Records waiting for the tables', ports.projectionWaiting)
  new Gauge({
    name: 'vigil_lane_waiting',
    help: 'Entries waiting by lane',
    labelNames: ['lane'],
    registers: [registry],
    collect() {
      for (const [lane, n] of Object.entries(ports.waiting())) this.set({ lane }, n)
    },
  })
  return {
    count: (result, code, n) => entries.inc({ result, code }, n),
    read: async () => ({ type: registry.contentType, text: await registry.metrics() }),
  }
}
