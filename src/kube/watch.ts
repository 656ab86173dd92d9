import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { errorMessage } from '../util/error-message.ts'
import { Pacer } from '../util/pacer.ts'
import type { KubeClient } from './client.ts'
import { type Collection, selectors } from './collection.ts'
import { KubeError } from './error.ts'
import { statusError } from './http/refusal.ts'
import { asKubeObject, isRecord, type KubeObject } from './kube-object.ts'
import { LineSplitter } from './line-splitter.ts'

export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: KubeObject }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string; readonly initialEventsEnd: boolean }

export interface WatchOptions {
  /** Where to follow from; undefined: the server first sends everything that is there (KEP-3157). */
  readonly resourceVersion: string | undefined
  /** A stream that is silent for longer is taken to be dead. The server sends a bookmark about every minute. */
  readonly livenessMs: number
  /** When the server is to end the watch, in seconds. */
  readonly timeoutSeconds: number
  /** The server has answered and the stream is open. */
  readonly onOpen: () => void
  readonly signal: AbortSignal
}

/** etcd takes objects of 1.5 MiB; JSON with its escapes needs some times that. */
const MAX_LINE_BYTES = 32 * 1024 * 1024

/** The annotation of the bookmark that ends the initial events (k8s.io/apimachinery meta/v1). */
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end'

/**
 * One watch: yields what arrived together, each event once and in order, and returns when the server ends the stream.
 * Throws a KubeError when it breaks, turns to garbage, or goes silent; what had arrived whole has been yielded then.
 */
export async function* watchEvents(
  client: KubeClient,
  collection: Collection,
  options: WatchOptions,
): AsyncGenerator<readonly WatchEvent[]> {
  const response = await client.stream({
    path: collection.path,
    query: { ...selectors(collection), ...watchQuery(options) },
    signal: options.signal,
  })
  options.onOpen()
  const what = `watch ${collection.path}`
  const silence = setTimeout(() => {
    const message = `cannot ${what}: the server was silent for ${options.livenessMs} ms`
    response.destroy(new KubeError('TIMEOUT', message, 'the watch is begun again'))
  }, options.livenessMs)
  try {
    yield* events(response, what, () => silence.refresh())
  } catch (error) {
    if (error instanceof KubeError || options.signal.aborted) throw error
    throw broken(what, errorMessage(error), error)
  } finally {
    clearTimeout(silence)
    response.destroy()
  }
}

function watchQuery({ resourceVersion, timeoutSeconds }: WatchOptions): Readonly<Record<string, string>> {
  const watch = { watch: 'true', allowWatchBookmarks: 'true', timeoutSeconds: String(timeoutSeconds) }
  if (resourceVersion !== undefined) return { ...watch, resourceVersion }
  return { ...watch, sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' }
}

async function* events(
  response: IncomingMessage,
  what: string,
  heard: () => void,
): AsyncGenerator<readonly WatchEvent[]> {
  const splitter = new LineSplitter(MAX_LINE_BYTES)
  const pacer = new Pacer()
  for await (const chunk of response as AsyncIterable<Buffer>) {
    let batch: WatchEvent[] = []
    try {
      for (const line of splitter.push(chunk)) {
        batch.push(readEvent(line, what))
        if (!pacer.due()) continue
        yield batch
        batch = []
        await pacer.pause()
      }
    } catch (error) {
      // The events in front of the one that cannot be read are good.
      if (batch.length > 0) yield batch
      throw error instanceof KubeError ? error : garbage(what, errorMessage(error), error)
    }
    if (batch.length > 0) yield batch
    // After the consumer's work: the time that it takes is not the server's silence.
    heard()
  }
  if (splitter.pending > 0) throw broken(what, 'the stream ended in the middle of an event')
}

function readEvent(line: Buffer, what: string): WatchEvent {
  // Bytes that are no UTF-8 would silently become replacement characters.
  const event: unknown = isUtf8(line) ? JSON.parse(line.toString('utf8')) : undefined
  if (!isRecord(event) || !isRecord(event.object)) throw garbage(what, 'an event is no event')
  const { type, object: written } = event
  if (type === 'ERROR') throw errorEvent(what, written)
  if (type === 'BOOKMARK') return readBookmark(written, what)
  const object = asKubeObject(written)
  if (object === undefined || (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED'))
    throw garbage(what, 'an event is no event')
  return { type, object }
}

function readBookmark(written: Readonly<Record<string, unknown>>, what: string): WatchEvent {
  const metadata = isRecord(written.metadata) ? written.metadata : {}
  const { resourceVersion, annotations } = metadata
  if (typeof resourceVersion !== 'string') throw garbage(what, 'a bookmark has no resourceVersion')
  const initialEventsEnd = isRecord(annotations) && annotations[INITIAL_EVENTS_END] === 'true'
  return { type: 'BOOKMARK', resourceVersion, initialEventsEnd }
}

function errorEvent(what: string, { code, reason, message }: Readonly<Record<string, unknown>>): KubeError {
  return statusError(what, {
    code: typeof code === 'number' ? code : 500,
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(typeof message === 'string' ? { message } : {}),
  })
}

const garbage = (what: string, reason: string, cause?: unknown): KubeError =>
  new KubeError('GARBAGE', `cannot ${what}: ${reason}`, 'the watch is begun again', { cause })

const broken = (what: string, reason: string, cause?: unknown): KubeError =>
  new KubeError('UNREACHABLE', `cannot ${what}: ${reason}`, 'the watch is begun again', { cause })
