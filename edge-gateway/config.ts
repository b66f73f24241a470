/**
 * Configuration of the edge gateway: one strict JSON file, named on the command line; a misspelt key stops the start. Stands
 * before everything else of the gateway and knows nothing of it. Secrets (token, authentication codes) have no default and
 * are masked when shown. Promises: what is returned can be started with; plain http leads to loopback only.
 */
import { readFileSync } from 'node:fs'
import { BlockList, isIP } from 'node:net'
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { Id, RegionCode } from '#contract/scalars.ts'

/** Servers one gateway may be told of; they are tried in turn. */
export const serversMax = 8
/** Doors for foreign protocols in one gateway. */
export const sourcesMax = 32
/** Devices enrolled behind one door. */
export const devicesMax = 20_000
/** Networks one device may speak from. */
export const networksMax = 32

const Port = z.int().min(0).max(65_535)
const Network = z
  .string()
  .refine(text => parseNetwork(text) !== undefined, 'not an address or a network such as 10.2.0.0/16')
const Networks = z.array(Network).min(1).max(networksMax).optional()

const Terminal = z.strictObject({
  /** Number without leading zeros, or 12 hex digits of a device that puts something else there. */
  number: z.string().regex(/^([1-9]\d{0,19}|(?=.*[a-f])([0-9a-f]{12}|[0-9a-f]{20}))$/),
  unitId: Id,
  authCode: z.string().min(6).max(64),
  datum: z.enum(['WGS84', 'GCJ02', 'BD09']).default('WGS84'),
  /** Addresses it may speak from; absent: any. A terminal cannot sign, so bind it to the operator's network (APN). */
  networks: Networks,
  /** While true the terminal may register and is told its code over the air. */
  isRegistrationOpen: z.boolean().default(false),
  /** For vendors known to send a wrong length field. */
  tolerateLength: z.boolean().default(false),
})

const TerminalSource = z.strictObject({
  kind: z.literal('jt808'),
  host: z.string().default('127.0.0.1'),
  port: Port,
  transport: z.enum(['tcp', 'udp']).default('tcp'),
  terminals: z.array(Terminal).max(devicesMax),
})

const Monitor = z.strictObject({
  unitId: Id,
  /** PV1-3 as `point of care room bed`, words joined by one space. Absent: every bed that speaks from `networks`. */
  bed: z.string().min(1).max(120).optional(),
  networks: Networks,
})

const MonitorSource = z.strictObject({
  kind: z.literal('mllp'),
  host: z.string().default('127.0.0.1'),
  port: Port,
  monitors: z.array(Monitor).min(1).max(devicesMax),
})

const TelephonySource = z.strictObject({
  kind: z.literal('cti'),
  host: z.string().default('127.0.0.1'),
  port: Port,
  /** Stands before every call number of this system in the log; two systems of one city have two. */
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,15}$/)
    .default('T-'),
  /** Shared secret of the hello line. */
  key: z.string().min(16).max(200),
  /** Region of a call whose trunk is not listed below. */
  regionCode: RegionCode,
  /** Regions by trunk, for lines whose callers are of one county. */
  trunks: z.record(z.string().min(1).max(60), RegionCode).default({}),
  datum: z.enum(['WGS84', 'GCJ02', 'BD09']).default('WGS84'),
  networks: Networks,
})

const mebibyte = 1_048_576
const hourMs = 3_600_000

const Limits = z.strictObject({
  /** Sealed bytes kept in the spool. At 250 bytes a position the default holds 8 million: 200 vehicles at 1 Hz for 11 h. */
  spoolBytesMax: z
    .int()
    .min(65_536)
    .default(2_048 * mebibyte),
  /** Milliseconds an unsent position or vital sign is kept. */
  spoolAgeMaxMs: z
    .int()
    .min(60_000)
    .default(7 * 24 * hourMs),
  /** Size of the spool's file at most, in bytes: above it nothing is taken, and nothing is acknowledged to a device. */
  fileBytesMax: z.int().min(mebibyte).optional(),
  /** Connections per door. */
  connectionsMax: z.int().min(1).max(100_000).default(4_096),
  /** Connections per door that have not proven who they are; the oldest one gives way to the newest. */
  strangersMax: z.int().min(1).max(100_000).default(512),
  /** Milliseconds a connection may take to prove who it is. */
  strangerMaxMs: z.int().min(1_000).default(30_000),
  /** Milliseconds of silence until a connection is closed. */
  silenceMaxMs: z.int().min(1_000).default(180_000),
  /** Milliseconds of silence until a connection, perhaps half-open, gives its number up to the terminal's next one. */
  holderMaxMs: z.int().min(1_000).default(30_000),
})

const ConfigFile = z.strictObject({
  server: z.strictObject({
    urls: z.array(z.url()).min(1).max(serversMax),
    token: z.string().min(16).optional(),
    tokenFile: z.string().optional(),
    /** Certificate of the operator's own authority, PEM. */
    caFile: z.string().optional(),
  }),
  spool: z.strictObject({
    directory: z.string().min(1),
    /** 32 bytes in hex, mode 0600; made at the first start. Default: spool.key in the directory. */
    keyFile: z.string().optional(),
  }),
  limits: Limits.prefault({}),
  health: z.strictObject({ port: Port.default(8_121) }).prefault({}),
  logLevel: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent']).default('info'),
  sources: z
    .array(z.discriminatedUnion('kind', [TerminalSource, MonitorSource, TelephonySource]))
    .min(1)
    .max(sourcesMax),
})

export type GatewayTerminal = z.infer<typeof Terminal>
export type TerminalSource = z.infer<typeof TerminalSource>
export type GatewayMonitor = z.infer<typeof Monitor>
export type MonitorSource = z.infer<typeof MonitorSource>
export type TelephonySource = z.infer<typeof TelephonySource>
type GatewaySource = TerminalSource | MonitorSource | TelephonySource
export type GatewayLimits = z.infer<typeof Limits>
/** What a configuration file may hold, as somebody writes it. */
export type GatewayConfigInput = z.input<typeof ConfigFile>

export type GatewayConfig = {
  urls: string[]
  /** Read again before every attempt after a refusal, so that a changed token is taken without a restart. */
  readToken(): string
  caFile?: string
  spoolDirectory: string
  keyFile: string
  limits: GatewayLimits
  healthPort: number
  logLevel: string
  sources: GatewaySource[]
}

/** A configuration that cannot be started with; its text says what to change. */
export class GatewayConfigFault extends Error {
  override name = 'GatewayConfigFault'
}

/** Reads `address` or `address/prefix`; undefined when it is neither. */
export function parseNetwork(text: string): { address: string; prefix: number; family: 'ipv4' | 'ipv6' } | undefined {
  const [address = '', bits, ...rest] = text.split('/')
  const version = isIP(address)
  if (version === 0 || rest.length > 0) return undefined
  const most = version === 4 ? 32 : 128
  const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : -1
  if (prefix < 0 || prefix > most) return undefined
  return { address, prefix, family: version === 4 ? 'ipv4' : 'ipv6' }
}

/** Builds the judge of a list of networks; without a list every address passes. IPv4 inside IPv6 is judged as IPv4. */
export function createNetworkJudge(networks: readonly string[] | undefined): (address: string) => boolean {
  if (networks === undefined) return () => true
  const list = new BlockList()
  for (const text of networks) {
    const network = parseNetwork(text)
    if (network) list.addSubnet(network.address, network.prefix, network.family)
  }
  return given => {
    const address = given.startsWith('::ffff:') && isIP(given.slice(7)) === 4 ? given.slice(7) : given
    const version = isIP(address)
    return version !== 0 && list.check(address, version === 4 ? 'ipv4' : 'ipv6')
  }
}

const loopbackHosts: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost'])

/** Reads and judges a configuration. Relative paths are taken from `baseDirectory`. Throws GatewayConfigFault. */
export function parseGatewayConfig(text: string, baseDirectory: string): GatewayConfig {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (fault) {
    throw new GatewayConfigFault(`the file is not JSON: ${(fault as Error).message} / 文件不是合法的 JSON`)
  }
  const parsed = ConfigFile.safeParse(json)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw new GatewayConfigFault(`${issue.path.join('.') || 'file'}: ${issue.message} / 配置项不正确`)
  }
  const { server, spool, limits, health, logLevel, sources } = parsed.data
  const fromBase = (path: string) => resolve(baseDirectory, path)
  for (const text of server.urls) {
    const url = new URL(text)
    if (url.protocol !== 'https:' && !(url.protocol === 'http:' && loopbackHosts.has(url.hostname)))
      throw new GatewayConfigFault(`server.urls: ${text}: plain http leads to this machine only / 非本机须使用 https`)
  }
  if ((server.token === undefined) === (server.tokenFile === undefined))
    throw new GatewayConfigFault('server: either token or tokenFile / token 与 tokenFile 二者选一')
  const tokenPath = server.tokenFile === undefined ? undefined : fromBase(server.tokenFile)
  refuseDoubles(sources)
  const spoolDirectory = fromBase(spool.directory)
  return {
    urls: server.urls,
    readToken: () => (tokenPath === undefined ? server.token! : readFileSync(tokenPath, 'utf8').trim()),
    ...(server.caFile === undefined ? {} : { caFile: fromBase(server.caFile) }),
    spoolDirectory,
    keyFile: spool.keyFile === undefined ? resolve(spoolDirectory, 'spool.key') : fromBase(spool.keyFile),
    limits,
    healthPort: health.port,
    logLevel,
    sources,
  }
}

/** One number is one terminal, and one unit has one terminal and one bed: else two devices would share one numbering. */
function refuseDoubles(sources: readonly GatewaySource[]): void {
  const seen = new Set<string>()
  const refuseSecond = (name: string) => {
    if (seen.has(name)) throw new GatewayConfigFault(`sources: ${name} stands there twice / 重复登记`)
    seen.add(name)
  }
  for (const [index, source] of sources.entries()) {
    if (source.kind === 'jt808')
      for (const { number, unitId } of source.terminals) {
        refuseSecond(`terminal ${number}`)
        refuseSecond(`terminal of ${unitId}`)
      }
    else if (source.kind === 'cti') refuseSecond(`telephone system ${source.prefix}`)
    else
      for (const { bed, networks } of source.monitors)
        refuseSecond(`bed ${index} ${bed ?? `of ${networks ?? 'any network'}`}`)
  }
}

/** Reads the file named by `--config`. Throws GatewayConfigFault, also when the file cannot be read. */
export function loadGatewayConfig(path: string): GatewayConfig {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (fault) {
    throw new GatewayConfigFault(`${path}: ${(fault as Error).message} / 无法读取配置文件`)
  }
  return parseGatewayConfig(text, dirname(resolve(path)))
}

/** The configuration without secrets, for the first log line. */
export function maskGatewayConfig(config: GatewayConfig): Record<string, unknown> {
  return {
    urls: config.urls,
    spoolDirectory: config.spoolDirectory,
    limits: config.limits,
    sources: config.sources.map(source =>
      source.kind === 'jt808'
        ? { ...source, terminals: source.terminals.length }
        : source.kind === 'cti'
          ? { ...source, key: '***' }
          : { ...source, monitors: source.monitors.length },
    ),
  }
}
