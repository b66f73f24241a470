/**
 * The console of this tree in a real browser against a real server: built once into a folder of its own, handed to the page under
 * the server's address, so that every word it reads comes from the server and nothing is written into the tree.
 */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join, resolve } from 'node:path'
import type { Page } from 'playwright-core'
import { build } from 'vite'
import { launchBrowser, type OpenBrowser } from './browser.ts'

const root = resolve(import.meta.dirname, '../../console')
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
}

/** Builds the console; `remove` deletes what was built. */
export async function buildConsole(): Promise<{ dist: string; remove(): Promise<void> }> {
  const dist = await mkdtemp(join(tmpdir(), 'vigil-console-'))
  await build({
    root,
    configFile: join(root, 'vite.config.ts'),
    logLevel: 'error',
    build: { outDir: dist, emptyOutDir: true, reportCompressedSize: false },
  })
  return { dist, remove: () => rm(dist, { recursive: true, force: true }) }
}

/** A browser that may open sockets to a page handed over by a test. */
export function launchConsole(size: { width: number; height: number }): Promise<OpenBrowser> {
  // The document is handed over below: Chromium then knows no address of it and would refuse it the loopback socket.
  return launchBrowser({ ...size, switches: ['--disable-features=LocalNetworkAccessChecks'] })
}

/** Opens a page of the console, signed in. Faults of the page are kept in `faults`. */
export async function openConsole(
  opened: OpenBrowser,
  dist: string,
  options: { url: string; accountId: string; password: string; hash?: string; patienceMs?: number },
): Promise<{ page: Page; faults: string[] }> {
  // Who was signed in here before is gone: a browser is one seat after another.
  await opened.browser.clearCookies()
  const page = await opened.browser.newPage()
  const faults: string[] = []
  page.setDefaultTimeout(options.patienceMs ?? 60_000)
  page.on('pageerror', fault => faults.push(String(fault.stack ?? fault)))
  await page.route(
    url => !url.pathname.startsWith('/v1/') && !url.pathname.startsWith('/socket.io'),
    route => {
      const path = new URL(route.request().url()).pathname
      const file = path === '/' ? '/index.html' : path
      return route.fulfill({
        body: readFileSync(join(dist, file)),
        contentType: types[extname(file)] ?? 'application/octet-stream',
      })
    },
  )
  await page.goto(`${options.url}/${options.hash ?? ''}`)
  await page.getByTestId('account').fill(options.accountId)
  await page.getByTestId('password').fill(options.password)
  await page.getByTestId('sign-in-submit').click()
  await page.locator('[data-testid="link"][data-state="live"]').waitFor()
  return { page, faults }
}
