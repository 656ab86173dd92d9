/** One of `spec.taints` of a Node (core/v1 Taint). */
export interface NodeTaint {
  readonly key: string
  readonly value: string
  readonly effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute'
}

/** `[prefix/]name`: a DNS subdomain, and up to 63 letters, digits, dashes, dots and underscores (API conventions). */
const KEY =
  /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?$/
const VALUE = /^([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)?$/

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] as const

/** `key=value,…` as the kubelet's --node-labels has it; undefined when it is none. */
export function parseNodeLabels(text: string): ReadonlyMap<string, string> | undefined {
  const pairs = parts(text).map((part) => /^([^=]+)=(.*)$/.exec(part))
  const labels = new Map<string, string>()
  for (const pair of pairs) {
    const [, key = '', value = ''] = pair ?? []
    if (pair === null || !KEY.test(key) || !VALUE.test(value)) return undefined
    labels.set(key, value)
  }
  return labels
}

/** `key=value:Effect,…` or `key:Effect,…` as the kubelet's --register-with-taints has it; undefined when it is none. */
export function parseTaints(text: string): readonly NodeTaint[] | undefined {
  const taints: NodeTaint[] = []
  for (const part of parts(text)) {
    const [, key = '', value = '', effectText = ''] = /^([^=:]+)(?:=([^:]*))?:(\w+)$/.exec(part) ?? []
    const effect = EFFECTS.find((known) => known === effectText)
    if (effect === undefined || !KEY.test(key) || !VALUE.test(value)) return undefined
    taints.push({ key, value, effect })
  }
  return taints
}

const parts = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
