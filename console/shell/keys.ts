/**
 * Every key of the console in one table: what the help overlay lists, what a button shows beside its word and what the
 * keyboard obeys are the same row. Handlers are registered by the screen that can act; the newest registration wins.
 */
import { useEffect, useRef } from 'react'

export type KeyId = (typeof keyTable)[number]['id']

/**
 * `where` groups the help; `keys` are KeyboardEvent.key values, with Alt+/Ctrl+ before them; `inText`: also while typing. A case
 * and a review are never on one screen: there alone a letter may stand twice, and the screen that can act takes it.
 */
export const keyTable = [
  { id: 'help', keys: ['?'], shown: '?', where: 'everywhere' },
  { id: 'command', keys: ['/'], shown: '/', where: 'everywhere' },
  { id: 'leave', keys: ['Escape'], shown: 'Esc', where: 'everywhere', inText: true },
  { id: 'mute', keys: ['m'], shown: 'M', where: 'everywhere' },
  { id: 'acknowledge', keys: ['a', 'F9'], shown: 'A', where: 'everywhere' },
  { id: 'down', keys: ['ArrowDown', 'j'], shown: '↓ J', where: 'lists' },
  { id: 'up', keys: ['ArrowUp', 'k'], shown: '↑ K', where: 'lists' },
  { id: 'edges', keys: ['Home', 'End'], shown: 'Home End', where: 'lists' },
  { id: 'open', keys: ['Enter'], shown: 'Enter', where: 'lists' },
  { id: 'toCalls', keys: ['c'], shown: 'C', where: 'desk' },
  { id: 'toQueue', keys: ['q'], shown: 'Q', where: 'desk' },
  { id: 'toUnits', keys: ['u'], shown: 'U', where: 'desk' },
  { id: 'answer', keys: ['F1'], shown: 'F1', where: 'desk', inText: true },
  { id: 'join', keys: ['Ctrl+j'], shown: 'Ctrl+J', where: 'call', inText: true },
  { id: 'askPosition', keys: ['Alt+l'], shown: 'Alt+L', where: 'call', inText: true },
  { id: 'endConsultation', keys: ['Alt+z'], shown: 'Alt+Z', where: 'call', inText: true },
  { id: 'endRepeat', keys: ['Alt+c'], shown: 'Alt+C', where: 'call', inText: true },
  { id: 'endHarassment', keys: ['Alt+s'], shown: 'Alt+S', where: 'call', inText: true },
  { id: 'endTransferred', keys: ['Alt+j'], shown: 'Alt+J', where: 'call', inText: true },
  { id: 'endWrongNumber', keys: ['Alt+w'], shown: 'Alt+W', where: 'call', inText: true },
  { id: 'endSilent', keys: ['Alt+u'], shown: 'Alt+U', where: 'call', inText: true },
  { id: 'endTest', keys: ['Alt+t'], shown: 'Alt+T', where: 'call', inText: true },
  { id: 'endOther', keys: ['Alt+q'], shown: 'Alt+Q', where: 'call', inText: true },
  { id: 'pack', keys: ['F2'], shown: 'F2', where: 'desk', inText: true },
  { id: 'newIncident', keys: ['n'], shown: 'N', where: 'desk' },
  { id: 'follow', keys: ['f'], shown: 'F', where: 'desk' },
  { id: 'assign1', keys: ['Alt+1'], shown: 'Alt+1', where: 'case', inText: true },
  { id: 'assign2', keys: ['Alt+2'], shown: 'Alt+2', where: 'case', inText: true },
  { id: 'assign3', keys: ['Alt+3'], shown: 'Alt+3', where: 'case', inText: true },
  { id: 'assign4', keys: ['Alt+4'], shown: 'Alt+4', where: 'case', inText: true },
  { id: 'assign5', keys: ['Alt+5'], shown: 'Alt+5', where: 'case', inText: true },
  { id: 'level1', keys: ['1'], shown: '1', where: 'case' },
  { id: 'level2', keys: ['2'], shown: '2', where: 'case' },
  { id: 'level3', keys: ['3'], shown: '3', where: 'case' },
  { id: 'level4', keys: ['4'], shown: '4', where: 'case' },
  { id: 'status', keys: ['s'], shown: 'S', where: 'case' },
  { id: 'release', keys: ['r'], shown: 'R', where: 'case' },
  { id: 'note', keys: ['w'], shown: 'W', where: 'case' },
  { id: 'close', keys: ['x'], shown: 'X', where: 'case' },
  { id: 'person', keys: ['p'], shown: 'P', where: 'case' },
  { id: 'pair', keys: ['d'], shown: 'D', where: 'case' },
  { id: 'standDown', keys: ['z'], shown: 'Z', where: 'case' },
  { id: 'suggestion', keys: ['e'], shown: 'E', where: 'case' },
  { id: 'transfer', keys: ['t'], shown: 'T', where: 'case' },
  { id: 'accept', keys: ['y'], shown: 'Y', where: 'case' },
  { id: 'aid', keys: ['i'], shown: 'I', where: 'case' },
  { id: 'merge', keys: ['g'], shown: 'G', where: 'case' },
  { id: 'hospital', keys: ['h'], shown: 'H', where: 'case' },
  { id: 'mass', keys: ['F12'], shown: 'F12', where: 'case' },
  { id: 'override', keys: ['o'], shown: 'O', where: 'case' },
  { id: 'cover', keys: ['b'], shown: 'B', where: 'desk' },
  { id: 'toAddress', keys: ['F3'], shown: 'F3', where: 'forms', inText: true },
  { id: 'toLevel', keys: ['F4'], shown: 'F4', where: 'forms', inText: true },
  { id: 'sendLater', keys: ['Alt+Enter'], shown: 'Alt+Enter', where: 'forms', inText: true },
  { id: 'verify', keys: ['v'], shown: 'V', where: 'review' },
  { id: 'dismiss', keys: ['x'], shown: 'X', where: 'review' },
  { id: 'openEvent', keys: ['e'], shown: 'E', where: 'review' },
  { id: 'shelve', keys: ['s'], shown: 'S', where: 'review' },
  { id: 'second', keys: ['y'], shown: 'Y', where: 'review' },
  { id: 'group', keys: ['g'], shown: 'G', where: 'review' },
  { id: 'send', keys: ['Ctrl+Enter'], shown: 'Ctrl+Enter', where: 'forms', inText: true },
] as const satisfies readonly {
  id: string
  keys: readonly string[]
  shown: string
  where: 'everywhere' | 'lists' | 'desk' | 'call' | 'case' | 'review' | 'forms'
  inText?: boolean
}[]

type KeyRow = { id: KeyId; keys: readonly string[]; shown: string; where: string; inText?: boolean }
const rows: readonly KeyRow[] = keyTable

/** How a key is written on a button or in the help. */
export function getShownKey(id: KeyId): string {
  return rows.find(row => row.id === id)!.shown
}

type Press = { key: string; code?: string; altKey: boolean; ctrlKey: boolean; metaKey: boolean }

/** The row a key press means first: letters in either case; typing in a field is never taken for a key. */
export function findKeyRow(press: Press, typing: boolean): KeyRow | undefined {
  return listKeyRows(press, typing)[0]
}

/** The rows a key press may mean, at most one of a screen. */
function listKeyRows(press: Press, typing: boolean): readonly KeyRow[] {
  if (press.metaKey) return []
  // With Alt some layouts give another character: the digit is then read from the key's place.
  const digit = press.altKey ? /^(?:Digit|Numpad)(\d)$/.exec(press.code ?? '')?.[1] : undefined
  const plain = digit ?? (press.key.length === 1 ? press.key.toLowerCase() : press.key)
  const named = `${press.ctrlKey ? 'Ctrl+' : ''}${press.altKey ? 'Alt+' : ''}${plain}`
  return rows.filter(each => each.keys.includes(named) && (!typing || each.inText))
}

type Handler = (press: KeyboardEvent) => boolean
const handlers = new Map<KeyId, Handler[]>()

/** True while the keyboard is writing text. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement)
    return true
  return target instanceof HTMLInputElement && !['checkbox', 'radio', 'button', 'submit'].includes(target.type)
}

/** Hands a key press to the newest handler that takes it. */
export function dispatchKey(press: KeyboardEvent): void {
  if (press.defaultPrevented || press.isComposing) return
  for (const row of listKeyRows(press, isTyping(press.target))) {
    for (const handler of (handlers.get(row.id) ?? []).toReversed()) {
      if (handler(press)) {
        press.preventDefault()
        return
      }
    }
  }
}

/** Registers what a key does while the component is shown; a handler that returns false passes the press on. */
export function useKey(id: KeyId, run: (() => unknown) | undefined): void {
  const newest = useRef(run)
  newest.current = run
  const on = run !== undefined
  useEffect(() => {
    if (!on) return
    const handler: Handler = () => newest.current?.() !== false
    const stack = handlers.get(id) ?? []
    handlers.set(id, [...stack, handler])
    return () => {
      handlers.set(
        id,
        (handlers.get(id) ?? []).filter(each => each !== handler),
      )
    }
  }, [id, on])
}
