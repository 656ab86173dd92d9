/** Says on stderr what went wrong, to people. */
export const complain = (text: string): void => {
  process.stderr.write(`hawser: ${text}\n`)
}
