/**
 * Routes of identity: signing in and out, accounts, devices, and the one place where personal data leave the house.
 * Stands beside intake/ and query/ at the HTTP door; main.ts registers it on the app that carries the zod compilers.
 * Promises: every answer is no-store; every refusal has a code and both texts; a route not in routeTable is denied.
 */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { type Reject, reject, sendReject } from '#contract/errors.ts'
import { EpochMs, Id, Name, RegionCode } from '#contract/scalars.ts'
import { SessionView } from '#contract/view.ts'
import { ErrorResponse, PasswordRequest, SignInRequest } from '#contract/wire.ts'
import type { SignedIn } from './accounts.ts'
import type { Identity } from './identity.ts'
import { AuditAway } from './identity.ts'
import { HashQueueFull } from './passwords.ts'
import type { AccountPrincipal, Principal } from './permissions.ts'
import { findActor, mayUse } from './permissions.ts'
import { toSessionView } from './sessions.ts'
import type { AccountRow, DeviceRow } from './sql.ts'
import { pageMax } from './sql.ts'

/** Largest body of these routes: an account with 200 regions and 200 units is under 30 KB. */
const identityBodyMaxBytes = 64 * 1024
/** Deepest body walked for text that cannot be stored. */
const textDepthMax = 8

const PersonRole = z.enum([
  'dispatcher',
  'shift-leader',
  'epidemiologist',
  'hospital',
  'crew',
  'administrator',
  'auditor',
])
const DeviceRole = z.enum(['gateway', 'terminal', 'feed', 'player'])
const listOf = <T extends z.ZodType<string>>(item: T, max: number) =>
  z
    .array(item)
    .max(max)
    .refine(items => new Set(items).size === items.length, { message: 'an item stands there twice' })

/** An account as an administrator sees it; never its password hash. */
export const AccountView = z.object({
  accountId: Id,
  name: z.string(),
  roles: z.array(PersonRole),
  regions: z.array(RegionCode),
  unitIds: z.array(Id),
  disabled: z.boolean(),
  mustChangePassword: z.boolean(),
  lockedUntil: EpochMs.optional(),
  createdAt: EpochMs,
  changedAt: EpochMs,
})
export type AccountView = z.infer<typeof AccountView>

/** POST /v1/accounts. `unitIds`: the units a crew account rides on. */
export const AccountRequest = z.strictObject({
  accountId: Id,
  name: Name,
  roles: listOf(PersonRole, 8).min(1),
  regions: listOf(RegionCode, 200),
  unitIds: listOf(Id, 200).default([]),
})
/** PATCH /v1/accounts/:accountId */
export const AccountPatchRequest = z
  .strictObject({
    name: Name.optional(),
    roles: listOf(PersonRole, 8).min(1).optional(),
    regions: listOf(RegionCode, 200).optional(),
    unitIds: listOf(Id, 200).optional(),
    disabled: z.boolean().optional(),
    unlock: z.literal(true).optional(),
    resetPassword: z.literal(true).optional(),
  })
  .refine(patch => Object.keys(patch).length > 0, { message: 'nothing to change' })

/** A device as an administrator sees it; never its token. */
export const DeviceView = z.object({
  deviceId: Id,
  name: z.string(),
  role: DeviceRole,
  regions: z.array(RegionCode),
  unitIds: z.array(Id),
  createdAt: EpochMs,
  createdBy: z.string(),
  revokedAt: EpochMs.optional(),
})
export type DeviceView = z.infer<typeof DeviceView>

/** POST /v1/devices; without a name the device is called by its id. */
export const DeviceRequest = z.strictObject({
  deviceId: Id,
  name: Name.optional(),
  role: DeviceRole,
  regions: listOf(RegionCode, 200).min(1),
  unitIds: listOf(Id, 500).default([]),
})

const RecordParams = z.strictObject({ recordKind: z.enum(['call', 'incident', 'card']), recordId: Id })
const PageQuery = z.strictObject({
  after: Id.optional(),
  limit: z.coerce.number().int().min(1).max(pageMax).default(pageMax),
})
/** GET /v1/persons/:recordKind/:recordId */
export const PersonView = z.object({
  recordKind: z.enum(['call', 'incident', 'card']),
  recordId: Id,
  fields: z.record(z.string(), z.string()),
  /** Every note of an incident, numbered in the order they were written. */
  notes: z.array(z.object({ number: z.int(), at: z.int(), by: z.string(), text: z.string() })).optional(),
})
const Refusal = { '4xx': ErrorResponse, '5xx': ErrorResponse }
const Gone = { 204: z.null(), ...Refusal }

/** The first text in a value that holds NUL or half of a surrogate pair, as a path; undefined when all can be stored. */
export function findBadText(value: unknown, path = '', depth = 0): string | undefined {
  if (typeof value === 'string') return value.includes('\0') || !value.isWellFormed() ? path || '.' : undefined
  if (typeof value !== 'object' || value === null || depth >= textDepthMax) return undefined
  for (const [key, item] of Object.entries(value)) {
    const at = path === '' ? key : `${path}.${key}`
    if (key.includes('\0') || !key.isWellFormed()) return path || '.'
    const bad = findBadText(item, at, depth + 1)
    if (bad !== undefined) return bad
  }
  return undefined
}

/** Registers the routes of identity in a scope of their own. */
export function registerIdentityRoutes(app: FastifyInstance, identity: Identity): void {
  app.register(async scope => {
    const principals = new WeakMap<FastifyRequest, Principal>()
    const routes = scope.withTypeProvider<ZodTypeProvider>()

    /** Every route of this scope passes here before its body is read. */
    scope.addHook('onRequest', async (request, reply) => {
      reply.header('cache-control', 'no-store')
      const method = request.method
      if (method !== 'GET' && method !== 'HEAD') {
        const refusal = identity.admitOrigin(request.headers)
        if (refusal) return sendReject(reply, refusal)
      }
      const route = `${method} ${request.routeOptions.url ?? ''}`
      if (mayUse(undefined, route)) return
      const principal = await identity.authenticate(request.headers, {
        allowExpired: route === 'GET /v1/session' || route === 'DELETE /v1/session' || route.endsWith('/password'),
      })
      if ('code' in principal) return sendReject(reply, principal)
      if (!mayUse(principal, route)) return sendReject(reply, reject('ROLE_FORBIDDEN'))
      principals.set(request, principal)
    })
    scope.addHook('preValidation', async (request, reply) => {
      const path = findBadText({ body: request.body, params: request.params, query: request.query })
      if (path !== undefined) return sendReject(reply, reject('TEXT_INVALID', { path }))
    })
    scope.setErrorHandler((fault: FastifyError, _request, reply) => {
      const refusal = findRefusalOf(fault)
      if (!refusal) throw fault
      return sendReject(reply, refusal)
    })

    function getPerson(request: FastifyRequest): AccountPrincipal {
      const principal = principals.get(request)
      if (principal?.type !== 'account') throw new Error('a route for persons was reached without one')
      return principal
    }

    function setCookie(reply: FastifyReply, token: string, maxAgeS: number): void {
      const secure = identity.isSecure ? '; Secure' : ''
      reply.header(
        'set-cookie',
        `${identity.cookieName}=${token}; Path=/; Max-Age=${maxAgeS}; HttpOnly; SameSite=Strict${secure}`,
      )
    }

    function answerSignedIn(reply: FastifyReply, signedIn: SignedIn): z.infer<typeof SessionView> {
      const { session } = signedIn
      setCookie(reply, signedIn.token, Math.floor((session.expiresAt - session.createdAt) / 1_000))
      return toSessionView(session)
    }

    routes.post(
      '/v1/session',
      {
        bodyLimit: identityBodyMaxBytes,
        schema: {
          tags: ['identity'],
          summary: 'Sign in',
          body: SignInRequest,
          response: { 200: SessionView, ...Refusal },
        },
      },
      async (request, reply) => {
        const { accountId, password } = request.body
        const before = await identity.findSession(request.headers)
        const signedIn = await identity.accounts.signIn(accountId, password, request.ip, before?.sessionId)
        if ('code' in signedIn) return sendReject(reply, signedIn)
        if (before && before.account.accountId !== accountId) await identity.sessions.revoke(before.sessionId)
        return answerSignedIn(reply, signedIn)
      },
    )

    routes.get(
      '/v1/session',
      { schema: { tags: ['identity'], summary: 'Who is signed in', response: { 200: SessionView, ...Refusal } } },
      async (request, reply) => {
        const session = await identity.findSession(request.headers)
        return session ? toSessionView(session) : sendReject(reply, reject('SIGN_IN_REQUIRED'))
      },
    )

    routes.delete(
      '/v1/session',
      { schema: { tags: ['identity'], summary: 'Sign out', response: Gone } },
      async (request, reply) => {
        await identity.accounts.signOut(getPerson(request))
        setCookie(reply, '', 0)
        return reply.code(204).send(null)
      },
    )

    routes.post(
      '/v1/session/password',
      {
        bodyLimit: identityBodyMaxBytes,
        schema: {
          tags: ['identity'],
          summary: 'Change the own password; every other session of the account ends',
          body: PasswordRequest,
          response: { 200: SessionView, ...Refusal },
        },
      },
      async (request, reply) => {
        const { current, next } = request.body
        const signedIn = await identity.accounts.changePassword(getPerson(request), current, next, request.ip)
        return 'code' in signedIn ? sendReject(reply, signedIn) : answerSignedIn(reply, signedIn)
      },
    )

    routes.get(
      '/v1/accounts',
      {
        schema: {
          tags: ['identity'],
          summary: 'Accounts in order of id',
          querystring: PageQuery,
          response: { 200: z.object({ accounts: z.array(AccountView) }), ...Refusal },
        },
      },
      async request => {
        const rows = await identity.accounts.list(request.query.after ?? '', request.query.limit)
        return { accounts: rows.map(row => toAccountView(row, identity.now())) }
      },
    )

    routes.post(
      '/v1/accounts',
      {
        bodyLimit: identityBodyMaxBytes,
        schema: {
          tags: ['identity'],
          summary: 'Create an account; its first password is random and shown once',
          body: AccountRequest,
          response: { 201: z.object({ account: AccountView, initialPassword: z.string() }), ...Refusal },
        },
      },
      async (request, reply) => {
        const made = await identity.accounts.create(request.body, getPerson(request))
        if ('code' in made) return sendReject(reply, made)
        return reply
          .code(201)
          .send({ account: toAccountView(made.account, identity.now()), initialPassword: made.secret })
      },
    )

    routes.patch(
      '/v1/accounts/:accountId',
      {
        bodyLimit: identityBodyMaxBytes,
        schema: {
          tags: ['identity'],
          summary: 'Change, disable, unlock an account or reset its password',
          params: z.strictObject({ accountId: Id }),
          body: AccountPatchRequest,
          response: { 200: z.object({ account: AccountView, initialPassword: z.string().optional() }), ...Refusal },
        },
      },
      async (request, reply) => {
        const changed = await identity.accounts.change(request.params.accountId, request.body, getPerson(request))
        if ('code' in changed) return sendReject(reply, changed)
        const { account, secret } = changed
        return {
          account: toAccountView(account, identity.now()),
          ...(secret === undefined ? {} : { initialPassword: secret }),
        }
      },
    )

    routes.get(
      '/v1/devices',
      {
        schema: {
          tags: ['identity'],
          summary: 'Devices in order of id',
          querystring: PageQuery,
          response: { 200: z.object({ devices: z.array(DeviceView) }), ...Refusal },
        },
      },
      async request => {
        const rows = await identity.devices.list(request.query.after ?? '', request.query.limit)
        return { devices: rows.map(toDeviceView) }
      },
    )

    routes.post(
      '/v1/devices',
      {
        bodyLimit: identityBodyMaxBytes,
        schema: {
          tags: ['identity'],
          summary: 'Enrol a device; its token is shown once',
          body: DeviceRequest,
          response: { 201: z.object({ device: DeviceView, token: z.string() }), ...Refusal },
        },
      },
      async (request, reply) => {
        const principal = getPerson(request)
        const { deviceId, role, regions } = request.body
        const device = { ...request.body, name: request.body.name ?? deviceId }
        const refusal = await identity.devices.findRefusal(device)
        if (refusal) return sendReject(reply, refusal)
        await identity.say({
          kind: 'device.changed',
          body: { deviceId, change: 'enrolled', role, regions },
          actor: findActor(principal)!,
        })
        const enrolled = await identity.devices.enrol(device, principal.accountId)
        if ('code' in enrolled) return sendReject(reply, enrolled)
        return reply.code(201).send({ device: toDeviceView(enrolled.device), token: enrolled.token })
      },
    )

    routes.delete(
      '/v1/devices/:deviceId',
      {
        schema: {
          tags: ['identity'],
          summary: 'Revoke a device; said twice is once',
          params: z.strictObject({ deviceId: Id }),
          response: Gone,
        },
      },
      async (request, reply) => {
        const { deviceId } = request.params
        const device = await identity.devices.findById(deviceId)
        if (!device) return sendReject(reply, reject('RECORD_UNKNOWN'))
        if (device.revokedAt === undefined) {
          // Revoked first and noted after, the one exception: a lost tablet is not kept open because the log is away.
          await identity.devices.revoke(deviceId)
          await identity.say({
            kind: 'device.changed',
            body: { deviceId, change: 'revoked' },
            actor: findActor(getPerson(request))!,
          })
        }
        return reply.code(204).send(null)
      },
    )

    routes.get(
      '/v1/persons/:recordKind/:recordId',
      {
        // A HEAD would open the record and show nothing.
        exposeHeadRoute: false,
        schema: {
          tags: ['identity'],
          summary: 'Personal fields of a record; looking is noted in the log first',
          params: RecordParams,
          response: { 200: PersonView, ...Refusal },
        },
      },
      async (request, reply) => {
        const { recordKind, recordId } = request.params
        const person = await identity.readPerson(getPerson(request), recordKind, recordId)
        return 'code' in person ? sendReject(reply, person) : { recordKind, recordId, ...person }
      },
    )

    routes.delete(
      '/v1/persons/:recordKind/:recordId',
      {
        bodyLimit: identityBodyMaxBytes,
        schema: {
          tags: ['identity'],
          summary: 'Erase the personal fields of a record for ever',
          params: RecordParams,
          body: z.strictObject({ reason: z.string().min(1).max(400) }),
          response: Gone,
        },
      },
      async (request, reply) => {
        const { recordKind, recordId } = request.params
        const refusal = await identity.forgetPerson(getPerson(request), recordKind, recordId, request.body.reason)
        return refusal ? sendReject(reply, refusal) : reply.code(204).send(null)
      },
    )
  })
}

function toAccountView(row: AccountRow, now: number): AccountView {
  const { accountId, name, roles, regions, unitIds, disabled, lockedUntil, createdAt, changedAt } = row
  return {
    accountId,
    name,
    roles: roles as AccountView['roles'],
    regions,
    unitIds,
    disabled,
    mustChangePassword: row.mustChange,
    ...(lockedUntil === undefined || lockedUntil <= now ? {} : { lockedUntil }),
    createdAt,
    changedAt,
  }
}

function toDeviceView(row: DeviceRow): DeviceView {
  const { revokedAt, ...rest } = row
  return revokedAt === undefined ? rest : { ...rest, revokedAt }
}

/** The refusal a thrown fault stands for: a bad request, a full queue, a database or log that is away. Undefined: ours. */
function findRefusalOf(fault: FastifyError): Reject | undefined {
  if (hasZodFastifySchemaValidationErrors(fault)) {
    const first = fault.validation[0]
    const path = [...String(first?.instancePath ?? '').split('/')].filter(part => part !== '').join('.')
    return fault.validationContext === 'querystring'
      ? reject('QUERY_INVALID', { path: path || '.' })
      : reject('SHAPE_INVALID', { path: path || '.', why: String(first?.message ?? '').slice(0, 200) })
  }
  if (fault instanceof HashQueueFull) return reject('TOO_MANY_REQUESTS', { retryAfterS: 3 })
  if (fault instanceof AuditAway) return reject('DATABASE_AWAY')
  const code = String(fault.code ?? '')
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return reject('BODY_TOO_LARGE', { max: identityBodyMaxBytes })
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return reject('MEDIA_UNSUPPORTED')
  if (code.startsWith('FST_ERR_CTP_') || (fault.statusCode === 400 && fault instanceof SyntaxError))
    return reject('JSON_MALFORMED')
  // 08 connection, 57P shut down, 53 out of resources; or the socket itself.
  if (/^(08|57P|53)\w*$|^E(CONNREFUSED|CONNRESET|PIPE|TIMEDOUT|NOENT)$/.test(code)) return reject('DATABASE_AWAY')
  return undefined
}
