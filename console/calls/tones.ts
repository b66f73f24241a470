/**
 * The five learnable sounds, synthesised: no file, nothing to load, the same on every seat. A tone is a list of notes
 * (start, length, pitch or a sweep); playing needs one earlier key press or click, which signing in is.
 */
export const toneNames = ['callRing', 'orderUnacknowledged', 'distress', 'transfer', 'systemLost'] as const
export type ToneName = (typeof toneNames)[number]

export type Note = { atS: number; forS: number; fromHz: number; toHz?: number; wave: OscillatorType; gain: number }

/** Notes of each tone. @source domain/look.md, Sound */
export const tones: Readonly<Record<ToneName, readonly Note[]>> = {
  // Two notes rising.
  callRing: [
    { atS: 0, forS: 0.22, fromHz: 660, wave: 'sine', gain: 0.5 },
    { atS: 0.24, forS: 0.34, fromHz: 880, wave: 'sine', gain: 0.5 },
  ],
  // Three short.
  orderUnacknowledged: [0, 0.18, 0.36].map(atS => ({
    atS,
    forS: 0.1,
    fromHz: 990,
    wave: 'triangle' as const,
    gain: 0.5,
  })),
  // A siren sweep.
  distress: [
    { atS: 0, forS: 0.5, fromHz: 500, toHz: 1_200, wave: 'sawtooth', gain: 0.6 },
    { atS: 0.5, forS: 0.5, fromHz: 1_200, toHz: 500, wave: 'sawtooth', gain: 0.6 },
  ],
  // Two notes falling.
  transfer: [
    { atS: 0, forS: 0.22, fromHz: 880, wave: 'sine', gain: 0.45 },
    { atS: 0.24, forS: 0.34, fromHz: 587, wave: 'sine', gain: 0.45 },
  ],
  // A low pulse.
  systemLost: [0, 0.4].map(atS => ({ atS, forS: 0.26, fromHz: 140, wave: 'square' as const, gain: 0.4 })),
}

/** Seconds between repeats of an unanswered sound. */
export const repeatMs = 10_000

let context: AudioContext | undefined

/** Plays one tone now; returns false when this browser gives no sound (then only the screen tells). */
export function playTone(name: ToneName): boolean {
  try {
    context ??= new AudioContext()
    void context.resume()
    const start = context.currentTime + 0.02
    for (const note of tones[name]) {
      const oscillator = context.createOscillator()
      const envelope = context.createGain()
      oscillator.type = note.wave
      oscillator.frequency.setValueAtTime(note.fromHz, start + note.atS)
      if (note.toHz !== undefined) oscillator.frequency.linearRampToValueAtTime(note.toHz, start + note.atS + note.forS)
      // Ramps of 10 ms at both ends keep the loudspeaker from clicking.
      envelope.gain.setValueAtTime(0, start + note.atS)
      envelope.gain.linearRampToValueAtTime(note.gain, start + note.atS + 0.01)
      envelope.gain.setValueAtTime(note.gain, start + note.atS + note.forS - 0.01)
      envelope.gain.linearRampToValueAtTime(0, start + note.atS + note.forS)
      oscillator.connect(envelope).connect(context.destination)
      oscillator.start(start + note.atS)
      oscillator.stop(start + note.atS + note.forS)
    }
    return true
  } catch {
    return false
  }
}
