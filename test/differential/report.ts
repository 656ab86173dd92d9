import { stringify } from 'yaml'
import type { Difference } from './compare.ts'
import { formatFate } from './fate.ts'
import { serviceManifest, sliceManifests } from './manifests.ts'
import { formatProbe } from './probes.ts'
import { type ServiceDraft, servicesAt, type World } from './service-draft.ts'

/** Beyond these a world says nothing new. */
const MOST_SHOWN = 12

/** What a failed world has to say: the differences, the objects that they are about, and how to see it again. */
export function reportFailure(
  world: World,
  step: 0 | 1,
  mode: string,
  differences: readonly Difference[],
): string {
  const shown = differences.slice(0, MOST_SHOWN)
  const indices = new Set(shown.flatMap(({ probe }) => probe.draft?.index ?? []))
  const about = servicesAt(world, step).filter(({ index }) => indices.has(index))
  return [
    `mode ${mode}, world of seed ${world.seed}, step ${step + 1}: ${differences.length} fates are not kube-proxy's`,
    ...shown.flatMap(({ probe, theirs, ours }) => [
      formatProbe(probe),
      `    kube-proxy: ${formatFate(theirs)}`,
      `    hawser:     ${formatFate(ours)}`,
    ]),
    ...(differences.length > shown.length ? [`and ${differences.length - shown.length} more`] : []),
    '',
    'objects that these are about:',
    worldYaml(about),
    `this world alone: npm run test:differential -- --worlds 1 --seed ${world.seed}`,
  ].join('\n')
}

/** As kubectl would be given them. */
export const worldYaml = (drafts: readonly ServiceDraft[]): string =>
  drafts
    .flatMap((draft) => [serviceManifest(draft), ...sliceManifests(draft)])
    .map((manifest) => stringify(manifest))
    .join('---\n')
