/**
 * The list of every desk: role=grid on a virtual window, one tab stop (roving tabindex), arrows and J/K inside, Enter
 * opens. The focused row is always rendered, so focus never falls off the page while the list moves under it.
 */
import { defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual'
import { type ReactNode, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react'

/** Height of a dense row in px, the token --row-dense. */
export const rowPx = 28

export type GridColumn = { id: string; title: string; className?: string }

/** Moves focus into the list (to the selected or first row), or one row on. */
export type GridReach = { focus: () => void; step: (by: number) => void; open: () => void }

/** The list; rows are drawn by `renderRow`, one gridcell a column. */
export function GridList<T>(props: {
  label: string
  testId: string
  columns: readonly GridColumn[]
  className: string
  rows: readonly T[]
  getKey: (row: T) => string
  selectedKey: string | undefined
  onSelect: (row: T) => void
  onOpen?: (row: T) => void
  renderRow: (row: T) => ReactNode
  getRowClass?: (row: T) => string
  empty: ReactNode
  reach?: React.RefObject<GridReach | null>
  rowHeightPx?: number
  /** Rows that are heads of a group: drawn low, never selected, stepped over. */
  isHead?: (row: T) => boolean
}) {
  const { rows, getKey, selectedKey } = props
  const isHead = (index: number) => rows[index] !== undefined && props.isHead?.(rows[index]) === true
  const scroller = useRef<HTMLDivElement>(null)
  const [focusKey, setFocusKey] = useState<string | undefined>(undefined)
  const wantFocus = useRef(false)
  const activeKey = focusKey !== undefined && rows.some(row => getKey(row) === focusKey) ? focusKey : selectedKey
  const foundIndex = rows.findIndex(row => getKey(row) === activeKey)
  const activeIndex = foundIndex >= 0 ? foundIndex : isHead(0) && rows.length > 1 ? 1 : 0
  const height = props.rowHeightPx ?? rowPx
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: index => (isHead(index) ? rowPx : height),
    getItemKey: index => getKey(rows[index]!),
    overscan: 6,
    rangeExtractor: range => {
      const indices = defaultRangeExtractor(range)
      return activeIndex < rows.length && !indices.includes(activeIndex)
        ? [...indices, activeIndex].sort((a, b) => a - b)
        : indices
    },
  })

  const goTo = useCallback(
    (wanted: number, focus: boolean) => {
      let index = Math.max(0, Math.min(rows.length - 1, wanted))
      // Over a head in the direction of the step; at either edge back to the row that was active.
      const by = index < activeIndex ? -1 : 1
      while (isHead(index) && index + by >= 0 && index + by < rows.length) index += by
      if (isHead(index)) index = isHead(activeIndex) ? index + 1 : activeIndex
      const row = rows[index]
      if (!row) return
      setFocusKey(getKey(row))
      wantFocus.current = focus
      virtual.scrollToIndex(rows.indexOf(row))
      props.onSelect(row)
    },
    [rows, getKey, virtual, activeIndex, props.onSelect],
  )

  useLayoutEffect(() => {
    if (!wantFocus.current) return
    const element = scroller.current?.querySelector<HTMLElement>('[data-active="true"]')
    if (element) {
      wantFocus.current = false
      element.focus({ preventScroll: true })
    }
  })

  useEffect(() => {
    if (selectedKey === undefined) return
    setFocusKey(selectedKey)
    // Chosen elsewhere while the keyboard is in this list: focus follows the choice, there is one bright row, not two.
    if (scroller.current?.contains(document.activeElement)) wantFocus.current = true
    const index = rows.findIndex(row => getKey(row) === selectedKey)
    if (index >= 0) virtual.scrollToIndex(index)
    // Only a new selection scrolls; rows that move by themselves must not move the window under a reader.
  }, [selectedKey])

  if (props.reach) {
    props.reach.current = {
      focus: () => goTo(selectedKey === undefined ? 0 : activeIndex, true),
      step: by => goTo(selectedKey === undefined ? 0 : activeIndex + by, true),
      open: () => {
        const row = rows[activeIndex]
        if (row && selectedKey !== undefined) props.onOpen?.(row)
      },
    }
  }

  const onKeyDown = (press: React.KeyboardEvent) => {
    if (press.altKey || press.ctrlKey || press.metaKey) return
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? height) / height) - 1)
    const moves: Record<string, number> = {
      ArrowDown: activeIndex + 1,
      j: activeIndex + 1,
      ArrowUp: activeIndex - 1,
      k: activeIndex - 1,
      PageDown: activeIndex + page,
      PageUp: activeIndex - page,
      Home: 0,
      End: rows.length - 1,
    }
    const target = moves[press.key]
    if (target !== undefined) goTo(target, true)
    else if (press.key === 'Enter' && rows[activeIndex]) props.onOpen?.(rows[activeIndex]!)
    else return
    press.preventDefault()
    press.stopPropagation()
  }

  return (
    <div
      className={`grid-list ${props.className}`}
      role="grid"
      aria-label={props.label}
      aria-rowcount={rows.length}
      data-testid={props.testId}
      onKeyDown={onKeyDown}
    >
      <div className="grid-head" role="row">
        {props.columns.map(column => (
          <span key={column.id} role="columnheader" className={column.className}>
            {column.title}
          </span>
        ))}
      </div>
      <div className="grid-scroll" ref={scroller} role="rowgroup">
        {rows.length === 0 && props.empty}
        <div style={{ height: virtual.getTotalSize(), position: 'relative' }} role="presentation">
          {virtual.getVirtualItems().map(item => {
            const row = rows[item.index]!
            const key = getKey(row)
            if (isHead(item.index)) {
              return (
                <div
                  key={item.key}
                  role="row"
                  className="grid-group"
                  style={{ height: rowPx, transform: `translateY(${item.start}px)` }}
                >
                  {props.renderRow(row)}
                </div>
              )
            }
            return (
              <div
                key={item.key}
                role="row"
                aria-rowindex={item.index + 1}
                aria-selected={key === selectedKey}
                data-key={key}
                data-active={item.index === activeIndex}
                tabIndex={item.index === activeIndex ? 0 : -1}
                className={`grid-row ${key === selectedKey ? 'grid-row-chosen' : ''} ${props.getRowClass?.(row) ?? ''}`}
                style={{ height, transform: `translateY(${item.start}px)` }}
                onClick={() => {
                  setFocusKey(key)
                  props.onSelect(row)
                }}
                onDoubleClick={() => props.onOpen?.(row)}
              >
                {props.renderRow(row)}
              </div>
            )
          })}
        </div>
      </div>
    </div>
  )
}
