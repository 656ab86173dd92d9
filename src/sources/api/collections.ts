import type { Collection } from '../../kube/collection.ts'

/** Headless Services and those that another proxy serves never leave the server, nor do their EndpointSlices (KEP-2447). */
const labelSelector = '!service.kubernetes.io/service-proxy-name,!service.kubernetes.io/headless'

export const services: Collection = {
  path: '/api/v1/services',
  apiVersion: 'v1',
  kind: 'Service',
  labelSelector,
}

export const endpointSlices: Collection = {
  path: '/apis/discovery.k8s.io/v1/endpointslices',
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  labelSelector,
}

export const oneNode = (name: string): Collection => ({
  path: '/api/v1/nodes',
  apiVersion: 'v1',
  kind: 'Node',
  fieldSelector: `metadata.name=${name}`,
})

/** Served since 1.33 (KEP-1880). */
export const serviceCidrs: Collection = {
  path: '/apis/networking.k8s.io/v1/servicecidrs',
  apiVersion: 'networking.k8s.io/v1',
  kind: 'ServiceCIDR',
}
