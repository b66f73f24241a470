/**
 * Paper: what is printed lies outside the console's own tree, so that a sheet is the sheet alone whatever the screen shows. The
 * browser's print needs no server: slips and sheets print when the link is gone.
 */
import { type ReactNode, useEffect, useState } from 'react'
import { createPortal } from 'react-dom'

/** Prints what `paper` draws; `ask(true)` renders it, opens the browser's print and takes it away again. */
export function usePaper(): { paper: (content: ReactNode) => ReactNode; print: () => void } {
  const [printing, setPrinting] = useState(false)
  useEffect(() => {
    if (!printing) return
    document.body.dataset.paper = 'on'
    window.print()
    delete document.body.dataset.paper
    setPrinting(false)
  }, [printing])
  return {
    paper: content => (printing ? createPortal(<div className="paper">{content}</div>, document.body) : null),
    print: () => setPrinting(true),
  }
}
