/**
 * Routing: who must be told of an alert, and when no longer. Pages are due in the world; the pager (fanout/) sends them and
 * says what came of it through the door. A page holds level, place and link, never a name.
 */
import type { Alert, Touched, World } from '../state/world.ts'

/** Pages of one alert step have one id: a replay or a second process cannot page twice under another name. */
export function getPageId(alertId: string, step: number): string {
  return `P-${alertId}-${step}`
}

/** Makes one step of an alert due for a role in its region. */
export function addPage(world: World, alert: Alert, step: number, role: string, touched: Touched): void {
  const pageId = getPageId(alert.alertId, step)
  if (world.pages.has(pageId)) return
  world.pages.set(pageId, {
    pageId,
    alertId: alert.alertId,
    step,
    role,
    regionCode: alert.regionCode,
    level: alert.level,
    dueAt: world.city.now,
    attempts: 0,
    withdrawn: false,
  })
  touched.pages.add(pageId)
}

/** Once somebody has answered, the pages not yet sent are withdrawn. */
export function withdrawPages(world: World, alertId: string, touched: Touched): void {
  for (const page of world.pages.values()) {
    if (page.alertId !== alertId || page.receiptedAt !== undefined || page.withdrawn) continue
    page.withdrawn = true
    touched.pages.add(page.pageId)
  }
}
