import { defineCommand } from './command.ts'
import { toggle } from './flags.ts'
import { packageVersion } from './package-info.ts'

export const command = defineCommand({
  usage: 'version [--json]',
  description: 'Prints the version of Hawser and of the Node.js that runs it.',
  flags: { json: toggle('Print JSON.') },
  async run({ flags }) {
    const version = packageVersion()
    process.stdout.write(
      flags.json
        ? `${JSON.stringify({ version, node: process.version })}\n`
        : `hawser ${version} (node ${process.version})\n`,
    )
    return 0
  },
})
