import { hostname } from 'node:os'

/** Node names are DNS subdomains in lower case, as the kubelet makes them from the host's name. */
export function parseNodeName(text: string): string | undefined {
  const name = text.trim().toLowerCase()
  const valid = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name)
  return valid ? name : undefined
}

/** The host's name, with what a node name cannot have replaced by dashes. */
export const hostNodeName = (): string =>
  parseNodeName(hostname()) ??
  parseNodeName(
    hostname()
      .toLowerCase()
      .replace(/[^a-z0-9.-]/g, '-')
      .replace(/^[-.]+|[-.]+$/g, ''),
  ) ??
  'node'
