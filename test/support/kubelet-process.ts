// A Kubelet in a process of its own, for tests that kill it: `node … ENDPOINT STATE_DIR POD_NAME…`. Prints every status
// as a line of JSON.
import { Registry } from 'prom-client'
import { Kubelet } from '../../src/kubelet/kubelet.ts'
import { silentLogger } from '../../src/util/logger.ts'
import { buildPod } from './pod-builder.ts'

const [endpoint = '', stateDir = '', ...names] = process.argv.slice(2)
const kubelet = await Kubelet.open({
  endpoint,
  stateDir,
  nodeName: 'test-node',
  nodeAddresses: [],
  registry: new Registry(),
  log: silentLogger,
})
kubelet.onStatus((news) => console.log(JSON.stringify(news)))
const pods = names.map((name) => buildPod(name))
kubelet.apply(pods.map((pod) => ({ kind: 'Pod', name: pod.name, object: pod })))
kubelet.ready()
