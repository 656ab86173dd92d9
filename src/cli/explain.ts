import type { Explanation } from '../dataplane/explain/explanation.ts'
import { parseQuestion } from '../dataplane/explain/question.ts'
import { type IpAddress, parseAddress } from '../util/address.ts'
import { defineCommand } from './command.ts'
import { usageError } from './command-error.ts'
import { askDaemon, socketFlag } from './control/ask.ts'
import { renderExplanation } from './control/render-explanation.ts'
import { toggle, value } from './flags.ts'

export const command = defineCommand({
  usage: 'explain VIP:PORT[/PROTO] [flags]',
  description: [
    'Says what happens to connections to an address on this node, and why: which Service it is, which endpoints take',
    'them and which do not for what reason, masquerade, the objects in the kernel, live connections.',
  ].join(' '),
  flags: {
    from: value<IpAddress | undefined>({
      metavar: 'IP',
      help: 'The client.',
      fallback: undefined,
      shownDefault: 'anybody',
      parse: parseAddress,
      must: 'an IP address',
    }),
    socket: socketFlag,
    json: toggle('Print JSON.'),
  },
  async run({ flags, operands }) {
    const [asked, extra] = operands
    const question = asked === undefined ? undefined : parseQuestion(asked, flags.from)
    if (asked === undefined || question === undefined || extra !== undefined)
      throw usageError('explain takes an address with a port', 'hawser explain 10.96.0.1:80/TCP')
    const query = new URLSearchParams({
      to: asked,
      ...(flags.from === undefined ? {} : { from: flags.from }),
    })
    const explanation = await askDaemon<Explanation>(flags.socket, `/explain?${query}`)
    const lines = flags.json ? [JSON.stringify(explanation)] : renderExplanation(explanation)
    process.stdout.write(`${lines.join('\n')}\n`)
    return 0
  },
})
