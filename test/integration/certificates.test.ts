/**
 * Certificates, judged by real TLS: a client that trusts the authority takes the server by every name it was made for and by
 * no other; nothing is overwritten; a renewal keeps the authority; a damaged or foreign key is noticed.
 */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import tls from 'node:tls'
import { CertificateRefusal, createCertificates, runCertificates } from '../../server/operations/certificates.ts'

let home: string
before(() => {
  home = mkdtempSync(join(tmpdir(), 'vigil-certificates-'))
})
after(() => rmSync(home, { recursive: true }))
const dayMs = 86_400_000
const read = (...parts: string[]) => readFileSync(join(home, ...parts), 'utf8')

/** Shakes hands with a server of this directory under a name; the fault's code, or 'trusted'. */
async function shakeHands(
  directory: string,
  servername: string,
  ca: string,
  minVersion: tls.SecureVersion = 'TLSv1.2',
): Promise<string> {
  const server = tls.createServer({ key: read(directory, 'server.key'), cert: read(directory, 'server.crt') }, socket =>
    socket.end('vigil'),
  )
  server.on('tlsClientError', () => undefined)
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening))
  try {
    return await new Promise<string>(answer => {
      const { port } = server.address() as AddressInfo
      const client = tls.connect({
        port,
        host: '127.0.0.1',
        ca,
        minVersion,
        ...(/^[\d.]+$/.test(servername) ? {} : { servername }),
        checkServerIdentity: (_, certificate) => tls.checkServerIdentity(servername, certificate),
      })
      client.once('error', fault => answer(String((fault as NodeJS.ErrnoException).code)))
      client.once('secureConnect', () => {
        answer(client.authorized ? 'trusted' : String(client.authorizationError))
        client.destroy()
      })
    })
  } finally {
    await new Promise(closed => server.close(closed))
  }
}

test('ID-60 a client that trusts the authority takes the server by each of its names and by no other', async () => {
  const made = await createCertificates({
    out: join(home, 'a'),
    hosts: ['vigil.centre.local', '10.20.30.40', '嘉兴急救.中国', '*.desk.local'],
    renew: false,
    now: Date.now(),
  })
  const ca = read('a', 'authority.crt')
  for (const name of [
    'vigil.centre.local',
    '10.20.30.40',
    'xn--05tp93aa8475f.xn--fiqs8s',
    'a.desk.local',
    'localhost',
    '127.0.0.1',
  ]) {
    if (name.startsWith('xn--'))
      assert.ok(made.hosts.some(host => host.startsWith('xn--') && host.endsWith('.xn--fiqs8s')))
    else assert.equal(await shakeHands('a', name, ca), 'trusted', name)
  }
  assert.equal(await shakeHands('a', made.hosts.find(host => host.startsWith('xn--'))!, ca, 'TLSv1.3'), 'trusted')
  for (const name of ['evil.local', '10.20.30.41', 'desk.local', 'a.b.desk.local'])
    assert.equal(await shakeHands('a', name, ca), 'ERR_TLS_CERT_ALTNAME_INVALID', name)
  await createCertificates({ out: join(home, 'b'), hosts: ['vigil.centre.local'], renew: false, now: Date.now() })
  assert.notEqual(await shakeHands('a', 'vigil.centre.local', read('b', 'authority.crt')), 'trusted')
  assert.equal(made.fingerprint, new X509Certificate(ca).fingerprint256)
})

test('ID-61 private keys are closed to others; the server certificate cannot sign and lives less than 398 days', () => {
  assert.equal(statSync(join(home, 'a')).mode & 0o777, 0o700)
  for (const file of ['authority.key', 'server.key']) assert.equal(statSync(join(home, 'a', file)).mode & 0o777, 0o600)
  const authority = new X509Certificate(read('a', 'authority.crt'))
  const server = new X509Certificate(read('a', 'server.crt'))
  assert.deepEqual([authority.ca, server.ca], [true, false])
  assert.ok(server.checkIssued(authority) && server.verify(authority.publicKey))
  const days = (Date.parse(server.validTo) - Date.parse(server.validFrom)) / dayMs
  assert.ok(days > 300 && days <= 398, String(days))
  assert.deepEqual(server.keyUsage, ['1.3.6.1.5.5.7.3.1'], 'server authentication alone')
})

test('ID-62 nothing is overwritten, also when only one file of four is there', async () => {
  const before = readdirSync(join(home, 'a')).map(file => [file, read('a', file)])
  await assert.rejects(
    createCertificates({ out: join(home, 'a'), hosts: ['x.local'], renew: false, now: Date.now() }),
    CertificateRefusal,
  )
  assert.deepEqual(
    readdirSync(join(home, 'a')).map(file => [file, read('a', file)]),
    before,
  )
  const lone = mkdtempSync(join(home, 'lone-'))
  writeFileSync(join(lone, 'server.key'), 'somebody needs this')
  await assert.rejects(
    createCertificates({ out: lone, hosts: ['x.local'], renew: false, now: Date.now() }),
    CertificateRefusal,
  )
  assert.deepEqual(
    [readdirSync(lone), readFileSync(join(lone, 'server.key'), 'utf8')],
    [['server.key'], 'somebody needs this'],
  )
})

test('ID-63 a renewal keeps the authority and the names, and changes key and certificate', async () => {
  const ca = read('a', 'authority.crt')
  const old = { key: read('a', 'server.key'), certificate: new X509Certificate(read('a', 'server.crt')) }
  const renewed = await createCertificates({
    out: join(home, 'a'),
    hosts: [],
    renew: true,
    now: Date.now() + 200 * dayMs,
  })
  assert.equal(read('a', 'authority.crt'), ca)
  assert.notEqual(read('a', 'server.key'), old.key)
  const next = new X509Certificate(read('a', 'server.crt'))
  assert.equal(next.subjectAltName, old.certificate.subjectAltName)
  assert.notEqual(next.serialNumber, old.certificate.serialNumber)
  assert.ok(renewed.expiresAt > Date.parse(old.certificate.validTo))
  assert.deepEqual(readdirSync(join(home, 'a')).sort(), ['authority.crt', 'authority.key', 'server.crt', 'server.key'])
  await createCertificates({ out: join(home, 'a'), hosts: ['new.local'], renew: true, now: Date.now() })
  assert.equal(await shakeHands('a', 'new.local', ca), 'trusted')
  assert.equal(await shakeHands('a', 'vigil.centre.local', ca), 'ERR_TLS_CERT_ALTNAME_INVALID')
  const late = await createCertificates({
    out: join(home, 'a'),
    hosts: [],
    renew: true,
    now: Date.now() + 3_600 * dayMs,
  })
  assert.equal(late.expiresAt, Date.parse(new X509Certificate(ca).validTo), 'never longer than the authority')
})

test('ID-64 a renewal refuses an authority that is missing, damaged, expired or not its key, and changes nothing', async () => {
  const make = async (name: string) => {
    await createCertificates({ out: join(home, name), hosts: ['x.local'], renew: false, now: Date.now() })
    return join(home, name)
  }
  const damages: [string, (path: string) => void, number][] = [
    ['no-key', path => rmSync(join(path, 'authority.key')), 0],
    ['empty-key', path => writeFileSync(join(path, 'authority.key'), ''), 0],
    ['foreign-key', path => writeFileSync(join(path, 'authority.key'), read('b', 'authority.key')), 0],
    [
      'damaged',
      path =>
        writeFileSync(join(path, 'authority.crt'), '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'),
      0,
    ],
    ['expired', () => undefined, 3_651 * dayMs],
  ]
  for (const [name, damage, ahead] of damages) {
    const path = await make(name)
    damage(path)
    const before = read(name, 'server.crt') + read(name, 'server.key')
    await assert.rejects(
      createCertificates({ out: path, hosts: [], renew: true, now: Date.now() + ahead }),
      CertificateRefusal,
      name,
    )
    assert.equal(read(name, 'server.crt') + read(name, 'server.key'), before, name)
  }
  await assert.rejects(
    createCertificates({ out: join(home, 'nowhere'), hosts: [], renew: true, now: Date.now() }),
    CertificateRefusal,
  )
})

test('ID-65 the command line: hosts as a list, instructions in both languages, refusals with exit code 2', async () => {
  const run = async (...argv: string[]) => {
    const printed: string[] = []
    const code = await runCertificates(argv, text => printed.push(text), Date.now())
    return { code, text: printed.join('\n') }
  }
  const good = await run('--out', join(home, 'c'), '--host', 'one.local', 'two.local', '192.168.1.5')
  assert.equal(good.code, 0)
  for (const part of [
    'Windows',
    'UOS',
    'Android',
    '车载平板',
    'authority.crt',
    'one.local',
    'two.local',
    '192.168.1.5',
  ])
    assert.ok(good.text.includes(part), part)
  assert.ok(!good.text.includes('PRIVATE KEY'))
  const refused: string[][] = [
    [],
    ['--out', join(home, 'c'), '--host', 'one.local'],
    ['--out', join(home, 'd')],
    ['--out', join(home, 'd'), '--unknown'],
    ['--out', join(home, 'd'), '--host', 'http://one.local/'],
    ['--out', join(home, 'd'), '--host', '10.0.0.300'],
    ['--out', join(home, 'd'), '--host', 'a b'],
    ['--out', join(home, 'd'), '--host', '-x.local'],
    ['--out', join(home, 'd'), '--host', ''],
    ['--out', join(home, 'd'), '--host', 'x'.repeat(300)],
    ['--out', join(home, 'd'), ...Array.from({ length: 51 }, (_, index) => `h${index}.local`)],
  ]
  for (const argv of refused) {
    const { code, text } = await run(...argv)
    assert.equal(code, 2, argv.join(' '))
    assert.ok(text.length > 10)
  }
  assert.ok(!readdirSync(home).includes('d'), 'a refusal leaves nothing behind')
})
