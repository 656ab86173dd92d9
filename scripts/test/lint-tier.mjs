import { ensure } from '../build/product.mjs'
import { protocolCode } from '../build/protocol-code.mjs'
import { root } from '../setup/places.mjs'
import { showProgram } from './show-program.mjs'
import { failing, none } from './tally.mjs'

/** @type {import('./tier.mjs').Tier} */
export const lintTier = {
  name: 'lint',
  title: 'style, import rules, types',
  needs: [],
  uncounted: true,
  async run() {
    // The types of src/ include those generated from proto/.
    await ensure(protocolCode)
    const { ok, reason } = await showProgram('npm', ['run', '--silent', 'lint'], { cwd: root, minutes: 5 })
    return ok ? none : failing('npm run lint', `It ${reason}.`)
  },
}
