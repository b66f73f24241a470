/** Receipts of an SMS gateway: only the pager's own secret is believed, and a receipt stands in the log before it is answered. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { signReceipt } from '../../server/fanout/receipts.ts'
import { makeCity } from '../help/line.ts'
import { startTestServer } from '../help/server.ts'

test('PAGE-6 a signed receipt ends the page; a foreign signature, or an unknown page, is refused', async () => {
  const secret = 'a secret of the pager 48'
  const server = await startTestServer({ environment: { VIGIL_PAGER_SECRET: secret } })
  try {
    const at = Date.now()
    await server.writer.submit(makeCity(2).map(e => ({ ...e, occurredAt: at, receivedAt: at })))
    const said = await server.post([
      {
        kind: 'place.registered',
        epoch: 'r',
        seq: 1,
        occurredAt: at,
        body: { placeId: 'F1', placeKind: 'clinic', name: '一院', regionCode: '330402', lon: 120.7, lat: 30.7 },
      },
    ])
    assert.equal(said.body.outcomes[0]!.result, 'done')
    const card = await server.post([
      {
        kind: 'report.received',
        epoch: 'r',
        seq: 2,
        occurredAt: at,
        body: {
          cardId: 'K1',
          diseaseId: 'plague',
          caseClass: 'suspected',
          regionCode: '330402',
          facilityId: 'F1',
          diagnosedAt: at,
        },
      },
    ])
    assert.equal(card.body.outcomes[0]!.result, 'done')
    const page = [...server.world.pages.values()][0]
    assert.ok(page, 'the single case is paged')
    const send = (pageId: string, signature: string) =>
      fetch(`${server.url}/v1/pages/${pageId}/receipt`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-vigil-signature': signature },
        body: JSON.stringify({ channel: 'sms' }),
      })
    assert.equal((await send(page.pageId, signReceipt('another secret of 16+', page.pageId, 'sms'))).status, 401)
    assert.equal((await send('P-none-0', signReceipt(secret, 'P-none-0', 'sms'))).status, 404)
    assert.equal(server.world.pages.get(page.pageId)!.receiptedAt, undefined)
    assert.equal((await send(page.pageId, signReceipt(secret, page.pageId, 'sms'))).status, 204)
    assert.ok(server.world.pages.get(page.pageId)!.receiptedAt)
    const logged = await server.log.list(0)
    assert.ok(logged.some(l => l.entry.kind === 'page.receipted'))
  } finally {
    await server.remove()
  }
})
