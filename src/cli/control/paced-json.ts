import { Pacer } from '../../util/pacer.ts'

/** A JSON object with a long list under `name`, written a slice of the event loop at a time. */
export async function pacedJson(head: object, name: string, items: Iterable<unknown>): Promise<string> {
  const pacer = new Pacer()
  const written: string[] = []
  for (const item of items) {
    written.push(JSON.stringify(item))
    if (pacer.due()) await pacer.pause()
  }
  const rest = JSON.stringify(head).slice(0, -1)
  return `${rest}${rest === '{' ? '' : ','}${JSON.stringify(name)}:[${written.join(',')}]}\n`
}
