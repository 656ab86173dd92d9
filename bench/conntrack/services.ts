import type { ConntrackFilter } from '../../src/native/conntrack.ts'
import { ConntrackTable } from '../../src/native/conntrack-events.ts'
import { formatAddress, type IpAddress } from '../../src/util/address.ts'

/** What generator.cc makes flows of: addresses, ports and endpoints per Service. */
const FIRST_VIP = 0x0a600001
const FIRST_ENDPOINT = 0x0a800001
const ENDPOINTS = 5
const UDP = 17

/** The table that counts the generator's Services, one frontend with five endpoints each. */
export function tableOf(services: number): ConntrackTable {
  const table = new ConntrackTable()
  for (let service = 0; service < services; service++) {
    table.setFrontend(service, { ...place(service), group: service })
    for (let slot = 0; slot < ENDPOINTS; slot++) {
      const row = service * ENDPOINTS + slot
      table.setEndpoint(row, { address: address(FIRST_ENDPOINT + row), port: 8080, group: service })
    }
  }
  return table
}

/** The flows of the first Service, which has a twentieth of all. */
export const goneService: ConntrackFilter = {
  family: 'IPv4',
  protocol: UDP,
  original: { destination: address(FIRST_VIP), destinationPort: 80 },
  translated: true,
}

const place = (service: number) => ({
  family: 'IPv4' as const,
  protocol: UDP,
  address: address(FIRST_VIP + service),
  port: 80,
})

function address(number: number): IpAddress {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, number)
  return formatAddress(bytes)
}
