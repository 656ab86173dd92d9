import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { commands } from '../../../src/cli/commands.ts'

const main = resolve('dist/src/cli/main.js')

beforeAll(() => {
  if (!existsSync(main)) throw new Error('these tests run the compiled command: npm run build first')
})

interface Outcome {
  readonly status: number | null
  readonly out: string
  readonly err: string
}

const hawser = (...args: string[]): Promise<Outcome> =>
  new Promise((done) => {
    const child = execFile(process.execPath, [main, ...args], (_, out, err) => {
      done({ status: child.exitCode, out, err })
    })
  })

test('help lists every command', async () => {
  const { status, out } = await hawser('--help')
  expect(status).toBe(0)
  for (const name of commands.keys()) expect(out).toContain(name)
})

test('help waits for no package: neither gRPC nor a parser of YAML nor the addon is loaded', async () => {
  const run = promisify(execFile)
  const { stderr } = await run(process.execPath, [main, '--help'], {
    env: { ...process.env, NODE_DEBUG: 'esm,module' },
    maxBuffer: 2 ** 26,
  })
  // Node's own account of what it loads: it must have been there to say nothing of packages.
  expect(stderr).toContain('dist/src/cli/commands.js')
  expect(stderr).not.toMatch(/node_modules|\.node\b/)
})

test.each([...commands.keys()])('%s --help explains itself', async (name) => {
  const { status, out, err } = await hawser(...name.split(' '), '--help')
  expect([status, err]).toEqual([0, ''])
  expect(out).toMatch(new RegExp(`^Usage: hawser ${name}`))
})

test('the version is the one of package.json', async () => {
  const { version } = JSON.parse(await readFile('package.json', 'utf8'))
  expect((await hawser('version')).out).toBe(`hawser ${version} (node ${process.version})\n`)
  expect(JSON.parse((await hawser('version', '--json')).out)).toEqual({ version, node: process.version })
  expect((await hawser('--version')).out).toContain(version)
})

test.each([
  [[], /^Hawser, a Kubernetes node/],
  [['frobnicate'], /^hawser: there is no command frobnicate \(commands: up, /],
  [['image'], /^hawser: image needs to be told what to do \(hawser image build\)\n$/],
  [['image', 'push'], /^hawser: there is no command image push \(hawser image build\)\n$/],
  [['image', 'build'], /^hawser: image build takes one folder/],
  [['up'], /^hawser: up takes one folder of manifests \(hawser up DIR\)\n$/],
  [['up', 'DIR', '--cluster-cidr', '10'], /^hawser: --cluster-cidr must be a CIDR such as .*, not "10"/],
  [['bench'], /^hawser: bench needs a suite \(suites: programming, datapath, pods, .*\)\n$/],
  [['bench', 'nonsense'], /^hawser: there is no suite nonsense/],
])('a wrong command line is one line and status 2: %j', async (args, line) => {
  const { status, out, err } = await hawser(...args)
  expect([status, out]).toEqual([2, ''])
  expect(err).toMatch(line)
})

test('what keeps a node from starting is said all at once, and nothing is made', async () => {
  const { status, err } = await hawser(
    'up',
    '/nowhere/manifests',
    '--state-dir',
    '/nowhere/state',
    '--cluster-cidr',
    '10.96.7.0/24',
  )
  expect(status).toBe(1)
  expect(err).toContain('hawser: there is no folder /nowhere/manifests (make it, or name another)\n')
  expect(err).toContain('hawser: cluster IPs (10.96.0.0/16) and pods (10.96.7.0/24) overlap (change ')
  expect(existsSync('/nowhere')).toBe(false)
})

test('an image is built where it is wanted, under the name that is wanted', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hw-image-'))
  try {
    const file = join(folder, 'out.tar')
    await writeFile(join(folder, 'image.yaml'), 'name: localhost/one:1\ncmd: [/nothing]\n')
    const built = await hawser('image', 'build', folder, '-t', 'localhost/other:2', '-o', file, '--json')
    expect([built.status, built.err]).toEqual([0, ''])
    expect(JSON.parse(built.out)).toMatchObject({ name: 'localhost/other:2', file })
    expect(existsSync(file)).toBe(true)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test('an image folder that is none is one line', async () => {
  const { status, err } = await hawser('image', 'build', '/nowhere')
  expect(status).toBe(1)
  expect(err).toMatch(/^hawser: \/nowhere\/image\.yaml: .*\n$/)
})
