import { spawn } from 'node:child_process'
import { access, constants, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What a program left behind: its exit status and everything it printed. */
export interface ProgramResult {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

export interface BootOptions {
  /** Working directory of the program: a host path, since the host's root is the kernel's. Default: this process's. */
  readonly cwd?: string
  /** Variables added to the kernel's sparse environment (PATH and HOME). */
  readonly env?: Readonly<Record<string, string>>
  /** Boot, program and power-off together. Default 120,000. */
  readonly timeoutMs?: number
  /** Memory of the kernel. Default 1024. */
  readonly memoryMiB?: number
}

/** The kernel did not get as far as the program's end; `message` ends with the last lines of its console. */
export class UmlBootError extends Error {
  override readonly name = 'UmlBootError'
  readonly code: 'UML_TIMEOUT' | 'UML_NO_STATUS' | 'UML_NOT_STARTED'
  readonly console: string

  constructor(code: UmlBootError['code'], what: string, console: string) {
    const tail = console.trimEnd().split('\n').slice(-20).join('\n')
    super(`${what}; the console's last lines:\n${tail === '' ? '(nothing was printed)' : tail}`)
    this.code = code
    this.console = console
  }
}

const INIT = fileURLToPath(new URL('init.sh', import.meta.url))

/**
 * Boots the User-Mode Linux kernel in `folder` (kernel.sh prints one), runs `program` in it as root and returns what it
 * said. The program sees the host's files read-only, but for an empty /run and a /tmp that forgets what is written. A program that fails is a result; a kernel
 * that does not boot, panics or hangs is a UmlBootError.
 */
export async function runInUml(
  folder: string,
  program: readonly string[],
  options: BootOptions = {},
): Promise<ProgramResult> {
  await access(join(folder, 'linux'), constants.X_OK).catch((error: Error) => {
    throw new UmlBootError('UML_NOT_STARTED', `cannot start the test kernel: ${error.message}`, '')
  })
  const exchange = await mkdtemp(join(tmpdir(), 'hw-uml-'))
  try {
    await writeFile(join(exchange, 'command'), commandScript(program, options))
    const boot = await bootKernel(folder, exchange, options)
    const status = await readFile(join(exchange, 'status'), 'utf8').catch(() => '')
    if (boot.timedOut) {
      const said = await readFile(join(exchange, 'stderr'), 'utf8').catch(() => '')
      throw new UmlBootError(
        'UML_TIMEOUT',
        `${quote(program)} did not end within ${timeoutOf(options)} ms in the test kernel ${folder}`,
        boot.console + said,
      )
    }
    if (!/^\d+\n$/.test(status)) {
      throw new UmlBootError(
        'UML_NO_STATUS',
        `the test kernel ${folder} ended (${boot.end}) before ${quote(program)} did`,
        boot.console,
      )
    }
    return {
      status: Number(status),
      stdout: await readFile(join(exchange, 'stdout'), 'utf8'),
      stderr: await readFile(join(exchange, 'stderr'), 'utf8'),
    }
  } finally {
    await rm(exchange, { recursive: true, force: true })
  }
}

const timeoutOf = (options: BootOptions): number => options.timeoutMs ?? 120_000

const shellWord = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
const quote = (program: readonly string[]): string => program.map(shellWord).join(' ')

function commandScript(program: readonly string[], options: BootOptions): string {
  const variables = Object.entries(options.env ?? {}).map(
    ([name, value]) => `export ${name}=${shellWord(value)}`,
  )
  return [...variables, `cd ${shellWord(options.cwd ?? process.cwd())}`, `exec ${quote(program)}`, ''].join(
    '\n',
  )
}

interface BootEnd {
  readonly console: string
  readonly end: string
  readonly timedOut: boolean
}

function bootKernel(folder: string, exchange: string, options: BootOptions): Promise<BootEnd> {
  const kernelArguments = [
    `mem=${options.memoryMiB ?? 1024}M`,
    'root=/dev/root',
    'rootfstype=hostfs',
    'rootflags=/',
    'ro',
    `init=${INIT}`,
    `HAWSER_EXCHANGE=${exchange}`,
    'quiet',
    // Modules that make a device of their own at boot; tests make what they need.
    'dummy.numdummies=0',
    'con=null',
    'con0=null,fd:1',
    'con1=null,fd:1',
    // Its management socket and pid file, else kept in ~/.uml for ever.
    `uml_dir=${exchange}/`,
    'umid=kernel',
  ]
  return new Promise((resolve, reject) => {
    let console = ''
    let timedOut = false
    // A process group of its own: every process of the kernel is one of the host too, and a hung kernel leaves them.
    // The kernel's first process takes the others with it, and itself goes when this process is killed.
    const program = ['--pdeathsig', 'KILL', join(folder, 'linux'), ...kernelArguments]
    const kernel = spawn('setpriv', program, {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, LD_PRELOAD: join(folder, 'libxstate.so') },
    })
    const killGroup = (): void => {
      if (kernel.pid === undefined) return
      try {
        process.kill(-kernel.pid, 'SIGKILL')
      } catch {
        // The group is gone: nothing is left to end.
      }
    }
    const timer = setTimeout(() => {
      timedOut = true
      killGroup()
    }, timeoutOf(options))
    process.once('exit', killGroup)
    const settled = (): void => {
      clearTimeout(timer)
      process.removeListener('exit', killGroup)
    }
    const collect = (chunk: string): void => {
      console += chunk
    }
    kernel.stdout.setEncoding('utf8').on('data', collect)
    kernel.stderr.setEncoding('utf8').on('data', collect)
    kernel.once('error', (error) => {
      settled()
      reject(
        new UmlBootError('UML_NOT_STARTED', `cannot start ${join(folder, 'linux')}: ${error.message}`, ''),
      )
    })
    kernel.once('close', (code, signal) => {
      settled()
      killGroup()
      resolve({ console, timedOut, end: signal ?? `exit status ${code}` })
    })
  })
}
