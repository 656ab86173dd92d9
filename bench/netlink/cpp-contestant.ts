import type { Contestant } from './contestant.ts'
import { PlainLoop } from './plain-loop.ts'

/** Requests a send, as many as the addon puts into one (native/rtnetlink/change_run.cc). */
const batch = 1024

export function openCppContestant(program: string): Contestant {
  const loop = new PlainLoop(program)
  return {
    name: 'cpp',
    roundTrips: (count) => loop.run(`generation ${count}`),
    messages: (count) => loop.run(`routes ${count} ${batch}`),
    close: () => loop.close(),
  }
}
