// Opens Debian's Chromium for the browser tests: a fresh profile, no sandbox, software WebGL, no background traffic.
// Nothing is downloaded; where the program is absent the launch fails and CI fails with it.

import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium } from 'playwright-core'

const executable = '/usr/bin/chromium'
const launchArguments = [
  '--headless',
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
]

/** One browser with its own profile; `browser` is a context that pages are opened in. */
export interface OpenBrowser {
  readonly browser: BrowserContext
  /** Closes the browser and removes its profile. */
  close(): Promise<void>
}

/** What may differ between launches; further Chromium switches come after the shared ones. */
export interface LaunchOptions {
  readonly width?: number
  readonly height?: number
  readonly switches?: readonly string[]
}

/** Starts a browser with a fresh profile directory. */
export async function launchBrowser(options: LaunchOptions = {}): Promise<OpenBrowser> {
  const profile = await mkdtemp(join(tmpdir(), 'vigil-browser-'))
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: executable,
    args: [...launchArguments, ...(options.switches ?? [])],
    viewport: { width: options.width ?? 1366, height: options.height ?? 768 },
    locale: 'zh-CN',
    timezoneId: 'Asia/Shanghai',
  })
  return {
    browser,
    async close() {
      await browser.close()
      await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
    },
  }
}

/** The version line of the browser the tests run in, for their record; undefined where there is none. */
export function findBrowserVersion(): string | undefined {
  const run = spawnSync(executable, ['--version'], { encoding: 'utf8' })
  return run.status === 0 ? run.stdout.trim() : undefined
}
