import { objectName, splitObjectName } from '../../model/object-name.ts'
import { type Pod, TOLD_NOTHING } from '../../model/pod.ts'
import type { Deployment } from '../objects/deployment.ts'
import { podHostname } from '../objects/pod.ts'
import { nameSuffix, uidOf } from './content-hash.ts'

/**
 * The pods of a Deployment, named as its controllers would name them: `web-<template hash>-<5 letters>`. The letters
 * follow from the ordinal, so that scaling adds and removes pods at the end and leaves the others alone, and a
 * changed template makes other pods.
 */
export function deploymentPods(deployment: Deployment, nodeName: string): readonly Pod[] {
  const { namespace, name } = splitObjectName(deployment.name)
  const templateHash = nameSuffix(deployment.writtenTemplate, 9)
  const labels = new Map([...deployment.labels, ['pod-template-hash', templateHash]])
  return Array.from({ length: deployment.replicas }, (_, ordinal) => {
    const suffix = nameSuffix([namespace, name, templateHash, ordinal], 5)
    const podName = `${name.slice(0, 253 - 16)}-${templateHash}-${suffix}`
    return {
      ...deployment.template,
      name: objectName(namespace, podName),
      generation: 0,
      createdAt: undefined,
      deletion: undefined,
      told: TOLD_NOTHING,
      uid: uidOf([nodeName, namespace, podName, deployment.writtenTemplate]),
      labels,
      annotations: deployment.annotations,
      hostname: podHostname(deployment.template.hostname, podName),
      unsupported: deployment.unsupported,
      ignored: deployment.ignored,
    }
  })
}
