import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { TestContainerd } from './containerd.ts'

/** A registry on the loopback of a containerd's network namespace, with the images of OCI archives in it. */
export class TestRegistry {
  readonly #child: ChildProcess
  readonly #requests: string[]
  readonly #port: number

  private constructor(child: ChildProcess, requests: string[], port: number) {
    this.#child = child
    this.#requests = requests
    this.#port = port
  }

  static async start(machine: TestContainerd, archives: readonly string[]): Promise<TestRegistry> {
    const layouts = archives.map((_, i) => join(machine.stateDir, `layout-${i}`))
    for (const [i, layout] of layouts.entries()) {
      await mkdir(layout)
      execFileSync('tar', ['-xf', archives[i] ?? '', '-C', layout])
    }
    const script = fileURLToPath(new URL('registry-main.mjs', import.meta.url))
    // The namespace is the test's own: nobody else listens in it.
    const port = 5000
    const command = [`--net=${machine.netnsPath}`, process.execPath, script, String(port), ...layouts]
    const child = spawn('nsenter', command, { stdio: ['ignore', 'pipe', 'inherit'] })
    const requests: string[] = []
    const lines = createInterface({ input: child.stdout })
    await new Promise<void>((resolve, reject) => {
      lines.on('line', (line) => (line === 'ready' ? resolve() : requests.push(line)))
      child.once('exit', () => reject(new Error('the registry ended')))
    })
    return new TestRegistry(child, requests, port)
  }

  /** A reference to the image of the archive number `index`, from 0; `name` may be any. */
  reference(name: string, index: number): string {
    return `localhost:${this.#port}/${name}:${index + 1}`
  }

  /** How often an image of that name was asked for. */
  pulls(name: string): number {
    return this.#requests.filter((line) => new RegExp(`^(HEAD|GET) /v2/${name}/manifests/\\d`).test(line))
      .length
  }

  stop(): void {
    this.#child.kill('SIGKILL')
  }
}
