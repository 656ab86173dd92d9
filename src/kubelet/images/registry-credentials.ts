import * as v from 'valibot'
import type { AuthConfig } from '../../gen/runtime.ts'
import type { ConfigObject } from '../../model/config-object.ts'

const entry = v.object({
  username: v.nullish(v.string(), ''),
  password: v.nullish(v.string(), ''),
  /** base64 of `username:password`. */
  auth: v.nullish(v.string(), ''),
})

const registries = v.record(v.string(), entry)

/** Where a Secret has them (`kubernetes.io/dockerconfigjson`, and `kubernetes.io/dockercfg` before it). */
const KEYS = [
  {
    key: '.dockerconfigjson',
    schema: v.pipe(
      v.object({ auths: registries }),
      v.transform(({ auths }) => auths),
    ),
  },
  { key: '.dockercfg', schema: registries },
] as const

const DOCKER_HUB = 'index.docker.io'

interface Place {
  /** Labels of the host's name, in which `*` and `?` stand for others. */
  readonly host: readonly string[]
  readonly port: string
  /** Begins with a slash, or is empty. */
  readonly path: string
}

/**
 * What to show a registry that is asked for `image`: everything in the Secrets that is for its place, the most particular
 * first (the rules of the kubelet's own keyring). What is no such Secret is passed over.
 */
export function registryCredentials(image: string, secrets: readonly ConfigObject[]): readonly AuthConfig[] {
  const known = secrets
    .flatMap(credentialsIn)
    // Of two places, the longer one with the same beginning is the more particular.
    .sort((a, b) => (a.place < b.place ? 1 : a.place > b.place ? -1 : 0))
  const wanted = placeOf(image)
  const matching = known.filter(({ place }) => covers(placeOf(place), wanted))
  if (matching.length > 0 || !isOfDockerHub(image)) return matching.map(({ auth }) => auth)
  return known.filter(({ place }) => place === DOCKER_HUB).map(({ auth }) => auth)
}

function credentialsIn({ data }: ConfigObject): readonly { place: string; auth: AuthConfig }[] {
  return KEYS.flatMap(({ key, schema }) => {
    const parsed = v.safeParse(schema, parseJson(data.get(key)))
    return parsed.success
      ? Object.entries(parsed.output).map(([where, it]) => ({ place: normalize(where), auth: toAuth(it) }))
      : []
  })
}

function parseJson(content: string | Uint8Array | undefined): unknown {
  if (content === undefined) return undefined
  try {
    return JSON.parse(typeof content === 'string' ? content : Buffer.from(content).toString('utf8'))
  } catch {
    return undefined
  }
}

function toAuth({ username, password, auth }: v.InferOutput<typeof entry>): AuthConfig {
  const decoded = Buffer.from(auth, 'base64').toString('utf8')
  const colon = decoded.indexOf(':')
  const [name, secret] =
    colon < 0 ? [username, password] : [decoded.slice(0, colon), decoded.slice(colon + 1)]
  return {
    ...{ username: name, password: secret },
    ...{ auth: '', serverAddress: '', identityToken: '', registryToken: '' },
  }
}

/** `https://index.docker.io/v1/` is the registry itself, as `docker login` writes it. */
const normalize = (where: string): string =>
  where
    .replace(/^https?:\/\//, '')
    .replace(/^([^/]*)\/v[12]\//, '$1/')
    .replace(/\/$/, '')

function placeOf(text: string): Place {
  const slash = text.indexOf('/')
  const authority = slash < 0 ? text : text.slice(0, slash)
  const [, host = authority, port = ''] = /^(.*):(\d+)$/.exec(authority) ?? []
  return { host: host.split('.'), port, path: slash < 0 ? '' : text.slice(slash) }
}

const covers = (place: Place, image: Place): boolean =>
  place.port === image.port &&
  place.host.length === image.host.length &&
  image.path.startsWith(place.path) &&
  place.host.every((label, index) => matches(label, image.host[index] ?? ''))

function matches(pattern: string, label: string): boolean {
  const expression = pattern.replace(/[.*+?^${}()|[\]\\]/g, (character) =>
    character === '*' ? '.*' : character === '?' ? '.' : `\\${character}`,
  )
  return new RegExp(`^${expression}$`).test(label)
}

/** Without a registry before its first slash, which a dot or a port tells from a user, a name is Docker Hub's. */
function isOfDockerHub(image: string): boolean {
  const [first = '', ...rest] = image.split('/')
  return rest.length === 0 || first === 'docker.io' || first === DOCKER_HUB || !/[.:]/.test(first)
}
