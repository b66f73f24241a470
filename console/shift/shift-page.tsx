/** The shift: what is late and why, the hand-over, and the paper for the hour without a server. Three fixed columns. */
import '../reports/reports.css'
import { Handover } from './handover.tsx'
import { LateList } from './late-list.tsx'
import { Slips } from './slips.tsx'

/** The page. */
export function ShiftPage() {
  return (
    <main className="desk desk-shift" data-testid="page-shift">
      <div className="column">
        <LateList />
      </div>
      <div className="column">
        <Handover />
      </div>
      <div className="column">
        <Slips />
      </div>
    </main>
  )
}
