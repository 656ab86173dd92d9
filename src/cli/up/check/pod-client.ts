import type { ObjectName } from '../../../model/object-name.ts'
import type { Pod } from '../../../model/pod.ts'
import type { PodStatus } from '../../../model/pod-status.ts'
import { joinPort, shortName } from '../snapshot.ts'
import type { Attempt, Client } from './client.ts'
import type { Target } from './targets.ts'

/** Runs a command in a container; rejects when it cannot be run. */
export type Exec = (
  pod: ObjectName,
  container: string,
  command: readonly string[],
  timeoutMs: number,
) => Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }>

/** A pod with this label or annotation is the one to check from. */
const mark = 'hawser.dev/check'

type Tool = 'wget' | 'nc' | 'nc -u'

/** Only a shell can give nc something to send, since an exec has no standard input; and busybox's nc knows no UDP. */
const trials: readonly (readonly [Tool, readonly string[], RegExp])[] = [
  ['wget', ['wget', '--help'], /(?:)/],
  ['nc', ['nc', '-h'], /(?:)/],
  ['nc -u', ['sh', '-c', 'nc -h'], /\s-\w*u/],
]

/** Statuses from here on are the shell's and runc's way to say that there is no such program. */
const notFound = 126

const execMs = 5_000

/** Execs that run at once: each costs the runtime about 50 ms of CPU. */
const parallel = 4

/**
 * A client inside a pod: the one marked `hawser.dev/check: client`, else the first with wget or nc in a container.
 * Undefined when no pod has either.
 */
export async function findPodClient(
  pods: ReadonlyMap<ObjectName, Pod>,
  statuses: ReadonlyMap<ObjectName, PodStatus>,
  exec: Exec,
): Promise<Client | undefined> {
  const marked = (pod: Pod): boolean => (pod.labels.get(mark) ?? pod.annotations.get(mark)) === 'client'
  const candidates = [...pods.values()]
    .filter((pod) => !pod.hostNetwork && statuses.get(pod.name)?.ready === true)
    .sort((a, b) => Number(marked(b)) - Number(marked(a)) || (a.name < b.name ? -1 : 1))
  for (const pod of candidates) {
    for (const { name: container } of pod.containers) {
      const found = new Set<Tool>()
      for (const [tool, trial, sign] of trials)
        if (await shows(exec, pod.name, container, trial, sign)) found.add(tool)
      if (found.size > 0) return podClient(pod, statuses.get(pod.name)?.podIPs ?? [], container, found, exec)
    }
  }
  return undefined
}

async function shows(
  exec: Exec,
  pod: ObjectName,
  container: string,
  trial: readonly string[],
  sign: RegExp,
): Promise<boolean> {
  try {
    const { exitCode, stdout, stderr } = await exec(pod, container, trial, execMs)
    return exitCode < notFound && sign.test(stdout + stderr)
  } catch {
    return false
  }
}

function podClient(
  pod: Pod,
  addresses: PodStatus['podIPs'],
  container: string,
  found: ReadonlySet<Tool>,
  exec: Exec,
): Client {
  return {
    name: `pod ${shortName(pod.name)}`,
    addresses,
    can: (protocol) => protocol === 'TCP' || (protocol === 'UDP' && found.has('nc -u')),
    async connect(target, times) {
      const command = commandFor(target, found)
      const attempts: Attempt[] = []
      let left = times
      const work = async (): Promise<void> => {
        while (left-- > 0) attempts.push(await attempt(exec, pod.name, container, command))
      }
      await Promise.all(Array.from({ length: parallel }, work))
      return attempts
    },
  }
}

/**
 * A tool's own status says whether the server speaks its protocol, which is none of our business: whether the
 * connection was made is looked up in the kernel.
 */
async function attempt(
  exec: Exec,
  pod: ObjectName,
  container: string,
  command: readonly string[],
): Promise<Attempt> {
  try {
    const { exitCode } = await exec(pod, container, command, execMs)
    const error = exitCode < notFound ? undefined : `${command[0]} ended with status ${exitCode}`
    return { error, localPort: undefined }
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error), localPort: undefined }
  }
}

function commandFor(target: Target, found: ReadonlySet<Tool>): readonly string[] {
  const { address, port } = target
  if (target.protocol === 'UDP')
    return ['sh', '-c', 'echo hawser check | nc -u -w 1 "$0" "$1"', address, String(port)]
  // Without a time limit of its own (wget -T): Debian's static busybox crashes on it where there is no name service.
  return found.has('wget')
    ? ['wget', '-q', '-O', '/dev/null', `http://${joinPort(address, port)}/`]
    : ['nc', '-w', '2', address, String(port)]
}
