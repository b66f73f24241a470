/**
 * The files of deploy/, linted: they were never run here, so what can be known without an engine is checked. Shapes parse, every setting
 * exists, every metric is exported, every probe and route stands at a door, every image has an exact version, every role is there twice.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { parse, parseAllDocuments } from 'yaml'
import { loadConfig } from '../../server/config.ts'
import { createMetrics } from '../../server/operations/metrics.ts'

const root = resolve(import.meta.dirname, '../..')
const read = (name: string) => readFileSync(join(root, 'deploy', name), 'utf8')
type Service = {
  image?: string
  environment?: Record<string, string>
  healthcheck?: { test?: string[]; disable?: boolean }
  volumes?: string[]
  secrets?: string[]
}
const compose = parse(read('compose.yaml'), { merge: true }) as {
  services: Record<string, Service>
  volumes: Record<string, unknown>
  secrets: Record<string, { file: string }>
}
type Manifest = {
  kind: string
  metadata: { name: string; namespace?: string }
  spec: {
    replicas?: number
    selector?: { matchLabels?: Record<string, string> }
    template?: { spec: { containers: Container[]; volumes?: { name: string }[] } }
    minAvailable?: number
    volumeClaimTemplates?: { metadata: { name: string } }[]
    scaleTargetRef?: { kind: string; name: string }
    metrics?: { pods: { metric: { name: string } } }[]
  }
}
type Container = {
  name: string
  image: string
  command?: string[]
  env: { name: string; value: string }[]
  ports?: { containerPort: number }[]
  livenessProbe?: { httpGet: { path: string } }
  readinessProbe?: { httpGet: { path: string } }
  resources?: { requests?: object; limits?: object }
  volumeMounts?: { name: string }[]
}
const manifests = parseAllDocuments(read('kubernetes/vigil.yaml')).map(document => {
  assert.deepEqual(document.errors, [])
  return document.toJS() as Manifest
})
const workloads = manifests.filter(each => each.kind === 'Deployment' || each.kind === 'StatefulSet')

/** Fills what an operator fills, so that the settings can be read as the server would. */
function fill(environment: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).map(([key, value]) => [
      key,
      String(value)
        .replaceAll(/\$\{VIGIL_PUBLIC_URL[^}]*\}/g, 'https://vigil.example')
        .replaceAll(/\$\{PAGER:-dry\}/g, 'dry')
        .replaceAll(/\$\{VIGIL_DATABASE_PASSWORD[^}]*\}/g, 'x'),
    ]),
  )
}

/** Names of the metrics the server exports. */
async function listMetrics(): Promise<Set<string>> {
  const zero = () => 0
  const { text } = await createMetrics({
    logSeq: zero,
    worldSeq: zero,
    waiting: () => ({ urgent: 0, live: 0, backfill: 0 }),
    commits: zero,
    clients: () => ({ clients: 0, behind: 0, packets: 0 }),
    openAlerts: zero,
    quarantined: zero,
    tickAgeMs: zero,
    projectionWaiting: zero,
  }).read()
  return new Set(text.match(/^# TYPE (\w+)/gm)!.map(line => line.slice(7)))
}

test('OPS-50 compose: every server starts with settings that exist, two of each role, exact images, nothing secret inside', () => {
  const servers = Object.entries(compose.services).filter(([, service]) => service.image?.startsWith('vigil:'))
  const roles = servers.map(([, { environment }]) => loadConfig(fill(environment!)).role).sort()
  assert.deepEqual(roles, ['fanout', 'fanout', 'intake', 'intake', 'line', 'line'])
  for (const [name, { image, healthcheck }] of Object.entries(compose.services)) {
    assert.match(image!, /^[\w/.-]+:\d+\.\d+(\.\d+)?([\w.-]*)$/, `${name}: ${image}`)
    if (healthcheck?.test?.join(' ').includes('8120')) assert.match(healthcheck.test.join(' '), /\/healthz/)
  }
  assert.doesNotMatch(read('compose.yaml'), /password\s*[:=]\s*["']?\w{4,}["']?\s*$/im)
  for (const { secrets = [], volumes = [] } of Object.values(compose.services)) {
    for (const secret of secrets) assert.ok(compose.secrets[secret])
    for (const volume of volumes) {
      const source = volume.split(':')[0]!
      assert.ok(source.startsWith('./') || source in compose.volumes, volume)
    }
  }
})

test('OPS-51 kubernetes: roles in pairs with a budget, live and ready told apart, keys mounted, a job for the schema first', () => {
  assert.deepEqual(
    workloads.map(({ metadata, spec }) => [metadata.name, spec.replicas]),
    [
      ['line', 2],
      ['intake', 2],
      ['fanout', 2],
    ],
  )
  for (const { metadata, spec } of workloads) {
    const [container] = spec.template!.spec.containers
    const environment = Object.fromEntries(container!.env.map(({ name, value }) => [name, value]))
    // What the secret holds.
    const config = loadConfig({
      ...environment,
      DATABASE_URL: 'postgres://x',
      REDIS_URL: 'redis://x',
      VIGIL_PUBLIC_URL: 'https://vigil.example',
    })
    assert.equal(config.role, metadata.name)
    assert.equal(container!.ports![0]!.containerPort, config.port)
    assert.equal(container!.readinessProbe!.httpGet.path, '/readyz')
    if (container!.livenessProbe) assert.equal(container!.livenessProbe.httpGet.path, '/healthz')
    assert.ok(container!.resources?.requests && container!.resources.limits)
    const mounted = new Set([
      ...(spec.template!.spec.volumes ?? []).map(volume => volume.name),
      ...(spec.volumeClaimTemplates ?? []).map(claim => claim.metadata.name),
    ])
    for (const { name } of container!.volumeMounts!) assert.ok(mounted.has(name), name)
    assert.ok(manifests.some(each => each.kind === 'PodDisruptionBudget' && each.metadata.name === metadata.name))
  }
  const job = manifests.find(each => each.kind === 'Job')!.spec.template!.spec.containers[0]!
  readFileSync(join(root, job.command![1]!))
  for (const each of manifests) assert.ok(each.kind === 'Namespace' || each.metadata.namespace === 'vigil')
})

test('OPS-52 alerts, dashboard and autoscaling ask only for metrics the server has; thresholds are numbers, texts in two languages', async () => {
  const metrics = await listMetrics()
  const named = (text: string) => [...text.matchAll(/\bvigil_[a-z_]+/g)].map(([name]) => name)
  const groups = (
    parse(read('prometheus-alerts.yaml')) as {
      groups: {
        rules: { alert: string; expr: string; labels: { severity: string }; annotations: { summary: string } }[]
      }[]
    }
  ).groups
  const rules = groups.flatMap(group => group.rules)
  assert.ok(rules.length >= 6)
  for (const { alert, expr, labels, annotations } of rules) {
    for (const name of named(expr)) assert.ok(metrics.has(name), `${alert}: ${name}`)
    assert.match(expr, /> \d+$/)
    assert.match(labels.severity, /^(page|ticket)$/)
    assert.match(annotations.summary, /[\u4e00-\u9fff].*[a-z]/)
  }
  const board = JSON.parse(read('grafana/vigil.json')) as { panels: { targets: { expr: string }[] }[] }
  for (const { targets } of board.panels)
    for (const { expr } of targets) {
      assert.ok(named(expr).length > 0)
      for (const name of named(expr)) assert.ok(metrics.has(name), name)
    }
  const scaler = manifests.find(each => each.kind === 'HorizontalPodAutoscaler')!
  assert.ok(metrics.has(scaler.spec.metrics![0]!.pods.metric.name))
  assert.ok(workloads.some(each => each.metadata.name === scaler.spec.scaleTargetRef!.name))
})

test('OPS-53 the proxy sends entries to the doors in and keeps a websocket with the door out it began at', () => {
  const proxy = read('haproxy.cfg')
  assert.match(proxy, /use_backend intake if \{ path \/v1\/entries \} METH_POST/)
  assert.match(proxy, /backend fanout[\s\S]*cookie vigil-door insert/)
  for (const [, name] of proxy.matchAll(/server ([\w-]+) /g)) assert.ok(compose.services[name!], name)
  assert.equal(proxy.match(/GET \/readyz/g)?.length, 2)
})
