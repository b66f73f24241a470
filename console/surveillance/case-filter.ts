/** What the line list shows: kept beside the page, so that an alert can ask for its own cards and a way back finds them again. */
import { create } from 'zustand'
import { useDesk } from '../shell/desk.ts'

export type CaseFilter = {
  by: string
  fromDay: string
  untilDay: string
  diseaseId: string
  caseClass: string
  regionCode: string
  state: string
  ageBand: string
  mark: '' | 'late' | 'overdue'
}

export const openCaseFilter: CaseFilter = {
  by: 'diagnosis',
  fromDay: '',
  untilDay: '',
  diseaseId: '',
  caseClass: '',
  regionCode: '',
  state: '',
  ageBand: '',
  mark: '',
}

export const useCaseFilter = create<CaseFilter>()(() => openCaseFilter)

/** Opens the line list on these filters and no others. */
export function askCases(filter: Partial<CaseFilter>): void {
  useCaseFilter.setState({ ...openCaseFilter, ...filter })
  useDesk.setState({ page: 'cases' })
}
