/**
 * Pager: tells people who are not at a screen. Sends only what the world shows due and unreceipted, not older than 15 minutes,
 * and only with PAGER=live; every attempt and receipt is an entry. A page holds level, place and a link, never a name.
 * First channel is an SMS gateway over HTTP, then a webhook. A replayed or restored city is dry.
 */
import { createHmac } from 'node:crypto'
import type { Entry } from '#contract/entry.ts'
import type { Page, World } from '../state/world.ts'
import { isTakenByRobot, type WebhookForm, writeForRobot } from './robots.ts'

export const pageEveryMs = 1_000
/** A page older than this is not sent any more: the console has long shown it. */
export const pageAgeMaxMs = 15 * 60_000
export const attemptsMax = 5
/** Wait before attempt n+1: 5 s, 10 s, 20 s, 40 s. */
export const retryAfterMs = 5_000
/** Pages sent at the same time. */
const concurrentMax = 4
const answerMaxMs = 5_000

export type PagerPorts = {
  world: World
  isLive: boolean
  smsUrl?: string
  webhookUrl?: string
  /** Shape the webhook wants; the house's own JSON when absent. */
  webhookForm?: WebhookForm
  /** Signs each request (HMAC-SHA256 of the body), so that the receiver knows who asks. */
  secret?: string
  publicUrl: string
  now(): number
  /** False when this process no longer holds the city. */
  mayPage(): boolean
  submit(entries: readonly Entry[]): Promise<unknown>
  fetch(
    url: string,
    init: { method: string; headers: Record<string, string>; body: string; signal: AbortSignal },
  ): Promise<{ ok: boolean; status: number; text(): Promise<string> }>
  onError(error: Error): void
}

export type PageText = {
  pageId: string
  alertId: string
  role: string
  /** Who is on duty by the roster: references into the gateway's own address book, never a name or number. Absent: the role. */
  to?: { accountId: string; contactRef?: string }[]
  level: number
  regionCode: string
  place: string
  text: string
  link: string
}

/** What a page says: level, place and a link, nothing that anybody typed. */
export function composePage(world: World, page: Page, publicUrl: string): PageText {
  const place = world.regions.get(page.regionCode)?.name ?? page.regionCode
  const levelName = ['', '处置', '核实', '关注', '提示'][page.level] ?? ''
  const link = page.eventId === undefined ? `alerts/${page.alertId}` : `events/${page.eventId}`
  const about = page.eventId === undefined ? levelName : '突发公共卫生事件报告时限已过'
  return {
    pageId: page.pageId,
    alertId: page.alertId,
    role: page.role,
    ...(page.to ? { to: page.to } : {}),
    level: page.level,
    regionCode: page.regionCode,
    place,
    text: `【守望】${about}:${place}`,
    link: `${publicUrl}/#/${link}`,
  }
}

/** True when a page must be sent now. */
export function isDue(page: Page, now: number): boolean {
  if (page.withdrawn || page.receiptedAt !== undefined || page.attempts >= attemptsMax) return false
  if (now < page.dueAt || now - page.dueAt > pageAgeMaxMs) return false
  return page.lastAttemptAt === undefined || now - page.lastAttemptAt >= retryAfterMs * 2 ** (page.attempts - 1)
}

/** Header that proves to the receiver who asks: HMAC-SHA256 of the body; none without a secret. */
export function signPage(secret: string | undefined, body: string): Record<string, string> {
  return secret === undefined ? {} : { 'x-vigil-signature': createHmac('sha256', secret).update(body).digest('hex') }
}

/** Starts the pager; returns what stops it. */
export function startPager(epoch: string, ports: PagerPorts): () => Promise<void> {
  const underWay = new Map<string, Promise<void>>()
  let seq = 0
  const say = (page: Page, kind: 'page.attempted' | 'page.receipted', body: Record<string, unknown>) => {
    const at = ports.now()
    seq++
    return ports.submit([
      {
        seq: 0,
        loggedAt: 0,
        kind,
        source: 'pager',
        epoch,
        sourceSeq: seq,
        occurredAt: at,
        receivedAt: at,
        body: { pageId: page.pageId, ...body },
      } as unknown as Entry,
    ])
  }

  const post = async (
    url: string,
    text: PageText,
    form: WebhookForm,
  ): Promise<{ isAccepted: boolean; isReceipted: boolean; detail: string }> => {
    const body = writeForRobot(form, text)
    const headers: Record<string, string> = {
      'content-type': 'application/json',
      'idempotency-key': text.pageId,
      ...signPage(ports.secret, body),
    }
    try {
      const answer = await ports.fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(answerMaxMs) })
      const said = (await answer.text()).slice(0, 1_000)
      return {
        isAccepted: answer.ok && isTakenByRobot(form, said),
        isReceipted: answer.ok && /"receipt"\s*:\s*true/.test(said),
        detail: String(answer.status),
      }
    } catch (error) {
      return { isAccepted: false, isReceipted: false, detail: (error as Error).name }
    }
  }

  const send = async (page: Page) => {
    const attempt = page.attempts + 1
    const text = composePage(ports.world, page, ports.publicUrl)
    // Odd attempts go to the SMS gateway, even ones to the webhook when both are there.
    const channel = ports.smsUrl && (attempt % 2 === 1 || !ports.webhookUrl) ? 'sms' : 'webhook'
    const url = channel === 'sms' ? ports.smsUrl : ports.webhookUrl
    if (!ports.isLive || !url) {
      await say(page, 'page.attempted', { channel, attempt: attemptsMax, result: 'dry' })
      return
    }
    const answer = await post(url, text, channel === 'webhook' ? (ports.webhookForm ?? 'page') : 'page')
    await say(page, 'page.attempted', {
      channel,
      attempt,
      result: answer.isAccepted ? 'accepted' : 'failed',
      detail: answer.detail,
    })
    if (answer.isReceipted) await say(page, 'page.receipted', { channel })
  }

  const timer = setInterval(() => {
    if (!ports.mayPage()) return
    const now = ports.now()
    for (const page of ports.world.pages.values()) {
      if (underWay.size >= concurrentMax) return
      if (underWay.has(page.pageId) || !isDue(page, now)) continue
      underWay.set(
        page.pageId,
        send(page)
          .catch(ports.onError)
          .finally(() => underWay.delete(page.pageId)),
      )
    }
  }, pageEveryMs)
  return async () => {
    clearInterval(timer)
    await Promise.all(underWay.values())
  }
}
