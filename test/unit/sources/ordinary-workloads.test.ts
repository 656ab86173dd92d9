import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { isRecord } from '../../../src/kube/kube-object.ts'
import { parsePod } from '../../../src/sources/objects/pod.ts'

const folder = join(import.meta.dirname, 'workloads')

const record = (value: unknown): Record<string, unknown> => (isRecord(value) ? { ...value } : {})
const records = (value: unknown): Record<string, unknown>[] => (Array.isArray(value) ? value.map(record) : [])

/** What an API server writes into every container that does not say otherwise. */
const defaultedContainer = (container: Record<string, unknown>) => ({
  imagePullPolicy: 'IfNotPresent',
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
  ...container,
  resources: record(container.resources),
  resizePolicy: ['cpu', 'memory'].map((resourceName) => ({ resourceName, restartPolicy: 'NotRequired' })),
  volumeMounts: [
    ...records(container.volumeMounts),
    {
      name: 'kube-api-access',
      readOnly: true,
      recursiveReadOnly: 'Disabled',
      mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
    },
  ],
})

/** A template's pod as a node gets it: created by a controller, defaulted, admitted and bound. */
function boundPod(template: unknown): unknown {
  const { metadata, spec: written } = record(template)
  const spec = record(written)
  const token = {
    name: 'kube-api-access',
    projected: {
      defaultMode: 420,
      sources: [
        { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
          },
        },
      ],
    },
  }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...record(metadata),
      name: 'workload-7d9f8c6b5-x2x7k',
      generateName: 'workload-7d9f8c6b5-',
      namespace: 'production',
      uid: 'e2a1c7c8-0a5f-4c0e-8d0f-3f4c64c3a8f1',
      resourceVersion: '4711',
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'workload-7d9f8c6b5', uid: 'u' }],
      managedFields: [{ manager: 'kube-controller-manager', operation: 'Update', fieldsV1: {} }],
    },
    spec: {
      dnsPolicy: 'ClusterFirst',
      restartPolicy: 'Always',
      schedulerName: 'default-scheduler',
      enableServiceLinks: true,
      preemptionPolicy: 'PreemptLowerPriority',
      priority: 0,
      securityContext: {},
      terminationGracePeriodSeconds: 30,
      tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', tolerationSeconds: 300 }],
      nodeName: 'node-1',
      serviceAccount: spec.serviceAccountName,
      ...spec,
      volumes: [...records(spec.volumes), token],
      initContainers: records(spec.initContainers).map(defaultedContainer),
      containers: records(spec.containers).map(defaultedContainer),
    },
    status: {
      phase: 'Pending',
      qosClass: 'Burstable',
      conditions: [{ type: 'PodScheduled', status: 'True' }],
    },
  }
}

test.each(readdirSync(folder))('%s runs here with all that it asks for', (file) => {
  const { value, problems } = parsePod(boundPod(parse(readFileSync(join(folder, file), 'utf8'))))
  expect(problems).toEqual([])
  expect(value).toMatchObject({ unsupported: [], ignored: [] })
})
