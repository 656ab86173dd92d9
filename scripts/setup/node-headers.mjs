import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * Arguments that make node-gyp use the C headers which came with the running Node, where they did (its own archives,
 * nodesource's packages, version managers); without them node-gyp downloads the same headers from nodejs.org.
 *
 * @returns {readonly string[]}
 */
export function nodeHeaderArguments() {
  const prefix = dirname(dirname(process.execPath))
  const headers = join(prefix, 'include', 'node')
  const complete = ['node_api.h', 'common.gypi'].every((name) => existsSync(join(headers, name)))
  return complete ? [`--nodedir=${prefix}`] : []
}
