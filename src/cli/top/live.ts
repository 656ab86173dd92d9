import { setTimeout } from 'node:timers/promises'
import { exitCodes } from '../command-error.ts'
import { Interruption } from '../process/interruption.ts'
import { readKeys } from './keys.ts'
import type { Snapshot } from './rates.ts'
import { renderTop } from './render.ts'
import { Screen } from './screen.ts'
import { press, type View } from './view.ts'
import type { ConnectionsWatch } from './watch.ts'

/** Shows what happens on the whole terminal until a key, a signal or an error ends it. Resolves to the exit status. */
export async function runLive(watch: ConnectionsWatch, view: View, intervalMs: number): Promise<number> {
  // Nobody there is an error before there is a screen to say it on.
  const first = await watch.next(view.opened)
  const screen = new Screen(process.stdin, process.stdout)
  const crashes: Error[] = []
  const interruption = new Interruption({
    onInsist: () => process.exit(130),
    onCrash: (error) => crashes.push(error),
  })
  const live = new LiveView(screen, watch, view, first)
  screen.enter()
  process.stdout.on('resize', live.draw)
  process.stdin.setEncoding('utf8').on('data', live.read)
  try {
    live.draw()
    await Promise.race([live.run(intervalMs), interruption.requested])
  } finally {
    live.end()
    process.stdin.off('data', live.read).pause()
    process.stdout.off('resize', live.draw)
    screen.leave()
    interruption.dispose()
  }
  for (const error of crashes) process.stderr.write(`hawser: ${error.stack ?? error.message}\n`)
  return crashes.length > 0 ? exitCodes.failure : exitCodes.ok
}

/** What is on the screen, and what keys and the daemon make of it. */
class LiveView {
  readonly #screen: Screen
  readonly #watch: ConnectionsWatch
  #view: View
  #snapshot: Snapshot
  #trouble: string | undefined
  /** Ends the wait for the next look at the daemon. */
  #waiting = new AbortController()

  constructor(screen: Screen, watch: ConnectionsWatch, view: View, snapshot: Snapshot) {
    this.#screen = screen
    this.#watch = watch
    this.#view = view
    this.#snapshot = snapshot
  }

  /** Follows the daemon until the view is left. */
  async run(intervalMs: number): Promise<void> {
    while (!this.#view.quit) {
      await setTimeout(intervalMs, undefined, { signal: this.#waiting.signal }).catch(() => undefined)
      if (this.#view.quit) return
      this.#waiting = new AbortController()
      const next = await this.#watch.tryNext(this.#view.opened)
      this.#trouble = typeof next === 'string' ? next : undefined
      if (typeof next !== 'string') this.#snapshot = next
      this.draw()
    }
  }

  readonly draw = (): void => {
    if (this.#view.quit) return
    this.#screen.draw(renderTop(this.#snapshot, this.#view, this.#screen.size, this.#trouble))
  }

  readonly read = (text: string): void => {
    const { opened } = this.#view
    for (const key of readKeys(text)) this.#view = press(this.#view, key, this.#snapshot.services)
    this.draw()
    // Its endpoints are not among what the daemon was asked for.
    if (this.#view.quit || this.#view.opened !== opened) this.#waiting.abort()
  }

  end(): void {
    this.#view = { ...this.#view, quit: true }
    this.#waiting.abort()
  }
}
