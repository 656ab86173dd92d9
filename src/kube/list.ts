import { Pacer } from '../util/pacer.ts'
import type { KubeClient } from './client.ts'
import { type Collection, selectors } from './collection.ts'
import { KubeError } from './error.ts'
import { asKubeObject, isRecord, type KubeObject } from './kube-object.ts'

/** 500 Services are half a MiB of JSON, 500 EndpointSlices of 20 endpoints 3 MiB: some 15 ms to parse. */
const PAGE_SIZE = 500

/**
 * Reads a whole collection in pages and hands every object to `take`; returns the resource version of the whole, from
 * which a watch can follow. Of one object only what `take` keeps stays in memory.
 *
 * Rejects with a KubeError; `EXPIRED` when the server forgot the list before its last page was asked for.
 */
export async function listObjects(
  client: KubeClient,
  collection: Collection,
  take: (object: KubeObject) => void,
  signal: AbortSignal,
): Promise<string> {
  const pacer = new Pacer()
  let next: string | undefined
  for (;;) {
    const page = { limit: PAGE_SIZE, ...(next === undefined ? {} : { continue: next }) }
    const { path } = collection
    const body = await client.json({ path, query: { ...selectors(collection), ...page }, signal })
    const { items, resourceVersion, more } = readPage(body, collection)
    for (const item of items) {
      take(readItem(item, collection))
      if (pacer.due()) await pacer.pause()
    }
    // All pages are of the same moment (API concepts, "Retrieving large results sets in chunks").
    if (more === undefined) return resourceVersion
    next = more
  }
}

interface Page {
  readonly items: readonly unknown[]
  readonly resourceVersion: string
  /** Undefined on the last page. */
  readonly more: string | undefined
}

function readPage(body: unknown, collection: Collection): Page {
  if (!isRecord(body) || !isRecord(body.metadata)) throw garbage(collection, 'the answer is no list')
  const { resourceVersion, continue: more } = body.metadata
  const items = body.items ?? []
  if (typeof resourceVersion !== 'string' || !Array.isArray(items))
    throw garbage(collection, 'the answer is no list')
  return { items, resourceVersion, more: typeof more === 'string' && more !== '' ? more : undefined }
}

/** Items of a list carry neither apiVersion nor kind: the collection knows them. */
function readItem(item: unknown, collection: Collection): KubeObject {
  const { apiVersion, kind } = collection
  const object = isRecord(item) ? asKubeObject({ ...item, apiVersion, kind }) : undefined
  if (object === undefined) throw garbage(collection, 'an item of the list is no object')
  return object
}

const garbage = ({ path }: Collection, reason: string): KubeError =>
  new KubeError('GARBAGE', `cannot list ${path}: ${reason}`, 'check what answers at this address')
