import { needs } from '../setup/needs.mjs'
import { root } from '../setup/places.mjs'
import { footprint, leftBehind } from './footprint.mjs'
import { showProgram } from './show-program.mjs'
import { oneFailed, onePassed, sum } from './tally.mjs'

/** @type {import('./tier.mjs').Tier} */
export const quickStartTier = {
  name: 'quick-start',
  title: 'npm start -- --once: every Service answers from every one of its pods, and nothing stays behind',
  needs: [...needs.build, ...needs.node, ...needs.tests],
  root: true,
  async run() {
    const before = await footprint()
    const { ok, reason } = await showProgram('npm', ['start', '--', '--once'], { cwd: root, minutes: 5 })
    if (!ok) process.stderr.write(`npm start -- --once ${reason}\n`)

    const left = leftBehind(before, await footprint())
    for (const line of left) process.stderr.write(`left behind: ${line}\n`)
    return sum([ok ? onePassed : oneFailed, left.length === 0 ? onePassed : oneFailed])
  },
}
