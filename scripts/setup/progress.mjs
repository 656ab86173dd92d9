/**
 * Progress of long steps on stderr: one line a step with its duration. A terminal sees the seconds count up; a log
 * gets a line at the start, at the end, and every half minute between.
 */
const fancy = process.stderr.isTTY === true && process.env.CI !== 'true'
const beat = fancy ? 1_000 : 30_000

const seconds = (since) => `${((performance.now() - since) / 1_000).toFixed(1)} s`

/**
 * @template T
 * @param {string} title what is being done, in a few words
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function step(title, work) {
  const start = performance.now()
  const show = (mark, text, end) => process.stderr.write(`${fancy ? '\r\x1b[K' : ''}${mark} ${text}${end}`)
  const running = () => show('·', `${title} … ${fancy ? seconds(start) : ''}`.trimEnd(), fancy ? '' : '\n')
  running()
  const timer = setInterval(() => show('·', `${title} … ${seconds(start)}`, fancy ? '' : '\n'), beat)
  try {
    const result = await work()
    show('✓', `${title}  ${seconds(start)}`, '\n')
    return result
  } catch (error) {
    show('✗', `${title}  ${seconds(start)}`, '\n')
    throw error
  } finally {
    clearInterval(timer)
  }
}
