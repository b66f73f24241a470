/**
 * Starts the two languages: Chinese unless this browser was told otherwise. The choice is kept on this machine only; the
 * document's `lang` follows it, so that fonts, line breaking and screen readers do.
 */
import i18next, { type TFunction } from 'i18next'
import { initReactI18next, useTranslation } from 'react-i18next'
import { en } from './en.ts'
import { zh } from './zh.ts'

export type Language = 'zh' | 'en'
const storageKey = 'vigil.language'

/** Translates a key; a plain string because most keys are built from words of the contract, a test knows them all. */
export type Translate = (key: string, values?: Readonly<Record<string, string | number>>) => string

function readLanguage(): Language {
  try {
    return localStorage.getItem(storageKey) === 'en' ? 'en' : 'zh'
  } catch {
    return 'zh'
  }
}

function showLanguage(language: Language): void {
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en'
  document.title = i18next.t('productLong' as never)
}

/** Starts i18next; resolves at once, the texts are in the bundle. */
export async function startLanguages(): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: readLanguage(),
    fallbackLng: 'zh',
    resources: { zh: { translation: zh }, en: { translation: en } },
    interpolation: { escapeValue: false },
    returnNull: false,
  })
  showLanguage(getLanguage())
}

/** The language on the screen. */
export function getLanguage(): Language {
  return i18next.language === 'en' ? 'en' : 'zh'
}

/** Changes the language and keeps the choice. */
export function setLanguage(language: Language): void {
  try {
    localStorage.setItem(storageKey, language)
  } catch {
    // A browser without storage still changes the language, for this visit.
  }
  void i18next.changeLanguage(language).then(() => showLanguage(language))
}

/** Texts and language of the screen, drawn again when the language changes. */
export function useTexts(): { t: Translate; language: Language } {
  const { t, i18n } = useTranslation()
  return { t: t as unknown as TFunction & Translate, language: i18n.language === 'en' ? 'en' : 'zh' }
}

/** The text of a contract word (`syndrome.x`), or the word itself when this console is older than the word. */
export function translateWord(t: Translate, group: string, word: string): string {
  const key = `${group}.${word}`
  return i18next.exists(key) ? t(key) : word
}
