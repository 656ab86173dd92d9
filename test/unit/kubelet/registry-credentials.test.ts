import { describe, expect, test } from 'vitest'
import { registryCredentials } from '../../../src/kubelet/images/registry-credentials.ts'
import type { ConfigObject } from '../../../src/model/config-object.ts'
import { objectName } from '../../../src/model/object-name.ts'

const secret = (key: string, content: unknown): ConfigObject => ({
  kind: 'Secret',
  name: objectName('default', 'registry'),
  data: new Map([[key, Buffer.from(typeof content === 'string' ? content : JSON.stringify(content))]]),
})
/** A Secret of credentials whose user is called after its place. */
const known = (...places: readonly string[]) =>
  secret('.dockerconfigjson', {
    auths: Object.fromEntries(places.map((place) => [place, { username: place, password: 'secret' }])),
  })
const users = (image: string, ...secrets: readonly ConfigObject[]) =>
  registryCredentials(image, secrets).map(({ username }) => username)

describe('credentials are shown', () => {
  test.each([
    ['registry.example', 'registry.example/team/web:1', true],
    ['registry.example', 'other.example/team/web:1', false],
    ['registry.example', 'eu.registry.example/team/web:1', false],
    ['registry.example:5000', 'registry.example:5000/web', true],
    ['registry.example', 'registry.example:5000/web', false],
    ['registry.example/team', 'registry.example/team/web', true],
    ['registry.example/team', 'registry.example/other/web', false],
    ['*.registry.example', 'eu.registry.example/web', true],
    ['*.registry.example', 'registry.example/web', false],
    ['registry-?.example', 'registry-1.example/web', true],
    ['https://registry.example/v2/', 'registry.example/web', true],
    ['http://registry.example/v1/team', 'registry.example/team/web', true],
    ['https://index.docker.io/v1/', 'nginx', true],
    ['https://index.docker.io/v1/', 'library/nginx:1', true],
    ['https://index.docker.io/v1/', 'docker.io/library/nginx', true],
    ['https://index.docker.io/v1/', 'registry.example/nginx', false],
    ['https://index.docker.io/v1/', 'localhost:5000/nginx', false],
  ])('of %s for %s: %s', (place, image, shown) => {
    expect(users(image, known(place))).toEqual(shown ? [place] : [])
  })
})

test('the more particular place comes first, over all Secrets', () => {
  const secrets = [known('registry.example'), known('registry.example/team/web', 'registry.example/team')]
  expect(users('registry.example/team/web', ...secrets)).toEqual([
    'registry.example/team/web',
    'registry.example/team',
    'registry.example',
  ])
})

test('a user and a password are written apart or as one', () => {
  const auth = Buffer.from('robot:se:cret').toString('base64')
  const secrets = [secret('.dockercfg', { 'registry.example': { auth, email: 'a@b.example' } })]
  expect(registryCredentials('registry.example/web', secrets)).toMatchObject([
    { username: 'robot', password: 'se:cret' },
  ])
})

test.each([
  secret('.dockerconfigjson', '{'),
  secret('.dockerconfigjson', { auths: [] }),
  secret('password', 'x'),
])('what holds no credentials is passed over: %#', (broken) => {
  expect(users('registry.example/web', broken, known('registry.example'))).toEqual(['registry.example'])
})
