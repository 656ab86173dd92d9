import type { EndpointSlice } from '../../model/endpoint-slice.ts'
import type { Problem } from '../../model/problem.ts'
import type { Service, ServicePort } from '../../model/service.ts'
import { familyOf, type IpFamily } from '../../util/address.ts'

/** Endpoints there are, but none at this port: mostly a name that is written differently in the two objects. */
export function reportNamelessPort(
  service: Service,
  { name, protocol }: ServicePort,
  family: IpFamily,
  slices: readonly EndpointSlice[],
  problems: Problem[],
): void {
  const used = slices.filter((slice) => slice.family === family && slice.endpoints.length > 0)
  const isNamed = used.some(({ ports }) =>
    ports.some((port) => port.name === name && port.protocol === protocol),
  )
  if (used.length === 0 || isNamed) return
  problems.push({
    place: `Service ${service.name}`,
    severity: 'warning',
    reason: `no EndpointSlice with ${family} endpoints has a port ${name === '' ? 'without a name' : name} of ${protocol}, so connections to it are refused`,
    remedy: 'give the port the same name and protocol in the Service, its pods and their EndpointSlices',
  })
}

/** A Service answers in its own families only, whatever its addresses are of. */
export function reportForeignAddresses(service: Service, problems: Problem[]): void {
  for (const address of [...service.externalIPs, ...service.loadBalancerIPs]) {
    const family = familyOf(address)
    if (service.ipFamilies.includes(family)) continue
    problems.push({
      place: `Service ${service.name}`,
      severity: 'warning',
      reason: `${address} is an ${family} address and the Service is not of that family, so nobody answers there`,
      remedy: `add ${family} to ipFamilies, or take the address away`,
    })
  }
}
