/**
 * Configuration: the only reader of process.env. One strict schema; a misspelt VIGIL_… key stops the boot; secrets have no
 * default and are masked when shown. Rules, thresholds and regions are not configuration but published entries.
 */
import { resolve } from 'node:path'
import { z } from 'zod'

const Flag = z.stringbool()

const Environment = z.strictObject({
  /** PostgreSQL ≥ 15, best with TimescaleDB. Without it the embedded database runs in the data directory. */
  DATABASE_URL: z.string().min(1).optional(),
  /** `live` sends pages; anything else says what would have been sent. */
  PAGER: z.enum(['live', 'dry']).default('dry'),
  /** `on` opens the one-key call page (call.html) to people nobody knows. Off: the network is closed. */
  PUBLIC_CALLS: z.enum(['on', 'off']).default('off'),
  /** `entries`: a player ticks and the city lives in its recordings' year. */
  CLOCK: z.enum(['wall', 'entries']).default('wall'),
  VIGIL_HOST: z.string().default('127.0.0.1'),
  VIGIL_PORT: z.coerce.number().int().min(0).max(65_535).default(8_120),
  VIGIL_DATA: z.string().default('.vigil'),
  /** Loopback port of the embedded database, for `psql`; its password stands in <data>/database/password. */
  VIGIL_EMBEDDED_PORT: z.coerce.number().int().min(1).max(65_535).optional(),
  /** File with the 32-byte master key; created by itself for the embedded database only. */
  VIGIL_MASTER_KEY_FILE: z.string().optional(),
  VIGIL_TLS_CERT_FILE: z.string().optional(),
  VIGIL_TLS_KEY_FILE: z.string().optional(),
  /** Folder with pack.json (BasemapPack) of the region and, if any, its roads: roads.json, or nodes.csv and arcs.csv (roads/pack.ts). */
  VIGIL_REGION_PACK: z.string().optional(),
  /** The operator's own Mapbox token; without it the map is MapLibre and sends nothing out. */
  VIGIL_MAPBOX_TOKEN: z.string().optional(),
  VIGIL_PAGER_SMS_URL: z.url().optional(),
  VIGIL_PAGER_WEBHOOK_URL: z.url().optional(),
  VIGIL_PAGER_SECRET: z.string().min(16).optional(),
  /** Address consoles are reached at: links in pages and the allowed Origin behind a proxy. */
  VIGIL_PUBLIC_URL: z.url().optional(),
  VIGIL_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent']).default('info'),
  /** Days of positions and vitals kept; the log's commits and the small kinds are kept for good. */
  VIGIL_RETENTION_DAYS: z.coerce.number().int().min(1).max(3_650).default(30),
  VIGIL_CHECKPOINT_ENTRIES: z.coerce.number().int().min(1_000).max(10_000_000).default(200_000),
  VIGIL_DEMO: Flag.default(false),
  /** Carries between the processes of one city; with it a process may be the line, the door in or the door out alone. */
  REDIS_URL: z
    .string()
    .regex(/^(rediss?|unix):\/\/./)
    .optional(),
  VIGIL_ROLE: z.enum(['all', 'line', 'intake', 'fanout']).default('all'),
})

export type Config = {
  databaseUrl?: string
  pager: 'live' | 'dry'
  publicCalls: boolean
  clock: 'wall' | 'entries'
  host: string
  port: number
  dataDirectory: string
  masterKeyFile: string
  tls?: { certFile: string; keyFile: string }
  regionPack?: string
  mapboxToken?: string
  pagerSmsUrl?: string
  pagerWebhookUrl?: string
  pagerSecret?: string
  publicUrl?: string
  logLevel: string
  retentionDays: number
  checkpointEntries: number
  demo: boolean
  role: 'all' | 'line' | 'intake' | 'fanout'
  redisUrl?: string
  /** Loopback port of the embedded database for `psql`; undefined: only its private socket. */
  embeddedPort?: number
}

/** A configuration that cannot be started with; its text says what to change. */
export class ConfigFault extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ConfigFault'
  }
}

const loopback = new Set(['127.0.0.1', '::1', 'localhost'])

/** Reads the environment. Throws ConfigFault for unknown VIGIL_ keys, bad values, and plain http beyond loopback. */
export function loadConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  const known = new Set(Object.keys(Environment.shape))
  const read: Record<string, string> = {}
  for (const [key, value] of Object.entries(environment)) {
    if (value === undefined || value === '') continue
    if (key.startsWith('VIGIL_') && !known.has(key))
      throw new ConfigFault(`unknown setting ${key} / 未知的配置项 ${key}`)
    if (known.has(key)) read[key] = value
  }
  const parsed = Environment.safeParse(read)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw new ConfigFault(`setting ${issue.path.join('.')} is not correct: ${issue.message} / 配置项不正确`)
  }
  const e = parsed.data
  if ((e.VIGIL_TLS_CERT_FILE === undefined) !== (e.VIGIL_TLS_KEY_FILE === undefined))
    throw new ConfigFault('VIGIL_TLS_CERT_FILE and VIGIL_TLS_KEY_FILE go together / 证书与私钥须同时配置')
  if (
    !loopback.has(e.VIGIL_HOST) &&
    e.VIGIL_TLS_CERT_FILE === undefined &&
    e.VIGIL_PUBLIC_URL?.startsWith('https:') !== true
  )
    throw new ConfigFault(
      'beyond loopback TLS is required: set VIGIL_TLS_CERT_FILE and VIGIL_TLS_KEY_FILE, or VIGIL_PUBLIC_URL=https://… behind a proxy / 非本机访问必须启用 TLS',
    )
  if (e.DATABASE_URL !== undefined && e.VIGIL_MASTER_KEY_FILE === undefined)
    throw new ConfigFault('with DATABASE_URL, VIGIL_MASTER_KEY_FILE is required / 使用外部数据库时必须指定主密钥文件')
  if (e.VIGIL_ROLE !== 'all' && (e.REDIS_URL === undefined || e.DATABASE_URL === undefined))
    throw new ConfigFault(
      'VIGIL_ROLE other than all needs REDIS_URL and DATABASE_URL / 拆分进程角色须同时配置 REDIS_URL 与 DATABASE_URL',
    )
  const dataDirectory = resolve(e.VIGIL_DATA)
  return {
    ...(e.DATABASE_URL === undefined ? {} : { databaseUrl: e.DATABASE_URL }),
    pager: e.PAGER,
    publicCalls: e.PUBLIC_CALLS === 'on',
    clock: e.CLOCK,
    host: e.VIGIL_HOST,
    port: e.VIGIL_PORT,
    dataDirectory,
    ...(e.VIGIL_EMBEDDED_PORT === undefined ? {} : { embeddedPort: e.VIGIL_EMBEDDED_PORT }),
    masterKeyFile: e.VIGIL_MASTER_KEY_FILE ?? resolve(dataDirectory, 'master.key'),
    ...(e.VIGIL_TLS_CERT_FILE === undefined
      ? {}
      : { tls: { certFile: e.VIGIL_TLS_CERT_FILE, keyFile: e.VIGIL_TLS_KEY_FILE! } }),
    ...(e.VIGIL_REGION_PACK === undefined ? {} : { regionPack: e.VIGIL_REGION_PACK }),
    ...(e.VIGIL_MAPBOX_TOKEN === undefined ? {} : { mapboxToken: e.VIGIL_MAPBOX_TOKEN }),
    ...(e.VIGIL_PAGER_SMS_URL === undefined ? {} : { pagerSmsUrl: e.VIGIL_PAGER_SMS_URL }),
    ...(e.VIGIL_PAGER_WEBHOOK_URL === undefined ? {} : { pagerWebhookUrl: e.VIGIL_PAGER_WEBHOOK_URL }),
    ...(e.VIGIL_PAGER_SECRET === undefined ? {} : { pagerSecret: e.VIGIL_PAGER_SECRET }),
    ...(e.VIGIL_PUBLIC_URL === undefined ? {} : { publicUrl: e.VIGIL_PUBLIC_URL }),
    logLevel: e.VIGIL_LOG_LEVEL,
    retentionDays: e.VIGIL_RETENTION_DAYS,
    checkpointEntries: e.VIGIL_CHECKPOINT_ENTRIES,
    demo: e.VIGIL_DEMO,
    role: e.VIGIL_ROLE,
    ...(e.REDIS_URL === undefined ? {} : { redisUrl: e.REDIS_URL }),
  }
}

/** True when people reach this server by https, by itself or by its proxy. */
export function isServedSecurely(config: Pick<Config, 'tls' | 'publicUrl'>): boolean {
  return config.tls !== undefined || config.publicUrl?.startsWith('https:') === true
}

/** The configuration with every secret masked, for the first log line. */
export function maskConfig(config: Config): Record<string, unknown> {
  const masked: Record<string, unknown> = { ...config }
  for (const key of ['databaseUrl', 'redisUrl'])
    if (typeof masked[key] === 'string') masked[key] = masked[key].replace(/\/\/[^@/]*@/, '//***@')
  for (const key of ['pagerSecret', 'mapboxToken']) if (masked[key] !== undefined) masked[key] = '***'
  return masked
}
