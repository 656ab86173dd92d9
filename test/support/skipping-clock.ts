import type { Clock } from '../../src/util/clock.ts'

interface Alarm {
  readonly time: number
  readonly ring: () => void
  timer: NodeJS.Timeout
}

/** Real time that a test can move ahead: waiting for minutes takes none. */
export class SkippingClock implements Clock {
  #ahead = 0
  readonly #alarms = new Set<Alarm>()

  now(): number {
    return Date.now() + this.#ahead
  }

  at(time: number, callback: () => void): () => void {
    const alarm: Alarm = {
      time,
      ring: () => {
        this.#alarms.delete(alarm)
        callback()
      },
      timer: setTimeout(() => alarm.ring(), Math.max(0, time - this.now())),
    }
    this.#alarms.add(alarm)
    return () => {
      clearTimeout(alarm.timer)
      this.#alarms.delete(alarm)
    }
  }

  skip(ms: number): void {
    this.#ahead += ms
    for (const alarm of [...this.#alarms]) {
      if (alarm.time > this.now()) continue
      clearTimeout(alarm.timer)
      alarm.ring()
    }
  }
}
