/** Outcome of a ginkgo run by name of the test; skipped ones are in neither. */
export interface SuiteOutcome {
  readonly passed: readonly string[]
  /** With the first line of the reason. */
  readonly failed: readonly string[]
}

interface SpecReport {
  readonly LeafNodeType: string
  readonly LeafNodeText: string
  readonly ContainerHierarchyTexts: readonly string[] | null
  readonly State: string
  readonly Failure?: { readonly Message: string }
}

/** Reads ginkgo's `--json-report`: an array of suites with `SpecReports`. */
export function readReport(text: string): SuiteOutcome {
  const suites: readonly { readonly SpecReports: readonly SpecReport[] }[] = JSON.parse(text)
  const specs = suites
    .flatMap(({ SpecReports }) => SpecReports)
    .filter(({ LeafNodeType }) => LeafNodeType === 'It')
  const name = ({ ContainerHierarchyTexts, LeafNodeText }: SpecReport): string =>
    [...(ContainerHierarchyTexts ?? []), LeafNodeText].join(' ')
  return {
    passed: specs.filter(({ State }) => State === 'passed').map(name),
    failed: specs
      .filter(({ State }) => State !== 'passed' && State !== 'skipped' && State !== 'pending')
      .map((spec) => `${name(spec)}: ${spec.Failure?.Message.split('\n', 1)[0]}`),
  }
}
