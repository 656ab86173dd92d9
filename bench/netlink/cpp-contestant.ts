import type { Contestant } from './contestant.ts'
import { PlainLoop } from './plain-loop.ts'

/** Requests a send of the C++ loop: past this, larger batches gained nothing. */
const batch = 512

export function openCppContestant(program: string): Contestant {
  const loop = new PlainLoop(program)
  return {
    name: 'cpp',
    roundTrips: (count) => loop.run(`generation ${count}`),
    messages: (count) => loop.run(`routes ${count} ${batch}`),
    close: () => loop.close(),
  }
}
