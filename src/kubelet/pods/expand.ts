/**
 * Kubernetes' `$(VAR)` in values, commands and arguments: replaced where `lookup` knows the name, left as it stands where
 * it doesn't, and `$$` is a plain `$` (so `$$(VAR)` is the text `$(VAR)`).
 */
export function expand(text: string, lookup: (name: string) => string | undefined): string {
  return text.replace(/\$\$|\$\(([^()]*)\)/g, (found, name: string | undefined) =>
    name === undefined ? '$' : (lookup(name) ?? found),
  )
}
