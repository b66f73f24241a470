/**
 * Redis bus: the port between machines. Requests travel in one bounded stream a city, answers by a channel of the door that asked,
 * committed groups in a short stream that followers read. Nothing in Redis is needed after a restart: a request without an answer
 * is offered again, a missed group is read from the log.
 */
import { randomUUID } from 'node:crypto'
import { createClient } from 'redis'
import type { Entry, Lane } from '#contract/entry.ts'
import type { Told } from '../log/writer.ts'
import {
  answerMaxMs,
  type Bus,
  type CarrierState,
  groupsKeptMax,
  isUrgent,
  requestsKeptMax,
  tellAway,
  underWayMax,
  urgentAnswerMaxMs,
} from './bus.ts'

/** A read waits this long for something new, then looks whether it should stop. */
const blockMs = 500
/** Requests or groups taken by one read. */
const readCount = 64
/** Between tries to reach a Redis that is away. */
const retryMs = 250
/** Commands waiting for a slow Redis at most. */
const commandsMax = 10_000

export type RedisBusOptions = {
  url: string
  /** The city, as the log's incarnation names it: two cities may share a Redis. */
  city: string
  onState(state: CarrierState): void
  onError(error: Error): void
}

type Asked = { resolve: (told: Told[]) => void; timer: NodeJS.Timeout; count: number }
type Message = { id: string; message: Record<string, string> }

/** Opens the bus; resolves also while Redis is away: it comes back by itself. */
export async function openRedisBus(options: RedisBusOptions): Promise<Bus> {
  const door = randomUUID()
  const requests = `vigil:${options.city}:in`
  const groups = `vigil:${options.city}:out`
  const answers = (of: string) => `vigil:${options.city}:told:${of}`
  const create = () => {
    const client = createClient({
      url: options.url,
      disableOfflineQueue: true,
      commandsQueueMaxLength: commandsMax,
      socket: { reconnectStrategy: () => retryMs, connectTimeout: 2_000 },
    })
    // Said once a time it is away, not at every try.
    let isSaid = false
    client.on('ready', () => {
      isSaid = false
    })
    client.on('error', error => {
      if (!isSaid && client === main) options.onError(error as Error)
      isSaid = true
    })
    return client
  }
  let isClosed = false
  let main: ReturnType<typeof create>
  const clients: ReturnType<typeof create>[] = []
  /** Connects in the background, so that a Redis that is away stops nobody. */
  const open = () => {
    const client = create()
    clients.push(client)
    void client.connect().catch(options.onError)
    return client
  }
  main = open()
  let state: CarrierState = 'away'
  const setState = (next: CarrierState) => {
    if (state === next || isClosed) return
    state = next
    options.onState(next)
  }
  main.on('ready', () => setState('ready'))
  main.on('reconnecting', () => setState('away'))
  main.on('end', () => setState('away'))

  const asked = new Map<string, Asked>()
  let underWay = 0
  let lastAsked = 0
  const settle = (id: string, told: Told[]) => {
    const held = asked.get(id)
    if (!held) return
    asked.delete(id)
    clearTimeout(held.timer)
    underWay -= held.count
    held.resolve(told)
  }
  const ear = open()
  const hear = () =>
    ear
      .subscribe(answers(door), text => {
        const { id, told } = JSON.parse(text) as { id: string; told: Told[] }
        settle(id, told)
      })
      .catch(options.onError)
  ear.once('ready', () => void hear())

  /** Reads a stream from its end on until stopped; a Redis that was wiped begins a new stream, read from its start. */
  const read = (stream: string, onMessages: (messages: readonly Message[]) => Promise<void> | void) => {
    const client = open()
    let isStopped = false
    const run = async () => {
      let from = '$'
      while (!isStopped && !isClosed) {
        try {
          if (!client.isReady) {
            await new Promise(resolve => setTimeout(resolve, retryMs))
            continue
          }
          if (from === '$') {
            const last = (await client.xRevRange(stream, '+', '-', { COUNT: 1 })) as Message[]
            from = last[0]?.id ?? '0-0'
          }
          const found = (await client.xRead({ key: stream, id: from }, { BLOCK: blockMs, COUNT: readCount })) as
            | { messages: Message[] }[]
            | null
          const messages = found?.[0]?.messages ?? []
          if (messages.length === 0) {
            // After a wipe ids may begin again below ours: then the newest is older than what we have read.
            const last = (await client.xRevRange(stream, '+', '-', { COUNT: 1 })) as Message[]
            if (last[0] === undefined) from = '0-0'
            else if (isOlder(last[0].id, from)) from = '0-0'
            continue
          }
          from = messages.at(-1)!.id
          await onMessages(messages)
        } catch (error) {
          if (!isStopped && !isClosed) {
            options.onError(error as Error)
            await new Promise(resolve => setTimeout(resolve, retryMs))
          }
        }
      }
    }
    const running = run()
    return async () => {
      isStopped = true
      await running
      client.destroy()
    }
  }

  return {
    submit(entries, lanes) {
      if (!main.isReady || isClosed) return Promise.resolve(tellAway(entries.length))
      if (underWay + entries.length > underWayMax)
        return Promise.resolve(
          entries.map(() => ({ result: 'refused', reject: { code: 'LANE_FULL', params: { retryAfterS: 1 } } }) as Told),
        )
      const id = `${door}:${++lastAsked}`
      return new Promise<Told[]>(resolve => {
        const waitMs = isUrgent(lanes) ? urgentAnswerMaxMs : answerMaxMs
        const timer = setTimeout(() => settle(id, tellAway(entries.length)), waitMs)
        asked.set(id, { resolve, timer, count: entries.length })
        underWay += entries.length
        const request = JSON.stringify({ entries, lanes, until: Date.now() + waitMs })
        main
          .xAdd(
            requests,
            '*',
            { id, door, request },
            {
              TRIM: { strategy: 'MAXLEN', strategyModifier: '~', threshold: requestsKeptMax },
            },
          )
          .catch((error: unknown) => {
            options.onError(error as Error)
            settle(id, tellAway(entries.length))
          })
      })
    },
    serve(take) {
      return read(requests, async messages => {
        for (const { message } of messages) {
          const { entries, lanes, until } = JSON.parse(message.request!) as {
            entries: Entry[]
            lanes: Lane[]
            until: number
          }
          // Its sender has been told LINE_AWAY already and offers it again by the same key.
          if (until < Date.now()) continue
          void take(entries, lanes)
            .then(told => main.publish(answers(message.door!), JSON.stringify({ id: message.id, told })))
            .catch(error => options.onError(error as Error))
        }
        await main.xDel(
          requests,
          messages.map(({ id }) => id),
        )
      })
    },
    publish(group) {
      if (!main.isReady) return
      main
        .xAdd(
          groups,
          '*',
          { entries: JSON.stringify(group.entries) },
          {
            TRIM: { strategy: 'MAXLEN', strategyModifier: '~', threshold: groupsKeptMax },
          },
        )
        .catch(error => options.onError(error as Error))
    },
    follow(onGroup) {
      return read(groups, messages => {
        for (const { message } of messages) onGroup({ entries: JSON.parse(message.entries!) as Entry[] })
      })
    },
    getState: () => state,
    countUnderWay: () => underWay,
    async close() {
      isClosed = true
      for (const id of [...asked.keys()]) settle(id, tellAway(asked.get(id)!.count))
      for (const client of clients) client.destroy()
    },
  }
}

/** True when stream id a is older than b (ids are `ms-n`). */
function isOlder(a: string, b: string): boolean {
  const [aMs, aN] = a.split('-').map(Number)
  const [bMs, bN] = b.split('-').map(Number)
  return aMs! < bMs! || (aMs === bMs && (aN ?? 0) < (bN ?? 0))
}
