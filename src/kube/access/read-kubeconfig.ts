import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import * as v from 'valibot'
import { LineCounter, parseDocument } from 'yaml'
import { errorMessage } from '../../util/error-message.ts'
import { KubeError } from '../error.ts'
import {
  kubeconfigSchema,
  type WrittenCluster,
  type WrittenContext,
  type WrittenUser,
} from './kubeconfig-schema.ts'

/** One entry with the file that it stands in: relative paths in it are relative to that file's folder. */
export interface Entry<Written> {
  readonly written: Written
  readonly file: string
  readonly folder: string
}

/** Several kubeconfig files as one. */
export interface MergedKubeconfig {
  readonly files: readonly string[]
  readonly currentContext: string
  readonly clusters: ReadonlyMap<string, Entry<WrittenCluster>>
  readonly users: ReadonlyMap<string, Entry<WrittenUser>>
  readonly contexts: ReadonlyMap<string, Entry<WrittenContext>>
}

export const invalid = (message: string, remedy: string, cause?: unknown): KubeError =>
  new KubeError('KUBECONFIG_INVALID', message, remedy, { cause })

/**
 * Reads and merges kubeconfig files: the first file to set a name or `current-context` wins, and of several files some
 * may be missing (the rules of `kubectl config`).
 */
export async function readKubeconfig(files: readonly string[]): Promise<MergedKubeconfig> {
  let currentContext = ''
  const clusters = new Map<string, Entry<WrittenCluster>>()
  const users = new Map<string, Entry<WrittenUser>>()
  const contexts = new Map<string, Entry<WrittenContext>>()
  let found = 0
  for (const file of files) {
    const text = await read(file, files.length > 1)
    if (text === undefined) continue
    found++
    const config = parse(file, text)
    const place = { file, folder: dirname(resolve(file)) }
    currentContext ||= config['current-context']
    for (const { name, cluster } of config.clusters) addFirst(clusters, name, { written: cluster, ...place })
    for (const { name, user } of config.users) addFirst(users, name, { written: user, ...place })
    for (const { name, context } of config.contexts) addFirst(contexts, name, { written: context, ...place })
  }
  if (found === 0)
    throw invalid(`cannot read a kubeconfig: none of ${files.join(', ')} exists`, 'check KUBECONFIG')
  return { files, currentContext, clusters, users, contexts }
}

function addFirst<Value>(map: Map<string, Value>, name: string, value: Value): void {
  if (!map.has(name)) map.set(name, value)
}

async function read(file: string, mayBeMissing: boolean): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (mayBeMissing && error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw invalid(
      `cannot read the kubeconfig ${file}: ${errorMessage(error)}`,
      'check its path and permissions',
      error,
    )
  }
}

function parse(file: string, text: string): v.InferOutput<typeof kubeconfigSchema> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const [syntax] = document.errors
  if (syntax !== undefined) {
    const { line } = lines.linePos(syntax.pos[0])
    throw invalid(`cannot read the kubeconfig ${file}:${line}: ${syntax.message}`, 'correct the YAML', syntax)
  }
  const result = v.safeParse(kubeconfigSchema, document.toJS())
  if (result.success) return result.output
  const [issue] = result.issues
  const path = (issue.path ?? []).map((step) => String(step.key)).join('.')
  throw invalid(`cannot use the kubeconfig ${file}: ${path || 'it'}: ${issue.message}`, 'correct the field')
}
