import { execFile, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type ProgramResult, runInUml } from '../support/uml/boot.ts'

const KERNEL_SCRIPT = fileURLToPath(new URL('kernel.sh', import.meta.url))
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Runs `program`, from the repository's root, as root of a fresh network namespace in a kernel that has ip_vs. */
export type RunWithIpvs = (program: readonly string[], timeoutMs?: number) => Promise<ProgramResult>

/** `host`, or the folder of the User-Mode Linux kernel; builds that first when there is none, which takes minutes. */
export async function ipvsKernel(): Promise<string> {
  const { stdout } = await promisify(execFile)(KERNEL_SCRIPT)
  return stdout.trim()
}

export const runWithIpvs = async (
  program: readonly string[],
  timeoutMs = 900_000,
): Promise<ProgramResult> => {
  const kernel = await ipvsKernel()
  return kernel === 'host'
    ? runOnHost(program, timeoutMs)
    : runInUml(kernel, program, { cwd: ROOT, timeoutMs })
}

/**
 * Namespaces of its own give the host's kernel the same clean slate as a booted one: nothing but `lo`, no named network
 * namespaces, and every process that the program leaves ends with it.
 */
const HOST_SETUP = 'mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns && ip link set lo up && exec "$@"'

function runOnHost(program: readonly string[], timeoutMs: number): Promise<ProgramResult> {
  const namespaces = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  return new Promise((resolve, reject) => {
    const child = spawn('unshare', [...namespaces, 'sh', '-c', HOST_SETUP, 'sh', ...program], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk
    })
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk
    })
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === null)
        reject(new Error(`${program.join(' ')} was ended by ${signal} after ${timeoutMs} ms: ${stderr}`))
      else resolve({ status: code, stdout, stderr })
    })
  })
}
