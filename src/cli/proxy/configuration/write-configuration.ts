import { writeFile } from 'node:fs/promises'
import { stringify } from 'yaml'
import type { KubeProxyConfiguration } from '../../../config/kube-proxy/configuration.ts'
import { errorMessage } from '../../../util/error-message.ts'
import { CommandError, exitCodes } from '../../command-error.ts'

/** Writes a configuration as a file that `--config` reads, its fields in the order of the alphabet. */
export async function writeConfiguration(
  configuration: KubeProxyConfiguration,
  file: string,
): Promise<number> {
  await writeFile(file, stringify(configuration, { sortMapEntries: true })).catch((error: unknown) => {
    throw new CommandError(
      'CONFIGURATION_UNWRITABLE',
      `cannot write the configuration to ${file}: ${errorMessage(error)}`,
      { remedy: 'choose another file', cause: error },
    )
  })
  process.stdout.write(`Wrote the configuration to ${file}\n`)
  return exitCodes.ok
}
