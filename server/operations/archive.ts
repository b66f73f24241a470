/**
 * The archive file of a backup: one gzip tar with a manifest (what, when, from which version, the SHA-256 of every file)
 * and the files. Written and read by backup.ts and restore.ts through the system's tar.
 * Promises: a file under its final name is complete and was compared with its source; what comes out of an archive is
 * exactly what its manifest names, or nothing.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, open, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { createFault } from '../database/fault.ts'

const execute = promisify(execFile)

export const ARCHIVE_FORMAT = 1
/** Files in one archive; a cluster of a busy city has thousands, never this many. */
export const archiveFilesMax = 500_000
const toolOutputBytesMax = 64 * 1024 * 1024
const MANIFEST = 'manifest.json'

export type Manifest = {
  format: typeof ARCHIVE_FORMAT
  /** 'embedded' holds a stopped cluster directory, 'server' one pg_dump file in custom format. */
  kind: 'embedded' | 'server'
  createdAt: number
  versions: { postgres: string; timescale: string | null }
  /** SHA-256 by path, '/' between folders. */
  files: Record<string, string>
}

/** Runs a program and returns its output; its words become a fault when it fails. */
export async function runTool(program: string, args: string[]): Promise<string> {
  try {
    return (await execute(program, args, { maxBuffer: toolOutputBytesMax })).stdout
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string }
    const said = stderr?.trim() || String(code ?? error)
    throw createFault('TOOL_FAILED', `${program} 执行失败：${said}`, `${program} failed: ${said}`, error)
  }
}

/** Reads the SHA-256 of every file below a folder; anything but files and folders is refused. */
export async function hashFolder(root: string, folder: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {}
  let count = 0
  const walk = async (path: string): Promise<void> => {
    const entries = await readdir(join(root, path), { withFileTypes: true })
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const name = `${path}/${entry.name}`
      if (entry.isDirectory()) await walk(name)
      else if (!entry.isFile() || ++count > archiveFilesMax) throw describeBroken(name)
      else files[name] = await hashFile(join(root, name))
    }
  }
  await walk(folder)
  return files
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

/**
 * Packs a folder and its manifest into a file: under a passing name first, compared with its source, synced, then renamed.
 *
 * @param root the directory the folder lies in; nothing may change in it meanwhile
 */
export async function writeArchive(
  file: string,
  root: string,
  folder: string,
  about: Omit<Manifest, 'format' | 'files' | 'createdAt'>,
): Promise<Manifest> {
  const target = resolve(file)
  const staging = await mkdtemp(join(dirname(target), `.${basename(target)}-`))
  try {
    const manifest: Manifest = {
      format: ARCHIVE_FORMAT,
      ...about,
      createdAt: Date.now(),
      files: await hashFolder(root, folder),
    }
    await writeFile(join(staging, MANIFEST), `${JSON.stringify(manifest, null, 1)}\n`)
    const packed = join(staging, 'archive')
    const contents = ['-C', staging, MANIFEST, '-C', resolve(root), folder]
    await runTool('tar', ['-czf', packed, ...contents])
    await runTool('tar', ['-dzf', packed, ...contents]) // reads all of it back and compares byte by byte
    const handle = await open(packed, 'r')
    await handle.chmod(0o600) // a backup holds what the database holds
    await handle.sync()
    await handle.close()
    await rename(packed, target)
    return manifest
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

/** Reads an archive's manifest without unpacking the rest. */
export async function readManifest(file: string): Promise<Manifest> {
  let manifest: Partial<Manifest>
  try {
    manifest = JSON.parse(await runTool('tar', ['-xzOf', file, MANIFEST]))
  } catch (error) {
    throw createFault('ARCHIVE_UNREADABLE', `无法读取备份文件 ${file}`, `${file} is not a readable backup`, error)
  }
  const isKnown = manifest.format === ARCHIVE_FORMAT && (manifest.kind === 'embedded' || manifest.kind === 'server')
  if (!isKnown || typeof manifest.files !== 'object') {
    throw createFault(
      'ARCHIVE_UNREADABLE',
      `无法识别备份 ${file} 的格式`,
      `${file} has a format this release cannot read`,
    )
  }
  return manifest as Manifest
}

/** Unpacks an archive's folder into an empty directory and checks every file against the manifest. */
export async function unpackArchive(file: string, manifest: Manifest, root: string, folder: string): Promise<void> {
  await runTool('tar', ['-xzf', resolve(file), '-C', root, '--no-same-owner', folder])
  const found = await hashFolder(root, folder)
  for (const name of new Set([...Object.keys(found), ...Object.keys(manifest.files)])) {
    if (found[name] !== manifest.files[name]) throw describeBroken(name)
  }
}

function describeBroken(name: string) {
  return createFault('ARCHIVE_BROKEN', `备份内容与清单不符：${name}`, `the backup does not match its manifest: ${name}`)
}
