/**
 * Receipts: where an SMS gateway says that a page has reached its reader. Stands beside the pager; the receipt becomes an entry.
 * The gateway is known by the pager's secret: `x-vigil-signature` is the hex HMAC-SHA256 of `<pageId>.<channel>`.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { describeReject, type Reject, reject } from '#contract/errors.ts'
import { Id } from '#contract/scalars.ts'
import { ErrorResponse } from '#contract/wire.ts'

const Receipt = z.strictObject({ channel: z.enum(['sms', 'webhook']) })

export type ReceiptPorts = {
  /** Without a secret nobody can be known, and the route refuses everybody. */
  secret?: string
  hasPage(pageId: string): boolean
  say(body: { pageId: string; channel: 'sms' | 'webhook' }): Promise<void>
}

/** Signature of a receipt, hex. */
export function signReceipt(secret: string, pageId: string, channel: string): string {
  return createHmac('sha256', secret).update(`${pageId}.${channel}`).digest('hex')
}

function isSignedBy(secret: string | undefined, given: unknown, pageId: string, channel: string): boolean {
  if (secret === undefined || typeof given !== 'string') return false
  const expected = Buffer.from(signReceipt(secret, pageId, channel))
  const offered = Buffer.from(given)
  return offered.length === expected.length && timingSafeEqual(offered, expected)
}

/** Registers POST /v1/pages/:pageId/receipt; answers after the commit. TOKEN_INVALID, PAGE_UNKNOWN. */
export function registerReceiptRoute(app: FastifyInstance, ports: ReceiptPorts): void {
  app.post('/v1/pages/:pageId/receipt', {
    bodyLimit: 1_024,
    schema: {
      summary: 'A page has reached its reader (SMS gateway, signed with the pager secret)',
      tags: ['pages'],
      params: z.object({ pageId: Id }),
      body: Receipt,
      response: { 204: z.null(), '4xx': ErrorResponse, '5xx': ErrorResponse },
    },
    handler: async (request, reply) => {
      const { pageId } = request.params as { pageId: string }
      const { channel } = request.body as z.infer<typeof Receipt>
      const refused: Reject | undefined = !isSignedBy(
        ports.secret,
        request.headers['x-vigil-signature'],
        pageId,
        channel,
      )
        ? reject('TOKEN_INVALID')
        : ports.hasPage(pageId)
          ? undefined
          : reject('PAGE_UNKNOWN', { pageId })
      if (refused) {
        const { http, ...text } = describeReject(refused)
        return reply.code(http).send(text)
      }
      await ports.say({ pageId, channel })
      return reply.code(204).send(null)
    },
  })
}
