import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Gauge } from 'prom-client'
import type { Material } from '../../kube/access/cluster-access.ts'
import type { Registry } from '../../metrics/registry.ts'

/**
 * How long the node's client certificate is good for, under the name that alerts look at. Read at every scrape, as a file
 * may have been renewed; without a certificate there is no such metric.
 */
export function addCertificateMetrics(registry: Registry, certificate: Material | undefined): void {
  if (certificate === undefined) return
  new Gauge({
    name: 'kubelet_certificate_manager_client_ttl_seconds',
    help: 'Until the client certificate of the node is over, in seconds; negative once it is.',
    registers: [registry],
    async collect() {
      const validUntil = await endOf(certificate)
      if (validUntil === undefined) this.remove()
      else this.set(Math.floor((validUntil - Date.now()) / 1_000))
    },
  })
}

/** ms since the epoch; undefined while there is nothing to read: whoever uses it says why. */
async function endOf(certificate: Material): Promise<number | undefined> {
  try {
    const pem = certificate.kind === 'inline' ? certificate.bytes : await readFile(certificate.path)
    return Date.parse(new X509Certificate(pem).validTo)
  } catch {
    return undefined
  }
}
