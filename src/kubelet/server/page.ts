/** Something to read, whole. */
export interface Page {
  readonly type: string
  readonly body: string | Buffer
}

/** What renders pages, by their paths without the first slash: `metrics/resource`. */
export type Pages = ReadonlyMap<string, () => Promise<Page> | Page>

/** Prometheus' text format 0.0.4. */
export const metricsPage = (body: string): Page => ({
  type: 'text/plain; version=0.0.4; charset=utf-8',
  body,
})

export const jsonPage = (value: unknown): Page => ({ type: 'application/json', body: JSON.stringify(value) })
