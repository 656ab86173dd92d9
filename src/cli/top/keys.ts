/** A printable character, or the name of what is none. */
export type Key = string

const NAMED: ReadonlyMap<string, Key> = new Map([
  ['\u001b[A', 'up'],
  ['\u001b[B', 'down'],
  ['\u001b[C', 'right'],
  ['\u001b[D', 'left'],
  ['\u001bOA', 'up'],
  ['\u001bOB', 'down'],
  ['\u001bOC', 'right'],
  ['\u001bOD', 'left'],
  ['\u001b', 'escape'],
  ['\r', 'enter'],
  ['\n', 'enter'],
  ['\u007f', 'backspace'],
  ['\b', 'backspace'],
  ['\u0003', 'ctrl-c'],
])

/** What a terminal in raw mode sends: escape sequences of ECMA-48, control characters, text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const KEY = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|O[@-~])?|[\s\S]/gu

/** The keys of one read of a terminal. Sequences without a name, and other control characters, are left out. */
export function readKeys(text: string): readonly Key[] {
  const keys: Key[] = []
  for (const [sequence] of text.matchAll(KEY)) {
    const name = NAMED.get(sequence)
    if (name !== undefined) keys.push(name)
    else if (sequence >= ' ' && !sequence.startsWith('\u001b')) keys.push(sequence)
  }
  return keys
}
