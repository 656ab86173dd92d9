import { inRoot, root } from '../setup/places.mjs'
import { runProgram } from '../setup/run-program.mjs'

/** TypeScript of the CRI messages, out of proto/. */
export const protocolCode = {
  name: 'protocol-code',
  title: 'generating code from proto/',
  inputs: [
    'proto',
    'scripts/generate-proto.mjs',
    'node_modules/protoc/package.json',
    'node_modules/ts-proto/package.json',
  ],
  outputs: ['src/gen'],
  make: () => runProgram(process.execPath, [inRoot('scripts', 'generate-proto.mjs')], { cwd: root }),
}
