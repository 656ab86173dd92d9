import { needs } from '../setup/needs.mjs'
import { root } from '../setup/places.mjs'
import { footprint, leftBehind } from './footprint.mjs'
import { showProgram } from './show-program.mjs'
import { failing, onePassed, sum } from './tally.mjs'

/** @type {import('./tier.mjs').Tier} */
export const quickStartTier = {
  name: 'quick-start',
  title: 'npm start -- --once: every Service answers from every one of its pods, and nothing stays behind',
  needs: [...needs.build, ...needs.node, ...needs.tests],
  root: true,
  async run() {
    const before = await footprint()
    const { ok, reason } = await showProgram('npm', ['start', '--', '--once'], { cwd: root, minutes: 5 })
    const left = leftBehind(before, await footprint())
    return sum([
      ok ? onePassed : failing('npm start -- --once', `It ${reason}.`),
      left.length === 0 ? onePassed : failing('npm start -- --once leaves nothing behind', left.join('\n')),
    ])
  },
}
