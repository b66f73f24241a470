/**
 * App: the HTTP surface all doors share: limits, security headers, errors in both languages, the OpenAPI document with a page
 * to try it, health, metrics, and the built console. Doors (intake, query, identity, fan-out) register themselves on it.
 */
import { isUtf8 } from 'node:buffer'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import cookie from '@fastify/cookie'
import helmet from '@fastify/helmet'
import staticFiles from '@fastify/static'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import fastify, { type FastifyError, type FastifyInstance, type FastifyRequest } from 'fastify'
import {
  hasZodFastifySchemaValidationErrors,
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
} from 'fastify-type-provider-zod'
import { bodyMaxBytes, depthMax } from '#contract/entry.ts'
import { type Reject, reject, sendReject } from '#contract/errors.ts'

/** Bytes of a request body unless a route says less; 413 above. */
export const requestMaxBytes = bodyMaxBytes
const requestMaxMs = 30_000
const headersMaxMs = 10_000

export type AppPorts = {
  version: string
  tls?: { certFile: string; keyFile: string }
  consoleDirectory: string
  isBehindProxy: boolean
  mapbox: boolean
  health(): { isAlive: boolean }
  readiness(): { isReady: boolean } & Record<string, unknown>
  metrics(): Promise<{ type: string; text: string }>
  /** Judges a request for a route of the app itself; undefined lets it pass. */
  guard(request: FastifyRequest, route: string): Promise<Reject | undefined>
  onFault(error: Error, request: FastifyRequest): string
  /** True for errors that mean the database is away: 503, not our bug. */
  isAway(error: unknown): boolean
}

/** The refusal that an error of fastify itself stands for; undefined for our own faults. */
function findRefusal(error: FastifyError): Reject | undefined {
  if (hasZodFastifySchemaValidationErrors(error)) {
    const issue = error.validation[0]
    return reject('QUERY_INVALID', {
      path: issue?.instancePath.replaceAll('/', '.').slice(1) || (error.validationContext ?? ''),
    })
  }
  switch (error.code) {
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return reject('JSON_MALFORMED')
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return reject('BODY_TOO_LARGE', { max: requestMaxBytes })
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return reject('MEDIA_UNSUPPORTED')
    default:
      if (error instanceof SyntaxError) return reject('JSON_MALFORMED')
      return error.statusCode === 400 ? reject('JSON_MALFORMED') : undefined
  }
}

const mapboxHosts = ['https://api.mapbox.com', 'https://events.mapbox.com', 'https://*.tiles.mapbox.com']

/** Builds the app; `register` lets the doors add their routes before it listens. */
export async function createApp(
  ports: AppPorts,
  register: (app: FastifyInstance) => void | Promise<void>,
): Promise<FastifyInstance> {
  const https = ports.tls
    ? {
        https: {
          cert: await readFile(ports.tls.certFile),
          key: await readFile(ports.tls.keyFile),
          minVersion: 'TLSv1.2' as const,
        },
      }
    : {}
  const app = fastify({
    ...https,
    bodyLimit: requestMaxBytes,
    // Behind the operator's TLS proxy on this host or network the caller's address is the one the proxy names.
    trustProxy: ports.isBehindProxy ? ['loopback', 'uniquelocal'] : false,
    requestTimeout: requestMaxMs,
    // An idle keep-alive connection must not hold up a stop; one that is being answered is waited for.
    forceCloseConnections: 'idle',
    connectionTimeout: headersMaxMs * 2,
    routerOptions: { maxParamLength: 200 },
    // Nothing of a request is logged by itself: bodies, cookies and tokens must not reach a log line.
    logger: false,
    genReqId: () => crypto.randomUUID(),
  }) as unknown as FastifyInstance
  // Bytes that are not UTF-8 would be read as U+FFFD and stored as something nobody said: refused instead.
  const parseJson = app.getDefaultJsonParser('error', 'error')
  // JSON alone: a plain text body could be sent by another site's form without asking.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    if (!isUtf8(body)) return done(new SyntaxError('not UTF-8'), undefined)
    return parseJson(request, body.toString('utf8'), done)
  })
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const refused = findRefusal(error)
    if (refused) return sendReject(reply, refused)
    if (ports.isAway(error)) return sendReject(reply, reject('DATABASE_AWAY'))
    return sendReject(reply, reject('INTERNAL', { incident: ports.onFault(error, request) }))
  })
  app.setNotFoundHandler((_request, reply) => sendReject(reply, reject('ROUTE_UNKNOWN')))

  await app.register(cookie)
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        scriptSrc: ["'self'"],
        // antd writes its styles at run time; scripts stay without any exception.
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:', 'blob:', ...(ports.mapbox ? mapboxHosts : [])],
        connectSrc: ["'self'", ...(ports.mapbox ? mapboxHosts : [])],
        workerSrc: ["'self'", 'blob:'],
        fontSrc: ["'self'", 'data:'],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
        formAction: ["'self'"],
      },
    },
    hsts: ports.tls ? { maxAge: 31_536_000 } : false,
    crossOriginEmbedderPolicy: false,
  })
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Vigil 守望',
        version: ports.version,
        description: `One door in (POST /v1/entries), one door out (socket.io, GET /v1/…). Nesting at most ${depthMax}, bodies at most ${requestMaxBytes} bytes.`,
      },
      components: {
        securitySchemes: {
          session: { type: 'apiKey', in: 'cookie', name: ports.tls ? '__Host-vigil' : 'vigil' },
          device: { type: 'http', scheme: 'bearer' },
        },
      },
      security: [{ session: [] }, { device: [] }],
    },
    transform: jsonSchemaTransform,
  })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    uiHooks: {
      onRequest: async (request, reply) => {
        const refused = await ports.guard(request, 'GET /docs')
        if (refused) return sendReject(reply, refused)
      },
    },
  })
  app.get('/healthz', { schema: { hide: true } }, () => ({ alive: ports.health().isAlive }))
  app.get('/readyz', { schema: { hide: true } }, async (_request, reply) => {
    const { isReady, ...rest } = ports.readiness()
    return reply
      .code(isReady ? 200 : 503)
      .serializer(JSON.stringify)
      .send({ ready: isReady, ...rest })
  })
  app.get('/metrics', { schema: { hide: true } }, async (request, reply) => {
    const refused = await ports.guard(request, 'GET /metrics')
    if (refused) return sendReject(reply, refused)
    const { type, text } = await ports.metrics()
    return reply.type(type).send(text)
  })
  await register(app)
  if (existsSync(ports.consoleDirectory))
    await app.register(staticFiles, {
      root: ports.consoleDirectory,
      cacheControl: false,
      setHeaders: (reply, path) => {
        reply.header(
          'cache-control',
          /[\\/]assets[\\/]/.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache',
        )
      },
    })
  return app
}
