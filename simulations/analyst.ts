// An analyst of the house as a child process: questions about series in, answers out, one JSON line each.
// It stands beside house.ts: simulations may not import detectors, so they ask whoever may. Promises that the child is gone
// when the answers are there, that every question has its answer, and that a broken answer is a fault, not a guess.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { SeriesAnswer, type SeriesQuestion } from '#contract/judging.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
/** Questions of one round at most. */
export const questionsMax = 10_000

/** Asks the house's analyst; answers come by question id. Throws when the analyst ends early or answers otherwise. */
export async function askAnalyst(
  questions: readonly SeriesQuestion[],
  signal?: AbortSignal,
): Promise<Map<string, SeriesAnswer>> {
  if (questions.length > questionsMax) throw new RangeError(`more than ${questionsMax} questions`)
  const answers = new Map<string, SeriesAnswer>()
  if (questions.length === 0) return answers
  const child = spawn(process.execPath, ['server/analysts/judge-series.ts'], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
    ...(signal ? { signal } : {}),
  })
  const ended = new Promise<number | null>((done, fail) => {
    child.once('exit', code => done(code))
    child.once('error', fail)
  })
  // A child that dies early must be told by its exit code, not by the broken pipe it leaves.
  child.stdin.on('error', () => undefined)
  child.stdin.end(questions.map(question => `${JSON.stringify(question)}\n`).join(''))
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const answer = SeriesAnswer.parse(JSON.parse(line))
      answers.set(answer.questionId, answer)
    }
  } finally {
    if (child.exitCode === null) child.stdin.destroy()
  }
  const code = await ended
  if (code !== 0 || questions.some(question => !answers.has(question.questionId)))
    throw new Error(`the analyst ended with ${code} after ${answers.size} of ${questions.length} answers`)
  return answers
}
