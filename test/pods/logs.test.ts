import { rename } from 'node:fs/promises'
import { Client, credentials } from '@grpc/grpc-js'
import { expect, it } from 'vitest'
import { type LogOptions, readLog } from '../../src/kubelet/logs/read-log.ts'
import type { Pod } from '../../src/model/pod.ts'
import { eventually } from '../support/eventually.ts'
import { buildPod, script } from '../support/pod-builder.ts'
import { usePodMachine } from '../support/pod-machine.ts'

const pods = usePodMachine()

/** Somebody who reads the log of a pod's container `main`. */
class LogReader {
  text = ''
  readonly done: Promise<void>

  constructor(pod: Pod, options: Partial<LogOptions> = {}, previous = false) {
    this.done = this.#read(pod, options, previous)
    this.done.catch(() => undefined)
  }

  async #read({ name }: Pod, options: Partial<LogOptions>, previous: boolean): Promise<void> {
    const { file, writer } = pods.node.kubelet.access.log(
      { pod: name, uid: undefined, container: 'main' },
      previous,
    )
    const all = { sinceMs: undefined, timestamps: false, limitBytes: undefined, stream: undefined }
    const wanted = { ...all, tailLines: undefined, follow: false, ...options }
    for await (const piece of await readLog(file, wanted, writer, new AbortController().signal))
      this.text += piece.toString()
  }
}

/** Has the runtime go on in a new file, as whoever rotates logs does once the old one is renamed. */
function reopenLog(containerId: string): Promise<void> {
  const client = new Client(pods.machine.containerd.endpoint, credentials.createInsecure())
  return new Promise<void>((resolve, reject) => {
    client.makeUnaryRequest(
      '/runtime.v1.RuntimeService/ReopenContainerLog',
      // Field 1, a string.
      (id: string) => Buffer.concat([Buffer.from([0x0a, id.length]), Buffer.from(id)]),
      (bytes) => bytes,
      containerId,
      (error) => (error === null ? resolve() : reject(error)),
    )
  }).finally(() => client.close())
}

it('lines that the runtime writes in parts, of 16 KiB, are read as they were printed', async () => {
  const long = 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do x=$x$x-0123456789; done'
  const pod = buildPod('long', {
    restartPolicy: 'Never',
    containers: [script('main', `echo before; ${long}; echo $x; echo after`)],
  })
  pods.node.set(pod)
  await pods.node.waitFor(pod, ({ phase }) => phase === 'Succeeded')
  const [all, tail] = [new LogReader(pod), new LogReader(pod, { tailLines: 2 })]
  await Promise.all([all.done, tail.done])
  const [before, x = '', after] = all.text.split('\n')
  expect([before, x.length, after]).toEqual(['before', 4095 * 11, 'after'])
  expect(tail.text).toBe(`${x}\nafter\n`)
})

it('a log is followed across a rotation to the end of its container', async () => {
  const pod = buildPod('rotated', {
    restartPolicy: 'Never',
    containers: [
      script('main', 'n=0; until [ -e /stop ]; do n=$((n+1)); echo $n; sleep 0.01; done; echo last'),
    ],
  })
  pods.node.set(pod)
  await pods.node.running(pod)
  const follower = new LogReader(pod, { follow: true })
  await eventually(() => follower.text.includes('\n5\n') || undefined, 30_000)
  const id = pods.node.status(pod)?.containers[0]?.id ?? ''
  const { file } = pods.node.kubelet.access.log({ pod: pod.name, uid: undefined, container: 'main' }, false)
  for (let times = 1; times <= 2; times++) {
    await rename(file, `${file}.${times}`)
    await reopenLog(id)
    const read = follower.text.length
    await eventually(() => follower.text.length > read + 20 || undefined, 30_000)
  }
  await pods.node.output(pod, 'touch /stop')
  await follower.done
  const lines = follower.text.trimEnd().split('\n')
  expect(lines.pop()).toBe('last')
  expect(lines).toEqual(lines.map((_, index) => String(index + 1)))
})
