// Scenario "outbreak": a respiratory outbreak in one district and, a day later, a smaller diarrhoeal one.
// It stands beside the city as data: what, where, when, how large, which sources hear of it and how late.
// It imports nothing at run time. Hours are the outbreak's own; `timeScale` presses them together for a demonstration.
import type { Scenario } from '../city.ts'

/**
 * Respiratory illness around the schools of Nanhu: pharmacies and school absence first, then hotline, outpatients,
 * emergency departments, 120 calls and the laboratory. Shares may sum above one: a patient can show in several sources.
 */
export const outbreak: Scenario = {
  id: 'outbreak',
  name: '呼吸道聚集性疫情(演练)',
  nameEn: 'Respiratory outbreak (exercise)',
  outbreaks: [
    {
      syndrome: 'respiratory',
      county: '330402',
      // Half of the cases live in the two streets round the seat.
      focusStreets: ['330402001', '330402002'],
      focusShare: 0.5,
      // A tenth of one per cent of the district's 900,000 people in two days.
      cases: 1_000,
      startsAfterH: 0,
      curve: [
        { untilH: 6, weight: 0.15 },
        { untilH: 14, weight: 0.4 },
        { untilH: 26, weight: 0.3 },
        { untilH: 48, weight: 0.15 },
      ],
      sources: [
        { sourceKind: 'pharmacy', share: 0.55, lagH: 1 },
        { sourceKind: 'school-absence', share: 0.3, lagH: 2 },
        { sourceKind: 'hotline', share: 0.05, lagH: 2 },
        { sourceKind: 'hospital-outpatient', share: 0.5, lagH: 5 },
        { sourceKind: 'hospital-emergency', share: 0.2, lagH: 7 },
        { sourceKind: 'call-120', share: 0.05, lagH: 9 },
        { sourceKind: 'laboratory', share: 0.12, lagH: 24 },
      ],
    },
    {
      syndrome: 'diarrhoeal',
      county: '330481',
      focusStreets: ['330481001'],
      focusShare: 0.7,
      cases: 260,
      startsAfterH: 30,
      curve: [
        { untilH: 4, weight: 0.5 },
        { untilH: 12, weight: 0.4 },
        { untilH: 30, weight: 0.1 },
      ],
      sources: [
        { sourceKind: 'pharmacy', share: 0.5, lagH: 2 },
        { sourceKind: 'school-absence', share: 0.35, lagH: 6 },
        { sourceKind: 'hospital-emergency', share: 0.3, lagH: 4 },
        { sourceKind: 'call-120', share: 0.08, lagH: 5 },
      ],
    },
  ],
}
