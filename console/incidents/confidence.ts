/** Confidence of an address hit in three words: what a tired eye tells apart at once. Pure; the figure stands beside it. */

/** Three words for a confidence of 0..1. */
export function gradeConfidence(confidence: number): 'high' | 'middle' | 'low' {
  return confidence >= 0.75 ? 'high' : confidence >= 0.35 ? 'middle' : 'low'
}
