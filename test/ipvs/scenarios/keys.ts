import type { VirtualServerKey } from '../../../src/native/ipvs.ts'
import { ip } from '../../support/addresses.ts'

export const tcp = (address: string, port: number): VirtualServerKey => ({
  kind: 'address',
  protocol: 'TCP',
  address: ip(address),
  port,
})

export const udp = (address: string, port: number): VirtualServerKey => ({
  kind: 'address',
  protocol: 'UDP',
  address: ip(address),
  port,
})
