/** Starts the desk: tokens, languages, then the app. Everything a person sees begins here. */
import '../look/tokens.css'
import './shell.css'
import { createRoot } from 'react-dom/client'
import { startLanguages } from '../language/i18n.ts'
import { App } from './app.tsx'

await startLanguages()
createRoot(document.getElementById('root')!).render(<App />)
