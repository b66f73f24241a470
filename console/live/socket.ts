/**
 * The one socket of a console: hello, snapshot, packets. A packet that does not continue the last one asks for a snapshot
 * again (at most once a second); a torn link reconnects by itself and the server starts with a snapshot. Screens never
 * see this file, they read store.ts and positions.ts.
 */
import { io } from 'socket.io-client'
import { type Hello, type Looking, type Packet, type Snapshot, wireVersion } from '#contract/wire.ts'
import { noteCityTime } from './clock.ts'
import { connectLooking, noteLooking } from './looking.ts'
import { applyFixes, resetFixes } from './positions.ts'
import { reviewLink, startLink, useLink, useWorld } from './store.ts'
import { applyPacket, applySnapshot, emptyWorld } from './world.ts'

/** Milliseconds between two requests for a snapshot: the answer to the first must have had its time. */
const resyncEveryMs = 1_000

/** Opens the live link of a signed-in session; `onSignedOut` is told when the server ends it. Returns the way to close. */
export function openLink(onSignedOut: (reason: string) => void): () => void {
  useWorld.setState(emptyWorld, true)
  useLink.setState({ ...startLink, heardMs: performance.now() }, true)
  const socket = io({ transports: ['websocket'], reconnectionDelay: 500, reconnectionDelayMax: 5_000 })
  let askedMs = Number.NEGATIVE_INFINITY
  const heard = (at: number) => {
    const heardMs = performance.now()
    noteCityTime(at, heardMs)
    useLink.setState({ heardMs, loaded: true })
    reviewLink(heardMs)
  }
  const askSnapshot = () => {
    if (performance.now() - askedMs < resyncEveryMs) return
    askedMs = performance.now()
    useLink.setState({ resyncs: useLink.getState().resyncs + 1 })
    socket.emit('resync')
  }
  socket.on('connect', () => {
    useLink.setState({ connected: true })
    connectLooking(incidentId => socket.emit('look', incidentId === undefined ? {} : { incidentId }))
    reviewLink()
  })
  socket.on('disconnect', reason => {
    useLink.setState({ connected: false })
    connectLooking(undefined)
    reviewLink()
    // The server's own goodbye is the one case the client does not try again by itself.
    if (reason === 'io server disconnect') setTimeout(() => socket.connect(), 2_000)
  })
  socket.on('connect_error', refused => {
    useLink.setState({ connected: false })
    reviewLink()
    if (refused.message === 'SIGN_IN_REQUIRED') onSignedOut(refused.message)
    // A refused handshake ends the client's own attempts; the server may have been restarting.
    else if (!socket.active) setTimeout(() => socket.connect(), 2_000)
  })
  socket.on('hello', (hello: Hello) => {
    useLink.setState({
      serverVersion: hello.serverVersion,
      ...(hello.wireVersion === wireVersion ? {} : { otherWireVersion: hello.wireVersion }),
    })
  })
  socket.on('snapshot', (snapshot: Snapshot) => {
    askedMs = Number.NEGATIVE_INFINITY
    resetFixes(snapshot.world.units)
    useWorld.setState(applySnapshot(snapshot), true)
    heard(snapshot.at)
  })
  socket.on('packet', (packet: Packet) => {
    const before = useWorld.getState()
    // The server may speak to everybody before this client's first snapshot has come: that is nothing missed.
    if (before.seq < 0) return
    const after = applyPacket(before, packet)
    if (!after) return askSnapshot()
    applyFixes(packet.changes.units, packet.changes.positions, packet.changes.gone?.units)
    useWorld.setState(after, true)
    heard(packet.at)
  })
  socket.on('looking', (told: Looking) => noteLooking(told))
  socket.on('signedOut', (reason: string) => onSignedOut(reason))
  const review = setInterval(() => reviewLink(), 500)
  return () => {
    clearInterval(review)
    connectLooking(undefined)
    socket.removeAllListeners()
    socket.disconnect()
    useWorld.setState(emptyWorld, true)
    useLink.setState(startLink, true)
    resetFixes([])
  }
}
