import type { Registry } from './registry.ts'

/** Writes metrics in Prometheus' text format, lines with their ends, a slice of the event loop at a time. */
export type Renderer = () => Promise<string>

const renderers = new WeakMap<Registry, Set<Renderer>>()

/**
 * Adds families that are too large for prom-client: it renders a whole registry in one turn of the event loop, at some
 * 4 µs a series. Returns what takes them out again.
 */
export function addRendered(registry: Registry, renderer: Renderer): () => void {
  const known = renderers.get(registry) ?? new Set()
  renderers.set(registry, known.add(renderer))
  return () => known.delete(renderer)
}

/** Everything that a registry has to say, in the text format. */
export async function scrape(registry: Registry): Promise<string> {
  const parts = [await registry.metrics()]
  for (const render of renderers.get(registry) ?? []) parts.push(await render())
  return parts.join('')
}
