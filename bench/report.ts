import { writeFile } from 'node:fs/promises'
import { type Host, hostLine } from './host.ts'

/** What a figure has to reach; a missed bound is shown, and fails the run under `--check`. */
export type Bound = { readonly atMost: number } | { readonly atLeast: number }

/** One measured number: a row of the table and a key of the JSON. */
export interface Figure {
  readonly key: string
  readonly label: string
  readonly value: number
  readonly unit: string
  readonly bound?: Bound
}

export interface Report {
  readonly suite: string
  /** What was asked for: sizes and choices, as JSON keys. */
  readonly parameters: Readonly<Record<string, string | number>>
  readonly figures: readonly Figure[]
  readonly host: Host
}

/** `suite`, the parameters, the figures and `host` as one flat object. */
export function reportJson(report: Report): Record<string, unknown> {
  const figures = report.figures.map((figure) => [figure.key, significant(figure.value)])
  return {
    suite: report.suite,
    ...report.parameters,
    ...Object.fromEntries(figures),
    host: report.host,
  }
}

/** The report for people: a line of what ran where, then a figure a line. */
export function reportTable(report: Report): string {
  const parameters = Object.entries(report.parameters).map(([key, value]) => `${key} ${value}`)
  const labels = report.figures.map((figure) => figure.label)
  const values = report.figures.map((figure) => formatValue(figure.value))
  const labelWidth = Math.max(...labels.map((label) => label.length))
  const valueWidth = Math.max(...values.map((value) => value.length))
  const rows = report.figures.map((figure, i) => {
    const value = (values[i] ?? '').padStart(valueWidth)
    return `  ${figure.label.padEnd(labelWidth)}  ${value} ${figure.unit.padEnd(5)}${verdict(figure)}`.trimEnd()
  })
  return [[report.suite, ...parameters].join(', '), hostLine(report.host), '', ...rows, ''].join('\n')
}

export const missedFigures = (report: Report): readonly Figure[] => report.figures.filter(isMissed)

/** Prints the table, writes `jsonFile` when there is one, and returns the exit status of the run. */
export async function deliver(
  report: Report,
  options: { readonly jsonFile: string | undefined; readonly check: boolean },
): Promise<number> {
  process.stdout.write(reportTable(report))
  if (options.jsonFile !== undefined)
    await writeFile(options.jsonFile, `${JSON.stringify(reportJson(report), null, 2)}\n`)
  return options.check && missedFigures(report).length > 0 ? 1 : 0
}

function isMissed(figure: Figure): boolean {
  if (figure.bound === undefined) return false
  return 'atMost' in figure.bound ? figure.value > figure.bound.atMost : figure.value < figure.bound.atLeast
}

function verdict(figure: Figure): string {
  if (figure.bound === undefined) return ''
  const wanted =
    'atMost' in figure.bound ? `at most ${figure.bound.atMost}` : `at least ${figure.bound.atLeast}`
  return `  ${isMissed(figure) ? 'MISSED' : 'ok'} (${wanted})`
}

/** Four significant digits: more would claim a precision that no run has; whole counts stay whole. */
const significant = (value: number): number =>
  Number.isInteger(value) ? value : Number(value.toPrecision(4))

const formatValue = (value: number): string =>
  Number.isInteger(value) ? String(value) : value.toFixed(value >= 100 ? 0 : value >= 1 ? 2 : 4)
