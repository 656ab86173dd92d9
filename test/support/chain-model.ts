/**
 * Tables as the kernel would have them after commands of `formatPlan`, as strict as the kernel about what is there and
 * what is not.
 */
export class ChainModel {
  readonly #chains = new Map<string, string[]>()

  /** `shared` are chains of everybody, by table and name. */
  constructor(shared: readonly string[]) {
    for (const chain of shared) this.#chains.set(chain, [])
  }

  /** Throws where the kernel would answer EEXIST, ENOENT or EBUSY. */
  apply(commands: readonly string[]): void {
    for (const command of commands) this.#run(command)
  }

  /** Rules by chain; those of shared chains sorted, since their order does not matter. */
  listing(): string[] {
    return [...this.#chains]
      .flatMap(([chain, rules]) => {
        const ordered = chain.includes('-SVC-') || chain.includes('-SVL-') || chain.includes('-EXT-')
        return [chain, ...(ordered ? rules : [...rules].sort()).map((rule) => `${chain}: ${rule}`)]
      })
      .sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0))
  }

  #run(command: string): void {
    const [, table, action, name, ...words] = command.split(' ')
    const chain = `${table} ${name}`
    const rule = words.join(' ')
    if (action === '-N') {
      if (this.#chains.has(chain)) throw new Error(`${chain} exists: ${command}`)
      this.#chains.set(chain, [])
      return
    }
    const rules = this.#chains.get(chain)
    if (rules === undefined) throw new Error(`${chain} is not there: ${command}`)
    if (action === '-F') rules.length = 0
    else if (action === '-X') this.#removeChain(chain, name ?? '')
    else if (action === '-D') this.#removeRule(rules, rule)
    else {
      this.#checkTarget(table ?? '', rule)
      if (action === '-A') rules.push(rule)
      else rules.unshift(rule)
    }
  }

  #removeRule(rules: string[], rule: string): void {
    const at = rules.indexOf(rule)
    if (at < 0) throw new Error(`no such rule: ${rule}`)
    rules.splice(at, 1)
  }

  #removeChain(chain: string, name: string): void {
    for (const [other, rules] of this.#chains)
      if (rules.some((rule) => rule.endsWith(`-j ${name}`))) throw new Error(`${other} jumps to ${name}`)
    this.#chains.delete(chain)
  }

  #checkTarget(table: string, rule: string): void {
    const target = / -j (KUBE-\S+)$/.exec(` ${rule}`)?.[1]
    if (target !== undefined && !this.#chains.has(`${table} ${target}`))
      throw new Error(`no chain for ${rule}`)
  }
}

/** Chains in the order of their names, each before its rules, which keep their order. */
const key = (line: string): string => line.split(': ')[0] ?? ''
