import { writeFile } from 'node:fs/promises'
import { stringify } from 'yaml'
import type { KubeProxyConfiguration } from '../../../config/kube-proxy/configuration.ts'
import { errorMessage } from '../../../util/error-message.ts'
import { CommandError, exitCodes } from '../../command-error.ts'

/**
 * Writes a configuration as a file that `--config` reads, its fields in the order of the alphabet; `-` is standard
 * output. Resolves to the exit status.
 */
export async function writeConfiguration(
  configuration: KubeProxyConfiguration,
  file: string,
): Promise<number> {
  const text = stringify(configuration, { sortMapEntries: true })
  if (file === '-') {
    process.stdout.write(text)
    return exitCodes.ok
  }
  await writeFile(file, text).catch((error: unknown) => {
    throw new CommandError(
      'CONFIGURATION_UNWRITABLE',
      `cannot write the configuration to ${file}: ${errorMessage(error)}`,
      { remedy: 'choose another file', cause: error },
    )
  })
  process.stdout.write(`Wrote the configuration to ${file}\n`)
  return exitCodes.ok
}
