import { needs } from '../setup/needs.mjs'
import { root } from '../setup/places.mjs'
import { showProgram } from './show-program.mjs'
import { oneFailed, onePassed } from './tally.mjs'

/** @type {import('./tier.mjs').Tier} */
export const quickStartTier = {
  name: 'quick-start',
  title: 'npm start -- --once: every Service answers from every one of its pods',
  needs: [...needs.build, ...needs.node],
  root: true,
  async run() {
    const { ok, reason } = await showProgram('npm', ['start', '--', '--once'], { cwd: root, minutes: 5 })
    if (!ok) process.stderr.write(`npm start -- --once ${reason}\n`)
    return ok ? onePassed : oneFailed
  },
}
