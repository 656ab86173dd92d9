import { readFile } from 'node:fs/promises'
import {
  type ConfigurationProblem,
  checkConfiguration,
} from '../../../config/kube-proxy/check-configuration.ts'
import { completeConfiguration } from '../../../config/kube-proxy/complete-configuration.ts'
import {
  API_VERSION,
  KIND,
  type KubeProxyConfiguration,
  schema,
} from '../../../config/kube-proxy/configuration.ts'
import { formatProblem, type Problem } from '../../../model/problem.ts'
import { type FileDocument, readDocuments } from '../../../sources/files/read-documents.ts'
import { formatPath } from '../../../sources/objects/object-path.ts'
import { readSchema } from '../../../sources/objects/read-schema.ts'
import { errorMessage } from '../../../util/error-message.ts'
import { Pacer } from '../../../util/pacer.ts'
import { CommandError, usageError } from '../../command-error.ts'
import {
  flagOf,
  KUBE_PROXY_FIELDS,
  OVERRIDING_FIELDS,
  type RawConfiguration,
  withFlags,
} from './flag-fields.ts'

export interface ReadConfiguration {
  /** Whole, with every default. */
  readonly configuration: KubeProxyConfiguration
  /** What of it has no use here. */
  readonly warnings: readonly Problem[]
}

export type GivenFlags = Readonly<Record<string, unknown>>

/** What the flags say where there is no file. Throws a usage error that names the flag. */
export function configurationOfFlags(flags: GivenFlags): ReadConfiguration {
  const fields = { ...KUBE_PROXY_FIELDS, ...OVERRIDING_FIELDS }
  const raw = withFlags({ apiVersion: API_VERSION, kind: KIND }, fields, flags)
  const { written, problems } = interpret(raw)
  const [error] = problems.filter(({ severity }) => severity === 'error')
  if (written === undefined || error !== undefined) {
    const flag = flagOf(error?.path ?? [], fields, flags)
    throw usageError(`--${flag} ${error?.reason}`, error?.remedy ?? 'see --help')
  }
  // An empty mode or range is no flag: nobody asked for it.
  const asked = problems.filter(({ path }) => flagOf(path, fields, flags) !== undefined)
  const warnings = asked.map(({ path, ...problem }) => ({
    ...problem,
    place: `--${flagOf(path, fields, flags)}`,
  }))
  return { configuration: completeConfiguration(written), warnings }
}

/**
 * Reads a file of one KubeProxyConfiguration, in YAML or JSON; flags that hold beside it win. Throws a CommandError
 * `CONFIGURATION_INVALID` that says all that is wrong with it, each with its line.
 */
export async function configurationOfFile(file: string, flags: GivenFlags): Promise<ReadConfiguration> {
  const document = await readDocument(file)
  const raw = withFlags(isMapping(document.value) ? document.value : {}, OVERRIDING_FIELDS, flags)
  const { written, problems } = interpret(isMapping(document.value) ? raw : document.value)
  const located = problems.map(({ path, reason, ...problem }): Problem => {
    const flag = flagOf(path, OVERRIDING_FIELDS, flags)
    if (flag !== undefined) return { ...problem, place: `--${flag}`, reason }
    const place = `${file}:${document.locate(path).line}`
    return { ...problem, place, reason: `${formatPath(path) || 'it'} ${reason}` }
  })
  const errors = located.filter(({ severity }) => severity === 'error')
  if (written === undefined || errors.length > 0) throw invalid([...new Set(errors.map(formatProblem))])
  const ignored = Object.keys(KUBE_PROXY_FIELDS).filter((name) => flags[name] !== undefined)
  const warnings = [...located, ...ignored.map((name) => ignoredFlag(name, file))]
  return { configuration: completeConfiguration(written), warnings }
}

async function readDocument(file: string): Promise<FileDocument> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw invalid([`cannot read the configuration ${file}: ${errorMessage(error)}`])
  })
  const content = await readDocuments(bytes, new Pacer())
  if (content.kind === 'broken')
    throw invalid(content.faults.map(({ line, reason }) => `${file}:${line}: ${reason}`))
  const [document, second] = content.documents
  if (document === undefined) throw invalid([`${file}: there is no ${KIND} in it`])
  if (second !== undefined)
    throw invalid([`${file}:${second.locate([]).line}: only one document may be in it`])
  return document
}

/** Fields of former versions: they are in many files, and have had no effect for years. */
const FORMER_FIELDS: ReadonlySet<unknown> = new Set(['udpIdleTimeout', 'resourceContainer'])

function interpret(raw: unknown): {
  readonly written: KubeProxyConfiguration | undefined
  readonly problems: readonly ConfigurationProblem[]
} {
  if (!isMapping(raw))
    return { written: undefined, problems: [{ path: [], reason: 'must be a mapping', severity: 'error' }] }
  const { output, problems } = readSchema(schema, raw)
  // What the schema does not name: with a node's whole dataplane at stake, a misspelt field is no detail.
  const strict = problems.map((problem): ConfigurationProblem => {
    if (problem.severity === 'error') return problem
    if (problem.path.length === 1 && FORMER_FIELDS.has(problem.path[0]))
      return { ...problem, reason: 'has no use in any version that is still supported' }
    return { ...problem, reason: `is no field of ${KIND}`, severity: 'error' }
  })
  return {
    written: output,
    problems: output === undefined ? strict : [...strict, ...checkConfiguration(output)],
  }
}

const ignoredFlag = (name: string, file: string): Problem => ({
  place: `--${name}`,
  severity: 'warning',
  reason: `is ignored beside --config, as kube-proxy does: ${file} says all of that`,
})

const invalid = (lines: readonly string[]): CommandError =>
  new CommandError('CONFIGURATION_INVALID', lines.join('\nhawser: '))

const isMapping = (value: unknown): value is RawConfiguration =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
