/**
 * Certificates: `npm run certificates -- --out DIR --host NAME…` makes a local certificate authority and a server certificate
 * for a centre without a public name, and says how each kind of device learns to trust it. `--renew` issues the server
 * certificate anew under the same authority, so that no device has to be visited again.
 * Promises: never overwrites anything without `--renew`; private keys are mode 0600 from their first byte; a renewal replaces
 * files whole or not at all.
 */
import './reflect-metadata.ts'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, open, readFile, rename, unlink } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join, resolve } from 'node:path'
import { domainToASCII } from 'node:url'
import { parseArgs } from 'node:util'
import * as x509 from '@peculiar/x509'

const dayMs = 86_400_000
/** Life of the authority: 10 years, as long as the devices that trust it. */
const authorityLifeMs = 10 * 365 * dayMs
/** Life of a server certificate: with the day before, 397 days; browsers take at most 398. @source CA/Browser Forum Ballot SC31 */
const serverLifeMs = 396 * dayMs
/** Backdated by a day: tablets wake with clocks that are behind. */
const backdateMs = dayMs
/** Most names and addresses in one certificate. */
export const hostsMax = 50
/** Names of this machine for itself, always in the certificate: health checks and the operator's own browser. */
const ownHosts = ['localhost', '127.0.0.1', '::1'] as const
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** The request cannot be carried out as asked; the text says what to do. */
export class CertificateRefusal extends Error {
  override name = 'CertificateRefusal'
}

export type Certificates = {
  authorityPath: string
  authorityKeyPath: string
  certificatePath: string
  keyPath: string
  hosts: string[]
  /** End of the server certificate, epoch ms. */
  expiresAt: number
  /** SHA-256 of the authority as devices show it: AB:CD:… */
  fingerprint: string
}

/**
 * Makes or renews the certificates in a directory.
 * @param options.hosts names and addresses browsers will type; with `renew` and none given, those of the certificate there
 * @param options.now epoch ms
 */
export async function createCertificates(options: {
  out: string
  hosts: readonly string[]
  renew: boolean
  now: number
}): Promise<Certificates> {
  const { now, renew } = options
  const out = resolve(options.out)
  const paths = {
    authorityPath: join(out, 'authority.crt'),
    authorityKeyPath: join(out, 'authority.key'),
    certificatePath: join(out, 'server.crt'),
    keyPath: join(out, 'server.key'),
  }
  const existing = Object.values(paths).filter(path => existsSync(path))
  if (!renew && existing.length > 0)
    throw new CertificateRefusal(
      `${existing.join(', ')} exist already; nothing was overwritten. Say --renew for a new server certificate.`,
    )
  const given = options.hosts.map(parseHost)
  if (given.length > hostsMax) throw new CertificateRefusal(`At most ${hostsMax} hosts.`)
  if (given.length === 0 && !renew)
    throw new CertificateRefusal('Say at least one --host: the name or address browsers will type.')

  const authority = renew ? await readAuthority(paths, now) : await createAuthority(now)
  const hosts = [...new Set([...(given.length > 0 ? given : await readHosts(paths.certificatePath)), ...ownHosts])]
  const server = await issueServer(authority, hosts, now)
  await mkdir(out, { recursive: true, mode: 0o700 })
  if (!renew) {
    await writeWhole(paths.authorityKeyPath, authority.keyPem, 0o600, false)
    await writeWhole(paths.authorityPath, authority.certificate.toString('pem'), 0o644, false)
  }
  // Certificate and authority together: a client that knows only the authority is given the whole chain.
  const chain = `${server.certificate.toString('pem')}\n${authority.certificate.toString('pem')}\n`
  await writePair(
    [
      { path: paths.keyPath, text: server.keyPem, mode: 0o600 },
      { path: paths.certificatePath, text: chain, mode: 0o644 },
    ],
    renew,
  )
  const digest = Buffer.from(await authority.certificate.getThumbprint('SHA-256'))
  return {
    ...paths,
    hosts,
    expiresAt: server.certificate.notAfter.getTime(),
    fingerprint: digest.toString('hex').toUpperCase().match(/../g)!.join(':'),
  }
}

/** A host as it stands in a certificate: an IP address, or a DNS name in ASCII, with a leading `*.` if so given. */
function parseHost(host: string): string {
  if (isIP(host) !== 0) return host.toLowerCase()
  const isWild = host.startsWith('*.')
  const ascii = domainToASCII(isWild ? host.slice(2) : host)
  const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/
  const labels = ascii.split('.')
  // An all-digit last label is an address written wrongly (10.0.0.300), which no browser would match.
  if (ascii.length > 253 || !labels.every(one => label.test(one)) || /^\d+$/.test(labels.at(-1)!))
    throw new CertificateRefusal(`${JSON.stringify(host.slice(0, 80))} is neither a host name nor an IP address.`)
  return (isWild ? '*.' : '') + ascii
}

type Authority = {
  certificate: x509.X509Certificate
  keys: { privateKey: CryptoKey; publicKey: CryptoKey }
  keyPem: string
}

async function createKeys(): Promise<{ privateKey: CryptoKey; publicKey: CryptoKey; pem: string }> {
  const keys = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair
  const bytes = await crypto.subtle.exportKey('pkcs8', keys.privateKey)
  return { ...pick(keys), pem: `${x509.PemConverter.encode(bytes, 'PRIVATE KEY')}\n` }
}
const pick = ({ privateKey, publicKey }: CryptoKeyPair) => ({ privateKey, publicKey })

/** 16 random bytes, positive, as RFC 5280 asks. */
function createSerial(): string {
  const bytes = randomBytes(16)
  bytes[0]! &= 0x7f
  bytes[0]! |= 0x01
  return bytes.toString('hex')
}

async function createAuthority(now: number): Promise<Authority> {
  const keys = await createKeys()
  // The name carries a random part: two centres on one tablet can be told apart in its list.
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: createSerial(),
    name: `CN=Vigil local authority ${randomBytes(4).toString('hex')}, O=Vigil`,
    notBefore: new Date(now - backdateMs),
    notAfter: new Date(now + authorityLifeMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificate, keys, keyPem: keys.pem }
}

async function readAuthority(
  paths: Pick<Certificates, 'authorityPath' | 'authorityKeyPath'>,
  now: number,
): Promise<Authority> {
  const readText = async (path: string) => {
    try {
      return await readFile(path, 'utf8')
    } catch {
      throw new CertificateRefusal(`${path} cannot be read: a renewal needs the authority and its key beside it.`)
    }
  }
  const keyPem = await readText(paths.authorityKeyPath)
  const text = await readText(paths.authorityPath)
  let certificate: x509.X509Certificate
  let privateKey: CryptoKey
  try {
    certificate = new x509.X509Certificate(text)
    privateKey = await crypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(keyPem), algorithm, true, [
      'sign',
    ])
  } catch {
    throw new CertificateRefusal(`${paths.authorityPath} or its key is damaged; take both from the backup.`)
  }
  if (certificate.notAfter.getTime() <= now)
    throw new CertificateRefusal(
      `The authority expired on ${certificate.notAfter.toISOString().slice(0, 10)}: make a new one in an empty directory.`,
    )
  const publicKey = await certificate.publicKey.export(algorithm, ['verify'])
  const probe = randomBytes(32)
  const signature = await crypto.subtle.sign(algorithm, privateKey, probe)
  if (!(await crypto.subtle.verify(algorithm, publicKey, signature, probe)))
    throw new CertificateRefusal(`${paths.authorityKeyPath} is not the key of ${paths.authorityPath}.`)
  return { certificate, keys: { privateKey, publicKey }, keyPem }
}

async function readHosts(path: string): Promise<string[]> {
  try {
    const certificate = new x509.X509Certificate(x509.PemConverter.decodeFirst(await readFile(path, 'utf8')))
    const names = certificate.getExtension(x509.SubjectAlternativeNameExtension)
    const hosts = names?.names.items.map(name => name.value) ?? []
    if (hosts.length > 0) return hosts.map(parseHost)
  } catch {}
  throw new CertificateRefusal(`${path} names no hosts; say them with --host.`)
}

async function issueServer(
  authority: Authority,
  hosts: readonly string[],
  now: number,
): Promise<{ certificate: x509.X509Certificate; keyPem: string }> {
  const keys = await createKeys()
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: createSerial(),
    subject: [{ CN: [hosts[0]!.slice(0, 64)] }, { O: ['Vigil'] }],
    issuer: authority.certificate.subject,
    notBefore: new Date(now - backdateMs),
    // A server certificate that outlives its authority would fail on the day nobody expects.
    notAfter: new Date(Math.min(now + serverLifeMs, authority.certificate.notAfter.getTime())),
    publicKey: keys.publicKey,
    signingKey: authority.keys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        hosts.map(value => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(authority.certificate),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificate, keyPem: keys.pem }
}

type File = { path: string; text: string; mode: number }

async function writeWhole(path: string, text: string, mode: number, isReplacing: boolean): Promise<void> {
  await writePair([{ path, text, mode }], isReplacing)
}

/** Writes files beside their places and then moves them there, all or none unless the machine stops between two moves. */
async function writePair(files: readonly File[], isReplacing: boolean): Promise<void> {
  const drafts: { draft: string; path: string }[] = []
  try {
    for (const { path, text, mode } of files) {
      if (!isReplacing && existsSync(path))
        throw new CertificateRefusal(`${path} exists already; nothing was overwritten.`)
      const draft = `${path}.${randomBytes(4).toString('hex')}`
      drafts.push({ draft, path })
      const file = await open(draft, 'wx', mode)
      try {
        await file.writeFile(text)
        await file.sync()
      } finally {
        await file.close()
      }
      // The mode of a new file passes through the umask, which may have closed a certificate others must read.
      await chmod(draft, mode)
    }
    for (const { draft, path } of drafts) await rename(draft, path)
  } catch (fault) {
    for (const { draft } of drafts) await unlink(draft).catch(() => undefined)
    throw fault
  }
}

/** What the operator does next, for each kind of device, in Chinese and English. */
export function describeInstallation(made: Certificates): string {
  const until = new Date(made.expiresAt).toISOString().slice(0, 10)
  const { authorityPath, authorityKeyPath, certificatePath, keyPath, fingerprint } = made
  return `
服务器证书 ${certificatePath}
服务器私钥 ${keyPath}(权限 0600,不可外传)
有效期至 ${until};到期前执行:npm run certificates -- --out 同一目录 --renew(设备无需重新安装)
域名与地址:${made.hosts.join('、')}

在每台设备上安装根证书 ${authorityPath}(只装这一个文件;私钥 ${authorityKeyPath} 请移到保险柜,续期时再放回)。
安装前核对 SHA-256 指纹:
  ${fingerprint}

Windows(管理员命令行):
  certutil -addstore -f Root authority.crt
Linux / 统信 UOS / 麒麟:
  sudo cp authority.crt /usr/local/share/ca-certificates/vigil.crt && sudo update-ca-certificates
  浏览器(Chromium 内核)另需:certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n vigil -i authority.crt
  (certutil 来自 libnss3-tools)
Android 车载平板:
  设置 → 安全 → 加密与凭据 → 安装证书 → CA 证书 → 选择 authority.crt;系统提示“网络可能受到监控”属正常

Server certificate ${certificatePath}
Server key         ${keyPath} (mode 0600, never leaves this machine)
Valid until ${until}; before that: npm run certificates -- --out the-same-directory --renew (no device is visited again)
Hosts: ${made.hosts.join(', ')}

Install the authority ${authorityPath} on every device (this one file; keep ${authorityKeyPath} in a safe until a renewal).
Compare its SHA-256 fingerprint before you do:
  ${fingerprint}

Windows (command line as administrator):
  certutil -addstore -f Root authority.crt
Linux / UOS / Kylin:
  sudo cp authority.crt /usr/local/share/ca-certificates/vigil.crt && sudo update-ca-certificates
  for Chromium browsers also: certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n vigil -i authority.crt
  (certutil comes with libnss3-tools)
Android tablet:
  Settings → Security → Encryption & credentials → Install a certificate → CA certificate → authority.crt;
  the notice "network may be monitored" is expected
`
}

const usage = `npm run certificates -- --out DIR --host NAME [--host NAME…] [--renew]`

/** Reads the command line, makes the certificates, prints what to do; answers the exit code. */
export async function runCertificates(
  argv: readonly string[],
  print: (text: string) => void,
  now: number,
): Promise<number> {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        out: { type: 'string' },
        host: { type: 'string', multiple: true, default: [] },
        renew: { type: 'boolean', default: false },
      },
    })
    if (values.out === undefined || values.out === '') throw new CertificateRefusal(`Say where: ${usage}`)
    // `--host a b c` reads like a list, so it is one.
    const made = await createCertificates({
      out: values.out,
      hosts: [...values.host, ...positionals],
      renew: values.renew,
      now,
    })
    print(describeInstallation(made))
    return 0
  } catch (fault) {
    const isUsage =
      fault instanceof TypeError && String((fault as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS')
    if (!(fault instanceof CertificateRefusal) && !isUsage) throw fault
    print(`${fault.message}\n${isUsage ? usage : ''}`)
    return 2
  }
}

if (import.meta.main) {
  process.exitCode = await runCertificates(process.argv.slice(2), text => process.stdout.write(`${text}\n`), Date.now())
}
