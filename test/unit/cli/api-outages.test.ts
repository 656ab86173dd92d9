import { expect, it } from 'vitest'
import { ApiOutages } from '../../../src/cli/kubelet/api-outages.ts'
import { noRequestMetrics } from '../../../src/kube/metrics.ts'
import { type Logger, silentLogger } from '../../../src/util/logger.ts'

function outages() {
  const said: string[] = []
  let now = 0
  const log: Logger = { ...silentLogger, warn: (_, message) => said.push(message) }
  const watched = new ApiOutages(log, () => now)
  const { requested } = watched.observing(noRequestMetrics)
  /** A request at that moment, in ms; without a status nobody answers. */
  const ask = (at: number, status?: number): void => {
    now = at
    requested('GET', 'server', status === undefined ? '<error>' : String(status))
  }
  return { said, ask, log: watched.log }
}

const GONE = expect.stringContaining('does not answer')
const BACK = expect.stringContaining('answers again')

it('an outage is said once, and its end', () => {
  const { said, ask } = outages()
  ask(0, 200)
  for (let at = 1_000; at < 60_000; at += 500) ask(at)
  expect(said).toEqual([GONE])
  ask(60_000, 403)
  ask(60_500, 200)
  expect(said).toEqual([GONE, BACK])
  ask(70_000)
  ask(73_000)
  expect(said).toEqual([GONE, BACK, GONE])
})

it('a connection that breaks is none, nor is a server that never answered', () => {
  const { said, ask } = outages()
  ask(0)
  ask(10_000)
  ask(10_100, 200)
  ask(20_000)
  ask(20_100)
  ask(20_200, 200)
  ask(40_000)
  expect(said).toEqual([])
})

it('what a watch says of nobody answering is left out, and nothing else', () => {
  const { said, log } = outages()
  log.warn({ code: 'UNREACHABLE' }, 'cannot watch pods')
  log.warn({ code: 'TIMEOUT' }, 'cannot list pods')
  log.warn({ code: 'REFUSED' }, 'may not watch pods')
  log.warn({}, 'something else')
  expect(said).toEqual(['may not watch pods', 'something else'])
})
