/**
 * Two centres in two real browsers against a real server: the city's desk hands a case to a county's; there it sounds, shows its
 * card and is taken by one key; the county sends a unit, the city sees it. Then a next task, a hospital and a mass casualty.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { build } from 'vite'
import { launchBrowser, type OpenBrowser } from '../help/browser.ts'
import { type CityServer, centre, city, north, south, startCity, submission, until } from '../help/city-server.ts'

const root = resolve(import.meta.dirname, '../..')
const artifacts = join(root, 'test/.artifacts')
/** Waits are generous: nothing here is about time, and the machine may be busy. */
const waitMs = 60_000

async function openDesk(server: CityServer, own: OpenBrowser, accountId: string, scope: string[]): Promise<Page> {
  const { password } = await server.addPerson(accountId, ['dispatcher'], scope)
  const page = await own.browser.newPage()
  page.setDefaultTimeout(waitMs)
  await page.goto(server.url)
  await page.getByTestId('account').fill(accountId)
  await page.getByTestId('password').fill(password)
  await page.getByTestId('sign-in-submit').click()
  await page.locator('[data-testid="link"][data-state="live"]').waitFor()
  return page
}

async function command(page: Page, line: string): Promise<void> {
  await page.keyboard.press('/')
  await page.getByTestId('command-input').fill(line)
  await page.keyboard.press('Enter')
}

test('CENTRE-3 a county centre takes a case the city hands over, by one key, and sends its unit; both see one another', async t => {
  await mkdir(artifacts, { recursive: true })
  await build({ root: join(root, 'console'), configFile: join(root, 'console/vite.config.ts'), logLevel: 'error' })
  const server = await startCity()
  const browsers: OpenBrowser[] = []
  const faults: string[] = []
  try {
    const now = Date.now()
    const places = [
      ['S1', 'station', '新嘉站', south, 0],
      ['S2', 'station', '洪合站', north, 0.06],
      ['P1', 'standby', '北郊驻点', north, 0.09],
      ['H1', 'hospital', '市一院', south, 0.02],
      ['H2', 'hospital', '秀洲医院', north, 0.07],
    ] as const
    for (const [placeId, placeKind, name, regionCode, off] of places)
      await server.say(server.device, 'place.registered', {
        placeId,
        placeKind,
        name,
        regionCode,
        lon: centre.lon,
        lat: centre.lat + off,
      })
    for (let n = 1; n <= 6; n++) {
      const unitId = `U${n}`
      const isNorth = n % 2 === 0
      await server.say(server.device, 'unit.registered', {
        unitId,
        name: `${n} 号车`,
        unitClass: n % 3 === 0 ? 'A' : 'B',
        regionCode: isNorth ? north : south,
        stationId: isNorth ? 'S2' : 'S1',
        ...(isNorth ? { baseIds: ['P1'] } : {}),
      })
      await server.post([
        {
          ...submission('unit.position', {
            unitId,
            lon: centre.lon,
            lat: centre.lat + (isNorth ? 0.06 : 0) + n * 0.002,
            speedKmh: 0,
          }),
        },
      ])
    }
    await server.say(server.device, 'hospital.stateReported', {
      placeId: 'H2',
      edState: 'busy',
      edPatients: 45,
      edCapacity: 40,
      offloadMin: 12,
      services: ['emergency', 'chest-pain'],
      diversions: [{ service: 'chest-pain', reason: '导管室检修', until: now + 3_600_000 }],
    })
    await server.say(server.device, 'hospital.stateReported', {
      placeId: 'H1',
      edState: 'open',
      services: ['emergency', 'chest-pain'],
    })
    const incidentId = 'CASE-118'
    const open = (id: string, off: number) => ({
      incidentId: id,
      level: 1,
      regionCode: north,
      lon: centre.lon,
      lat: centre.lat + off,
      complaint: { code: 'arrest', syndrome: 'cardiac', dictionary: 'zh-2026.11' },
    })
    const cityDesk = await server.as('dispatcher', [city])
    assert.equal((await server.say(cityDesk, 'incident.opened', open(incidentId, 0.058))).result, 'done')

    const first = await launchBrowser({ width: 1366, height: 768 })
    browsers.push(first)
    const atCity = await openDesk(server, first, `city-${randomUUID().slice(0, 8)}`, [city])
    atCity.on('pageerror', fault => faults.push(`city: ${String(fault.stack ?? fault)}`))
    await command(atCity, `F ${incidentId}`)
    await atCity.getByTestId('owner').getByText('嘉兴市').waitFor()
    await atCity.getByTestId('advice-pair').waitFor()
    await atCity.screenshot({ path: join(artifacts, 'centre-case-1366.png') })

    const second = await launchBrowser({ width: 1920, height: 1080 })
    browsers.push(second)
    const atCounty = await openDesk(server, second, `north-${randomUUID().slice(0, 8)}`, [north])
    atCounty.on('pageerror', fault => faults.push(`county: ${String(fault.stack ?? fault)}`))

    // The command line of the issue: T 118 县中心.
    await command(atCity, 'T 118 秀洲中心')
    await until('the offer stands', () => server.world.incidents.get(incidentId)?.transfer)
    await atCity.getByTestId('transfer-withdraw').waitFor()

    await atCounty.getByTestId('ringing').waitFor()
    assert.match((await atCounty.getByTestId('ringing').textContent()) ?? '', /外中心转入/)
    await command(atCounty, `F ${incidentId}`)
    await atCounty.locator('[data-testid="transfer-offer"][data-ours="true"]').waitFor()
    await atCounty.getByTestId('looking').waitFor()
    await atCounty.screenshot({ path: join(artifacts, 'centre-offer-1920.png') })
    await atCounty.keyboard.press('y')
    await until('the county owns it', () => server.world.incidents.get(incidentId)?.ownerCode === north)
    await atCounty.getByTestId('owner').getByText('秀洲区').waitFor()
    await atCity.getByTestId('owner').getByText('秀洲区').waitFor()

    // Two units by one key, as the complaint wants; the city sees them on the case.
    await atCounty.getByTestId('advice-pair').waitFor()
    await atCounty.keyboard.press('d')
    const sent = await until('two units are sent', () => {
      const unitIds = server.world.incidents.get(incidentId)!.unitIds
      return unitIds.length === 2 && unitIds
    })
    for (const unitId of sent) {
      await atCity.getByTestId(`task-${unitId}`).waitFor()
      assert.equal(server.world.units.get(unitId)!.regionCode, north, 'a county sends its own')
    }

    // The first arrives, the second is stood down by one key with its reason in the record.
    const tablet = { incidentId, by: 'key' }
    await server.say(server.device, 'unit.taskAcknowledged', { unitId: sent[0], ...tablet })
    await server.say(server.device, 'unit.status', { unitId: sent[0], status: 'rolling', ...tablet })
    await server.say(server.device, 'unit.status', { unitId: sent[0], status: 'on-scene', ...tablet })
    await atCounty.getByTestId('stand-down').waitFor()
    await atCounty.keyboard.press('z')
    await until('the late one is free', () => server.world.units.get(sent[1]!)?.incidentId === undefined)
    const released = server.world.incidents.get(incidentId)!.stamps.find(row => row.stamp === 'released')
    assert.equal(released?.reason, '已有车组到达，不再需要')

    // Hospitals: the diverted one stands below although it is nearer; the notice is confirmed by the hospital.
    await atCounty.keyboard.press('h')
    const best = atCounty.getByTestId('destination-1')
    await best.getByText('市一院').waitFor()
    const diverted = atCounty.getByTestId('destination-list').locator('.destination-row', { hasText: '秀洲医院' })
    assert.match((await diverted.textContent()) ?? '', /导管室检修/)
    await atCounty.getByTestId('notify-1').click()
    await atCounty.getByTestId(`notice-${sent[0]}`).waitFor()
    await server.say(await server.as('hospital', [south]), 'hospital.noticeAcknowledged', {
      placeId: 'H1',
      incidentId,
      unitId: sent[0],
    })
    await atCounty.getByTestId(`notice-${sent[0]}`).getByText('已确认').waitFor()
    await atCounty.screenshot({ path: join(artifacts, 'centre-hospital-1920.png') })

    // A second case: the busy unit gets it as its next task by the command line.
    assert.equal((await server.say(cityDesk, 'incident.opened', open('CASE-119', 0.03))).result, 'done')
    await command(atCity, `Q 119 ${sent[0]}`)
    await atCity.getByTestId(`next-${sent[0]}`).waitFor()
    await atCity.keyboard.press('F12')
    await atCity.getByTestId('mass-count').fill('9')
    await atCity.getByTestId('mass-declare').click()
    await atCity.getByTestId('mass-mark').waitFor()
    await atCity.getByTestId('mass-plan').getByTestId('mass-send').waitFor()
    await atCity.locator('[data-testid^="mass-row-"]').first().waitFor()
    await atCity.screenshot({ path: join(artifacts, 'centre-mass-1366.png') })
    await atCity.getByTestId('mass-send').click()
    const mass = await until('the plan is sent', () => {
      const unitIds = server.world.incidents.get('CASE-119')!.unitIds
      return unitIds.length >= 2 && unitIds
    })
    const idle = [...server.world.units.values()].filter(unit => unit.incidentId === undefined)
    assert.ok(idle.length >= 1, `${mass.length} sent, ${idle.length} kept for the rest`)

    // A crew in distress is heard at both desks and answered by the key of every alarm.
    await server.say(server.device, 'unit.distressed', { unitId: sent[0] })
    await atCounty.getByTestId(`distress-${sent[0]}`).waitFor()
    await atCounty.keyboard.press('a')
    await until('somebody has seen it', () => server.world.units.get(sent[0]!)?.distress?.acknowledgedBy)
    await atCounty.keyboard.press('b')
    await atCounty.getByTestId('cover-strip').waitFor()
    await atCounty.screenshot({ path: join(artifacts, 'centre-cover-1920.png') })
    await atCity.getByTestId('language-switch').click()
    await atCity.screenshot({ path: join(artifacts, 'centre-en-1366.png') })
    assert.deepEqual(faults, [])
    t.diagnostic(`units sent: ${sent.join(', ')}; mass: ${mass.join(', ')}`)
  } finally {
    for (const own of browsers) await own.close()
    await server.remove()
  }
})
