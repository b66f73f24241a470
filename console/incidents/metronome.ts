/**
 * The beat for pressing a chest: short clicks at an even pace, planned ahead on the sound clock, so that a busy screen never makes
 * the beat stumble. Nothing of it is a file; the first of four is a little higher, to count by.
 */
/** Seconds planned ahead at each look; a hidden tab looks once a second. */
const aheadS = 1.6
const lookEveryMs = 200

/** Times (s) of beats from number `next` on that fall before `untilS`, when beat 0 was at `startS`. */
export function listBeats(startS: number, next: number, untilS: number, perMin: number): number[] {
  const times: number[] = []
  for (let beat = next; ; beat++) {
    const at = startS + (beat * 60) / perMin
    if (at >= untilS) return times
    times.push(at)
  }
}

let context: AudioContext | undefined

/** Starts the beat; returns the way to stop it, or undefined when this browser gives no sound. */
export function startMetronome(perMin: number): (() => void) | undefined {
  try {
    context ??= new AudioContext()
    void context.resume()
    const sound = context
    const startS = sound.currentTime + 0.1
    const volume = sound.createGain()
    volume.gain.value = 0.6
    volume.connect(sound.destination)
    let next = 0
    const plan = () => {
      for (const at of listBeats(startS, next, sound.currentTime + aheadS, perMin)) {
        const oscillator = sound.createOscillator()
        const envelope = sound.createGain()
        oscillator.frequency.value = next % 4 === 0 ? 1_320 : 990
        envelope.gain.setValueAtTime(0, at)
        envelope.gain.linearRampToValueAtTime(1, at + 0.004)
        envelope.gain.exponentialRampToValueAtTime(0.001, at + 0.06)
        oscillator.connect(envelope).connect(volume)
        oscillator.start(at)
        oscillator.stop(at + 0.07)
        next++
      }
    }
    plan()
    const timer = setInterval(plan, lookEveryMs)
    return () => {
      clearInterval(timer)
      // What is planned already is silenced with the volume.
      volume.disconnect()
    }
  } catch {
    return undefined
  }
}
