import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'

const SUPERVISE = fileURLToPath(new URL('../../../scripts/setup/supervise.mjs', import.meta.url))

/** Starts a supervisor of a Node program that runs `body`, and says `ready` then. */
async function superviseProgram(body: string) {
  const program = `${body}; setInterval(() => {}, 1000); console.log('ready')`
  const script = `import { supervise } from ${JSON.stringify(SUPERVISE)}
    const args = ['--eval', ${JSON.stringify(program)}]
    process.exitCode = await supervise(process.execPath, args, { sameSignalMilliseconds: 60_000 })`
  const supervisor = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void supervisor.kill('SIGTERM'))
  const ended = once(supervisor, 'close').then(([status]) => status)
  const lines = createInterface(supervisor.stdout)[Symbol.asyncIterator]()
  const nextLine = async () => (await lines.next()).value
  expect(await nextLine()).toBe('ready')
  return { supervisor, ended, nextLine }
}

it('passes a signal on, and ends with the status of the program', async () => {
  const { supervisor, ended, nextLine } = await superviseProgram(
    `process.on('SIGTERM', () => { console.log('took down'); process.exit(7) })`,
  )
  supervisor.kill('SIGTERM')

  expect(await nextLine()).toBe('took down')
  expect(await ended).toBe(7)
})

it('passes a Ctrl-C that arrives twice on once', async () => {
  const { supervisor, ended, nextLine } = await superviseProgram(
    `process.on('SIGINT', () => console.log('SIGINT'))
     process.on('SIGTERM', () => { console.log('SIGTERM'); process.exit(0) })`,
  )
  supervisor.kill('SIGINT')
  expect(await nextLine()).toBe('SIGINT')
  supervisor.kill('SIGINT')
  supervisor.kill('SIGTERM')

  expect(await nextLine()).toBe('SIGTERM')
  expect(await ended).toBe(0)
})

it('ends as a shell does when a signal ended the program', async () => {
  const { ended } = await superviseProgram(`setImmediate(() => process.kill(process.pid, 'SIGKILL'))`)

  expect(await ended).toBe(137)
})
