import { defineCommand } from './command.ts'
import { usageError } from './command-error.ts'
import { askDaemon, socketFlag } from './control/ask.ts'
import { renderStatus } from './control/render-status.ts'
import type { StatusReport } from './control/status-report.ts'
import { toggle } from './flags.ts'

export const command = defineCommand({
  usage: 'status [flags]',
  description:
    'Says how the running daemon is doing: mode, objects in the kernel, last sync, errors, problems, Services.',
  flags: { socket: socketFlag, json: toggle('Print JSON.') },
  async run({ flags, operands }) {
    if (operands.length > 0) throw usageError('status takes no operand', 'hawser status')
    const report = await askDaemon<StatusReport>(flags.socket, '/status')
    process.stdout.write(flags.json ? `${JSON.stringify(report)}\n` : `${renderStatus(report).join('\n')}\n`)
    return 0
  },
})
