/** The filters of the line list and the parameters they are asked by: pure. */
import { parseDay } from '#contract/scalars.ts'

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

/** The parameters of a filter as the server reads them; an impossible day filters nothing. */
export function toCardQuery(filter: CaseFilter): Record<string, string | undefined> {
  const { mark, fromDay, untilDay, ...rest } = filter
  const day = (text: string) => (parseDay(text) === undefined ? undefined : text)
  return {
    ...rest,
    fromDay: day(fromDay),
    untilDay: day(untilDay),
    ...(mark === '' ? {} : { [mark]: 'true' }),
  }
}
