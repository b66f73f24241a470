/**
 * Pinyin: a name as units (one Chinese character, or one letter or digit) with the ways each is spoken. Stands before the index of
 * addresses and is used for names and for what is typed alike, so that both are read by one book (pinyin-pro, MIT).
 * Promises: one unit a character of the plain text; letters without tone, ü is v.
 */
import { pinyin, polyphonic } from 'pinyin-pro'

/** A unit and its readings: the first is the one of this context. Letters and digits read as themselves. */
export type Unit = { char: string; readings: readonly string[] }

const chinese = /\p{Script=Han}/u
const kept = /[\p{Script=Han}a-z0-9]/u

/** Text in plain form: NFKC, lower case, Chinese characters, letters and digits alone. */
export function plainText(text: string): string {
  return [...text.normalize('NFKC').toLowerCase()].filter(char => kept.test(char)).join('')
}

export function isChinese(char: string): boolean {
  return chinese.test(char)
}

/** Readings one character may have anywhere; few thousand characters, each looked up once. */
const readingsOf = new Map<string, readonly string[]>()
function listReadings(char: string): readonly string[] {
  const held = readingsOf.get(char)
  if (held) return held
  const found = (polyphonic(char, { toneType: 'none', type: 'array', v: true })[0] ?? []).filter(one =>
    /^[a-z]+$/.test(one),
  )
  readingsOf.set(char, found)
  return found
}

/**
 * Reads a plain text (`plainText`).
 * @param given syllables of the Chinese characters in their order, where the usual reading is wrong
 */
export function readUnits(plain: string, given?: readonly string[]): Unit[] {
  const chars = [...plain]
  const han = chars.filter(isChinese)
  // In one go: a character is read by its neighbours (重庆 chóng, 重要 zhòng).
  const syllables =
    given?.length === han.length ? given : pinyin(han.join(''), { toneType: 'none', type: 'array', v: true })
  let at = 0
  return chars.map(char => {
    if (!isChinese(char)) return { char, readings: [char] }
    const first = syllables[at++] ?? ''
    const readings = /^[a-z]+$/.test(first) ? [first] : []
    for (const other of listReadings(char)) if (!readings.includes(other)) readings.push(other)
    return { char, readings }
  })
}

/** Ends that sound alike in the south: ang/an, eng/en, ing/in. */
const endings: readonly (readonly [string, string])[] = [
  ['ang', 'an'],
  ['eng', 'en'],
  ['ing', 'in'],
]
const beginnings: readonly (readonly [string, string])[] = [
  ['zh', 'z'],
  ['ch', 'c'],
  ['sh', 's'],
  ['n', 'l'],
]

/** A syllable and how a southern ear may write it: zh=z, ch=c, sh=s, n=l, ang=an, eng=en, ing=in. The syllable itself comes first. */
export function listAccents(syllable: string): readonly string[] {
  let forms = [syllable]
  for (const [one, other] of beginnings) {
    const form = forms[0]!
    if (form.startsWith(one)) forms = forms.concat(forms.map(each => other + each.slice(one.length)))
    else if (form.startsWith(other)) forms = forms.concat(forms.map(each => one + each.slice(other.length)))
  }
  for (const [one, other] of endings) {
    if (syllable.endsWith(one)) forms = forms.concat(forms.map(each => each.slice(0, -one.length) + other))
    else if (syllable.endsWith(other)) forms = forms.concat(forms.map(each => each.slice(0, -other.length) + one))
  }
  return [...new Set(forms)]
}
