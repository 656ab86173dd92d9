import { stringify } from 'yaml'
import type { Difference } from './compare.ts'
import { formatFate } from './fate.ts'
import { serviceManifest, sliceManifests } from './manifests.ts'
import { formatProbe } from './probes.ts'
import { type ServiceDraft, servicesAt, type World } from './service-draft.ts'
import type { Judgement } from './suspicion.ts'

/** Beyond these a world says nothing new. */
const MOST_SHOWN = 12

/** Differences, in words. */
export function reportDifferences(
  world: World,
  step: 0 | 1,
  mode: string,
  differences: readonly Difference[],
  [first, second]: readonly [string, string] = ['kube-proxy', 'hawser'],
): string {
  const shown = differences.slice(0, MOST_SHOWN)
  const width = Math.max(first.length, second.length) + 1
  return [
    `mode ${mode}, world of seed ${world.seed}, step ${step + 1}: ${differences.length} fates are not kube-proxy's`,
    ...shown.flatMap(({ probe, theirs, ours }) => [
      formatProbe(probe),
      `    ${`${first}:`.padEnd(width)} ${formatFate(theirs)}`,
      `    ${`${second}:`.padEnd(width)} ${formatFate(ours)}`,
    ]),
    ...(differences.length > shown.length ? [`and ${differences.length - shown.length} more`] : []),
  ].join('\n')
}

/** What of a judgement is a failure: nothing, or the differences, the objects that they are about, and how to see them. */
export function reportJudgement(
  world: World,
  step: 0 | 1,
  mode: string,
  { real, changedByUs, rules }: Judgement,
): readonly string[] {
  const indices = new Set([...real, ...changedByUs].flatMap(({ probe }) => probe.draft?.index ?? []))
  const about = servicesAt(world, step).filter(({ index }) => indices.has(index))
  const said = [
    ...(real.length === 0 ? [] : [reportDifferences(world, step, mode, real)]),
    ...(changedByUs.length === 0
      ? []
      : [reportDifferences(world, step, mode, changedByUs, ['hawser at first', 'and then, as kube-proxy'])]),
    ...rules.map((line) => `mode ${mode}, seed ${world.seed}, step ${step + 1}: ${line}`),
  ]
  if (said.length === 0) return []
  return [
    ...said,
    `objects that these are about:\n${worldYaml(about)}`,
    `this world alone: npm run test:differential -- --worlds 1 --seed ${world.seed}`,
  ]
}

/** As kubectl would be given them. */
export const worldYaml = (drafts: readonly ServiceDraft[]): string =>
  drafts
    .flatMap((draft) => [serviceManifest(draft), ...sliceManifests(draft)])
    .map((manifest) => stringify(manifest))
    .join('---\n')
