import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Pod } from '../../src/model/pod.ts'
import type { PodStatus } from '../../src/model/pod-status.ts'
import { type CompiledScript, compileScript } from './compiled-script.ts'
import type { TestContainerd } from './containerd.ts'

/** A Kubelet in a process of its own (kubelet-process.ts), for tests that kill it. */
export class KillableKubelet {
  readonly #child: ChildProcess
  readonly #script: CompiledScript
  readonly #ready: ReadonlyMap<string, PodStatus>

  private constructor(child: ChildProcess, script: CompiledScript, ready: ReadonlyMap<string, PodStatus>) {
    this.#child = child
    this.#script = script
    this.#ready = ready
  }

  /** Starts it with plain pods of these names; resolves when all of them are ready. */
  static async startWith(machine: TestContainerd, podNames: readonly string[]): Promise<KillableKubelet> {
    const script = await compileScript(fileURLToPath(new URL('kubelet-process.ts', import.meta.url)))
    const args = [script.path, machine.containerd.endpoint, machine.stateDir, ...podNames]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const ready = new Map<string, PodStatus>()
    for await (const line of createInterface({ input: child.stdout })) {
      const status: PodStatus = JSON.parse(line)
      if (status.ready) ready.set(status.uid, status)
      if (ready.size === podNames.length) return new KillableKubelet(child, script, ready)
    }
    throw new Error(`the Kubelet process ended with ${ready.size} of ${podNames.length} pods ready`)
  }

  /** The container of one of its pods when they all were ready. */
  containerIdOf(pod: Pod): string | undefined {
    return this.#ready.get(pod.uid)?.containers[0]?.id
  }

  /** SIGKILL, as nobody can prepare for. */
  async kill(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGKILL')
      await once(this.#child, 'exit')
    }
    await this.#script.remove()
  }
}
