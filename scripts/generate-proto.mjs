// Generates src/gen/*.ts from proto/*.proto with protoc and ts-proto. Does nothing when src/gen is up to date, so
// that every build may call it: `node scripts/generate-proto.mjs`.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const source = join(root, 'proto')
const output = join(root, 'src', 'gen')
const stamp = join(output, '.stamp')
const require = createRequire(import.meta.url)

/** ts-proto's options; what we ask for is: types, binary codecs and grpc-js clients, and nothing else. */
const options = [
  'outputServices=grpc-js',
  'esModuleInterop=true',
  // Enums and namespaces are not erasable syntax.
  'enumsAsLiterals=true',
  'importSuffix=.ts',
  // CRI's times are nanoseconds since the epoch: beyond what a number holds exactly.
  'forceLong=bigint',
  'useOptionals=messages',
  'outputJsonMethods=false',
  'outputPartialMethods=false',
  'unrecognizedEnum=false',
  'useAbortSignal=false',
]

const files = readdirSync(source)
  .filter((name) => name.endsWith('.proto'))
  .sort()

function fingerprint() {
  const hash = createHash('sha256').update(options.join(','))
  hash.update(JSON.parse(readFileSync(require.resolve('ts-proto/package.json'), 'utf8')).version)
  for (const name of files) hash.update(name).update(readFileSync(join(source, name)))
  return hash.digest('hex')
}

function generate(into) {
  const tool = (name) => join(root, 'node_modules', '.bin', name)
  const made = spawnSync(
    tool('protoc'),
    [
      `--plugin=protoc-gen-ts_proto=${tool('protoc-gen-ts_proto')}`,
      `--ts_proto_out=${into}`,
      `--ts_proto_opt=${options.join(',')}`,
      `--proto_path=${source}`,
      ...files,
    ],
    { encoding: 'utf8' },
  )
  if (made.error !== undefined) throw new Error(`protoc cannot be run: ${made.error.message} (npm install)`)
  if (made.status !== 0) throw new Error(`protoc refused proto/: ${made.stderr.trim()}`)
}

const wanted = fingerprint()
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  // Elsewhere first: a compiler running beside this one never sees half of it.
  const fresh = join(root, 'node_modules', '.cache', `proto-${process.pid}`)
  mkdirSync(fresh, { recursive: true })
  try {
    generate(fresh)
    writeFileSync(join(fresh, '.stamp'), wanted)
    rmSync(output, { recursive: true, force: true })
    renameSync(fresh, output)
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}
