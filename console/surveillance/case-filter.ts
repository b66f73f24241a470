/** What the line list shows: kept beside the page, so that an alert can ask for its own cards and a way back finds them again. */
import { create } from 'zustand'
import { useDesk } from '../shell/desk.ts'
import { type CaseFilter, openCaseFilter } from './case-query.ts'

export const useCaseFilter = create<CaseFilter>()(() => openCaseFilter)

/** Opens the line list on these filters and no others. */
export function askCases(filter: Partial<CaseFilter>): void {
  useCaseFilter.setState({ ...openCaseFilter, ...filter })
  useDesk.setState({ page: 'cases' })
}
