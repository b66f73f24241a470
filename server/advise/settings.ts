// The constants of advice: every weight, band and limit that recommend.ts and cover.ts use, in seconds unless named otherwise.
// They are versioned data: a region may replace them, an advice row names the version it was made with.
// Promises: nothing in advise/ hides a number that belongs here; the reasons are in DECISIONS.md.

/** Urgency of a case: 1 critical (危), 2 severe (重), 3 urgent (急), 4 minor (轻). */
export type Level = 1 | 2 | 3 | 4

/** One value for each level. */
export type ByLevel<T> = Readonly<Record<Level, T>>

export type AdviseSettings = Readonly<{
  version: string
  /** How much later than the fastest unit another may be and still be put first. */
  bandSeconds: ByLevel<number>
  /** Seconds of arrival one whole unit of lost coverage (all demand of the area) is worth. */
  coverageLossSeconds: ByLevel<number>
  /** Seconds added per second between the median and the 90 % arrival. */
  spreadWeight: ByLevel<number>
  /** Seconds added when a unit is the last ready one with a capability that all demand needs and this call does not. */
  scarcitySeconds: ByLevel<number>
  /** Share by which one more ready unit of the same capability makes it less scarce (probability that it is busy). */
  scarcityBusyFraction: number
  /** Seconds added for each wanted (not needed) capability the unit lacks. */
  shortfallSeconds: ByLevel<number>
  crossAreaSeconds: number
  /** A position older than this is stale; the row is flagged and pays `staleFixSeconds`. */
  fixAgeSecondsMax: number
  staleFixSeconds: number
  /** How far ahead a predicted release may lie for the unit to be a candidate at all. */
  soonFreeSecondsMax: ByLevel<number>
  /** Whether a soon-free row may be sent unasked by the one key; else it is shown in its place and wants a confirmation. */
  soonFreeAuto: ByLevel<boolean>
  /** Worth of a second of delay at each level, to weigh a diversion. */
  levelWeight: ByLevel<number>
  /** How many levels lower a call must be for a unit on its way to it to be diverted. */
  diversionLevelGapMin: number
  /** The same for taking over a next task that its crew has not acknowledged. */
  withdrawalLevelGapMin: number
  /** A unit this close to its scene is not diverted. */
  diversionNearSceneSeconds: number
  /** A diversion must bring help at least this much earlier. */
  diversionGainSecondsMin: number
  /** The same for a withdrawal, which turns nobody round. */
  withdrawalGainSecondsMin: number
  /** The abandoned call must have a replacement that arrives within this time from now. */
  diversionReplacementSecondsMax: ByLevel<number>
  /** Bound on straight-line speed, only to rule units out without a road search. */
  speedMetresPerSecondMax: number
  /** Road searches per call; exceeded only while an unsearched unit could still be the fastest. */
  candidatesMax: number
  /** Diversions and withdrawals judged per call, the earliest arrivals first; each asks for the left call's replacement. */
  displacementsMax: number
  rowsMax: number
  nearerMax: number
  /** Share of idle units that a mass-casualty plan leaves to the rest of the city. */
  massReserveShare: number
  cover: CoverSettings
}>

export type CoverSettings = Readonly<{
  /** Probability that a covering unit is busy when asked. */
  busyFraction: number
  /** Response thresholds for each level; several share a cell's weight evenly. */
  withinSeconds: ByLevel<readonly number[]>
  /** Weight of one call of each level in the demand. */
  demandWeight: ByLevel<number>
  /** Bases further than this are no choice, unless all are. */
  travelSecondsMax: number
  /** Gain given up per hour of driving to the base, as a share of all demand. */
  travelLossPerHour: number
  /** A move on demand must gain at least this share of all demand. */
  moveGainMin: number
  /** Moves on demand in one proposal list, and per unit and shift. */
  movesMax: number
  movesPerShiftMax: number
}>

/** The settings a region starts with. */
export const defaultAdviseSettings: AdviseSettings = {
  version: '2026-11-1',
  bandSeconds: { 1: 0, 2: 60, 3: 180, 4: 300 },
  coverageLossSeconds: { 1: 0, 2: 0, 3: 300, 4: 300 },
  spreadWeight: { 1: 0.25, 2: 0.25, 3: 0.25, 4: 0.25 },
  scarcitySeconds: { 1: 0, 2: 2000, 3: 2000, 4: 2000 },
  scarcityBusyFraction: 0.7,
  shortfallSeconds: { 1: 120, 2: 120, 3: 60, 4: 30 },
  crossAreaSeconds: 60,
  fixAgeSecondsMax: 60,
  staleFixSeconds: 60,
  soonFreeSecondsMax: { 1: 3600, 2: 3600, 3: 3600, 4: 3600 },
  soonFreeAuto: { 1: false, 2: false, 3: true, 4: true },
  levelWeight: { 1: 4, 2: 2, 3: 1, 4: 1 },
  diversionLevelGapMin: 2,
  withdrawalLevelGapMin: 0,
  diversionNearSceneSeconds: 180,
  diversionGainSecondsMin: 120,
  withdrawalGainSecondsMin: 60,
  diversionReplacementSecondsMax: { 1: 0, 2: 1800, 3: 3600, 4: 3600 },
  // 120 km/h: no ambulance averages more, so a straight line at this speed never rules out a unit that could be fastest.
  speedMetresPerSecondMax: 120_000 / 3600,
  candidatesMax: 40,
  displacementsMax: 5,
  rowsMax: 5,
  nearerMax: 5,
  massReserveShare: 0.3,
  cover: {
    busyFraction: 0.4,
    withinSeconds: { 1: [480], 2: [480], 3: [480], 4: [480] },
    demandWeight: { 1: 4, 2: 2, 3: 1, 4: 1 },
    travelSecondsMax: 3600,
    travelLossPerHour: 0,
    moveGainMin: 0.02,
    movesMax: 3,
    movesPerShiftMax: 4,
  },
}

/** What the choice of a hospital weighs, in seconds; versioned like the rest. */
export type DestinationSettings = Readonly<{
  version: string
  /** Seconds for each wanted service a hospital has not. */
  missingServiceSeconds: number
  /** Seconds when the service wanted, or the whole emergency department, is diverted, or the department is closed. */
  divertedSeconds: number
  busySeconds: number
  /** Seconds for each whole load above what the department is made for. */
  overloadSeconds: number
  /** Share of the wait at the door that counts. */
  offloadWeight: number
  /** Seconds when nothing recent is known of the hospital. */
  unknownSeconds: number
  /** Hospitals whose drive is searched, nearest by the straight line first, and rows shown. */
  searchedMax: number
  rowsMax: number
}>

/** The settings a region starts with; reasons in DECISIONS.md. */
export const defaultDestinationSettings: DestinationSettings = {
  version: '2026-11-1',
  missingServiceSeconds: 900,
  divertedSeconds: 3_600,
  busySeconds: 300,
  overloadSeconds: 600,
  offloadWeight: 0.5,
  unknownSeconds: 60,
  searchedMax: 8,
  rowsMax: 5,
}
