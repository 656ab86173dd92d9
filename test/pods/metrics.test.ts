import { expect, test } from 'vitest'
import { buildPod, script } from '../support/pod-builder.ts'
import { usePodMachine } from '../support/pod-machine.ts'

const used = usePodMachine()

test('metrics count pods, containers, starts and calls', async () => {
  const { node } = used
  const running = buildPod('running')
  const done = buildPod('done', { restartPolicy: 'Never', containers: [script('main', 'exit 0')] })
  node.set(running, done)
  await node.running(running)
  await node.waitFor(done, ({ phase, podIPs }) => phase === 'Succeeded' && podIPs.length === 0)
  const text = await node.registry.metrics()
  for (const line of [
    'kubelet_running_pods 1',
    'kubelet_running_containers{container_state="running"} 1',
    'kubelet_running_containers{container_state="exited"} 1',
    'hawser_pods{phase="Running"} 1',
    'hawser_pods{phase="Succeeded"} 1',
    'kubelet_runtime_operations_total{operation_type="run_podsandbox"} 2',
    'kubelet_runtime_operations_duration_seconds_count{operation_type="start_container"} 2',
    'kubelet_started_pods_total 2',
    'kubelet_started_pods_errors_total 0',
    'kubelet_started_containers_total{container_type="container"} 2',
    'kubelet_desired_pods{static=""} 2',
    'kubelet_active_pods{static=""} 1',
    'kubelet_working_pods{lifecycle="sync",static="",config="desired"} 1',
    'kubelet_working_pods{lifecycle="terminated",static="",config="desired"} 1',
  ]) {
    expect(text).toContain(`${line}\n`)
  }
  expect(text).toMatch(/^kubelet_pod_start_duration_seconds_count [12]$/m)
  expect(text).toMatch(/^kubelet_pod_worker_duration_seconds_count\{operation_type="create"\} 2$/m)
  const seen = Number(/^kubelet_pleg_last_seen_seconds ([\d.]+)$/m.exec(text)?.[1])
  expect(Math.abs(Date.now() / 1_000 - seen)).toBeLessThan(60)
})
