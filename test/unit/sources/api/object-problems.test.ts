import { expect, test } from 'vitest'
import { objectName } from '../../../../src/model/object-name.ts'
import { ObjectProblems } from '../../../../src/sources/api/object-problems.ts'
import { parsePod } from '../../../../src/sources/objects/pod.ts'

const identity = { name: objectName('default', 'web'), uid: 'uid-web' }
const settle = (spec: object, problems = new ObjectProblems(() => undefined)) => {
  const container = { name: 'main', image: 'web:1' }
  const parsed = parsePod({
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', uid: identity.uid } },
    spec: { containers: [container], ...spec },
  })
  const value = problems.settle('Pod default/web', parsed, undefined, identity)
  return { value, problems: problems.all }
}

test('a pod that cannot be read is a problem that says which pod it is', () => {
  expect(settle({ hostPID: 'yes' })).toEqual({
    value: undefined,
    problems: [
      {
        place: 'Pod default/web',
        reason: 'spec.hostPID must be true or false, not "yes"',
        remedy: 'it is left out',
        severity: 'error',
        pod: identity,
      },
    ],
  })
})

test('a pod that asks for what the node cannot do, or does without, says so itself', () => {
  const { value, problems } = settle({ hostUsers: false, ephemeralContainers: [{ name: 'debug' }] })
  expect(problems).toEqual([])
  expect(value?.unsupported).toEqual([expect.stringMatching(/^spec\.hostUsers /)])
  expect(value?.ignored).toEqual([expect.stringMatching(/^spec\.ephemeralContainers /)])
})
