/**
 * Main of the edge gateway: `npm run gateway -- --config FILE`. Builds and joins, no logic; ends in order on SIGTERM or SIGINT.
 *
 *   terminals, monitors, telephone system → sources/*-listener → spool → uplink → POST /v1/entries        health beside it, on loopback
 *
 * When everything listens it prints one line: `gateway ready {"health":"http://…","listeners":[{"kind","transport","host","port"}]}`.
 */
import { parseArgs } from 'node:util'
import { type Logger, pino } from 'pino'
import { type GatewayConfig, GatewayConfigFault, loadGatewayConfig, maskGatewayConfig } from './config.ts'
import { startHealth } from './health.ts'
import { SealFault } from './seal.ts'
import { startCtiListener } from './sources/cti-listener.ts'
import { type Listener, startJt808Listener } from './sources/jt808-listener.ts'
import { startMllpListener } from './sources/mllp-listener.ts'
import { openSpool, SpoolFault } from './spool.ts'
import { startUplink } from './uplink.ts'

const sweepEveryMs = 5_000
/** Milliseconds an orderly end may take. */
const stopMaxMs = 15_000
/** Log lines of one text in a minute; more of them are only counted. */
const linesMax = 60

export type Gateway = {
  health: string
  listeners: readonly Listener[]
  stop(): Promise<void>
}

/** Lets through at most linesMax lines of one text a minute: a flood of strangers must not fill the disk with words. */
function createLog(logger: Logger): (level: 'info' | 'warn', words: Record<string, unknown>, text: string) => void {
  let minute = 0
  let told = new Map<string, number>()
  return (level, words, text) => {
    const current = Math.floor(Date.now() / 60_000)
    if (current !== minute) {
      minute = current
      told = new Map()
    }
    const count = (told.get(text) ?? 0) + 1
    told.set(text, count)
    if (count <= linesMax) logger[level](words, text)
  }
}

/** Starts a whole gateway on a configuration. */
export async function startGateway(config: GatewayConfig): Promise<Gateway> {
  const logger = pino({ level: config.logLevel, base: { app: 'vigil-gateway' } }, pino.destination(2))
  const onLine = createLog(logger)
  const now = () => Date.now()
  logger.info({ config: maskGatewayConfig(config) }, 'starting')
  const spool = openSpool({
    directory: config.spoolDirectory,
    keyFile: config.keyFile,
    bytesMax: config.limits.spoolBytesMax,
    ageMaxMs: config.limits.spoolAgeMaxMs,
    ...(config.limits.fileBytesMax === undefined ? {} : { fileBytesMax: config.limits.fileBytesMax }),
    now,
    onGap: gap => onLine('warn', { gap }, 'spool: gap'),
    onFault: fault => onLine('warn', { message: fault.message }, 'spool: fault'),
  })
  const { brokenFile, epoch } = spool.getState()
  if (brokenFile !== undefined)
    logger.error({ brokenFile, epoch }, 'spool: the file was broken and put aside; a new one begins')
  const uplink = startUplink({
    spool,
    urls: config.urls,
    readToken: config.readToken,
    ...(config.caFile === undefined ? {} : { caFile: config.caFile }),
    now,
    chance: Math.random,
    onLine,
  })
  const ports = { spool, limits: config.limits, now, onLine, onStored: uplink.wake }
  const listeners: Listener[] = []
  const sweeper = setInterval(spool.sweep, sweepEveryMs)
  const stopParts = async () => {
    for (const listener of listeners) await listener.stop()
    await uplink.stop()
    clearInterval(sweeper)
    spool.close()
  }
  try {
    for (const source of config.sources)
      listeners.push(
        source.kind === 'jt808'
          ? await startJt808Listener(source, ports)
          : source.kind === 'cti'
            ? await startCtiListener(source, ports)
            : await startMllpListener(source, ports),
      )
    const health = await startHealth({
      port: config.healthPort,
      now,
      startedAt: now(),
      getSpool: spool.getState,
      getUplink: uplink.getState,
      listeners,
    })
    logger.info({ health: health.url, epoch }, 'ready')
    return {
      health: health.url,
      listeners,
      async stop() {
        await health.stop()
        await stopParts()
        logger.info('stopped')
      },
    }
  } catch (fault) {
    await stopParts()
    throw fault
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { config: { type: 'string' } } })
  if (values.config === undefined) throw new GatewayConfigFault('say --config FILE / 请用 --config 指定配置文件')
  const gateway = await startGateway(loadGatewayConfig(values.config))
  const listeners = gateway.listeners.map(({ kind, transport, host, port }) => ({ kind, transport, host, port }))
  process.stdout.write(`gateway ready ${JSON.stringify({ health: gateway.health, listeners })}\n`)
  let isEnding = false
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      if (isEnding) return
      isEnding = true
      setTimeout(() => process.exit(1), stopMaxMs).unref()
      void gateway.stop().then(() => process.exit(0))
    })
}

if (import.meta.main)
  main().catch(fault => {
    const isOurs = fault instanceof GatewayConfigFault || fault instanceof SealFault || fault instanceof SpoolFault
    process.stderr.write(`${isOurs ? fault.message : (fault as Error).stack}\n`)
    process.exitCode = isOurs ? 2 : 1
  })
