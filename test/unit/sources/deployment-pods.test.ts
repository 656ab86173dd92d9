import { expect, test } from 'vitest'
import { deploymentPods } from '../../../src/sources/files/deployment-pods.ts'
import { parseDeployment } from '../../../src/sources/objects/deployment.ts'

const pods = (replicas: number, image = 'web:1', node = 'here') => {
  const { value } = parseDeployment({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'main', image }] },
      },
    },
  })
  return value === undefined ? [] : deploymentPods(value, node)
}

test('pods are named as the controllers name them, and carry the template hash', () => {
  const [pod] = pods(1)
  expect(pod?.name).toMatch(
    /^default\/web-[bcdfghjklmnpqrstvwxz2456789]{9}-[bcdfghjklmnpqrstvwxz2456789]{5}$/,
  )
  expect(pod?.hostname).toBe(pod?.name.slice('default/'.length))
  expect(pod?.labels.get('app')).toBe('web')
  expect(pod?.name).toContain(pod?.labels.get('pod-template-hash'))
  expect(pod?.uid).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
})

test('scaling leaves the pods that were there as they are', () => {
  expect(pods(5).slice(0, 3)).toEqual(pods(3))
  expect(new Set(pods(50).map(({ name }) => name)).size).toBe(50)
})

test('another template makes other pods', () => {
  const before = new Set(pods(3).map(({ uid }) => uid))
  expect(pods(3, 'web:2').some(({ uid }) => before.has(uid))).toBe(false)
})

test('another node makes pods of other uids under the same names', () => {
  expect(pods(1, 'web:1', 'there')[0]?.name).toBe(pods(1)[0]?.name)
  expect(pods(1, 'web:1', 'there')[0]?.uid).not.toBe(pods(1)[0]?.uid)
})
