/** Which pages a seat has, by its roles. Pure; the server judges every request anyway, this only shows people their own work. */
import type { Role } from '#contract/scalars.ts'
import type { Page } from '../shell/desk.ts'

const pagesOfRole: Partial<Record<Role, readonly Page[]>> = {
  dispatcher: ['dispatch', 'alerts', 'shift', 'replay', 'quality'],
  'shift-leader': ['dispatch', 'alerts', 'shift', 'replay', 'quality', 'reports'],
  epidemiologist: ['alerts', 'series', 'cases', 'sources', 'rules', 'weekly'],
  administrator: ['admin', 'alerts', 'sources', 'reports'],
  auditor: ['audit', 'reports'],
}

/** The pages a session's roles have work on, in the order of the navigation; empty for device-like roles. */
export function listPages(roles: readonly Role[]): readonly Page[] {
  const order: readonly Page[] = [
    'dispatch',
    'admin',
    'alerts',
    'series',
    'cases',
    'sources',
    'rules',
    'weekly',
    'shift',
    'replay',
    'quality',
    'audit',
    'reports',
  ]
  return order.filter(page => roles.some(role => pagesOfRole[role]?.includes(page)))
}
