import { beforeEach, expect, test, vi } from 'vitest'
import { layOut } from '../../../src/cli/text-table.ts'
import { JsonReporter } from '../../../src/cli/up/json-reporter.ts'
import { PlainReporter } from '../../../src/cli/up/plain-reporter.ts'
import { renderSnapshot } from '../../../src/cli/up/render-snapshot.ts'
import type { Snapshot } from '../../../src/cli/up/snapshot.ts'
import { TerminalReporter } from '../../../src/cli/up/terminal-reporter.ts'

const snapshot = (pods: readonly string[], problems: Snapshot['problems'] = []): Snapshot => ({
  services: [
    {
      service: 'web',
      type: 'NodePort',
      protocol: 'TCP',
      addresses: ['10.96.0.9:80'],
      nodePort: 30080,
      nodeAddresses: [],
      endpoints: { ready: 1, total: 2 },
      state: 'answers',
    },
  ],
  pods: pods.map((pod) => ({
    pod,
    state: 'CrashLoopBackOff',
    message: 'exit status 1',
    ready: { containers: 0, total: 1 },
    restarts: 3,
    addresses: ['10.244.0.2'],
  })),
  problems,
  urls: ['http://10.96.0.9:80'],
})

beforeEach(() => {
  vi.useFakeTimers()
  return () => {
    vi.useRealTimers()
  }
})

test('columns are as wide as their widest cell', () => {
  expect(
    layOut([
      ['A', 'LONG'],
      ['wide cell', 'x'],
    ]),
  ).toEqual(['A          LONG', 'wide cell  x'])
})

test('a snapshot shows Services, pods, what to try and problems', () => {
  const problem = { place: 'web.yaml:3', reason: 'is wrong', severity: 'error' } as const
  expect(renderSnapshot(snapshot(['one'], [problem])).join('\n')).toBe(
    `SERVICE  TYPE      ADDRESS           NODE PORT  ENDPOINTS  STATE
web      NodePort  10.96.0.9:80/TCP  30080      1/2        answers

POD  READY  RESTARTS  ADDRESS     STATE
one  0/1    3         10.244.0.2  CrashLoopBackOff: exit status 1

Try: curl http://10.96.0.9:80

error: web.yaml:3: is wrong`,
  )
})

test('an empty folder says so', () => {
  expect(renderSnapshot({ services: [], pods: [], problems: [], urls: [] })).toEqual([
    'Nothing runs here: the folder holds no Pod, Deployment or Service.',
  ])
})

/** As much of a terminal as the reporter uses: N lines up, erase to the end, text. */
function terminal(size: { columns: number; rows: number }) {
  let lines: string[] = ['']
  return {
    ...size,
    write(text: string) {
      for (const part of text.replaceAll('\x1b[', '␛').split(/(␛\d+F␛J)/)) {
        const up = /^␛(\d+)F/.exec(part)
        if (up !== null) lines = [...lines.slice(0, lines.length - 1 - Number(up[1])), '']
        else {
          const [first = '', ...rest] = part.split('\n')
          lines = [...lines.slice(0, -1), (lines.at(-1) ?? '') + first, ...rest]
        }
      }
    },
    screen: () => lines.join('\n'),
  }
}

test('a terminal has one table, redrawn in place, with what was said above it', () => {
  const tty = terminal({ columns: 100, rows: 50 })
  const reporter = new TerminalReporter(tty)
  reporter.say('starting')
  reporter.show(snapshot(['one', 'two']))
  vi.advanceTimersByTime(1000)
  reporter.show(snapshot(['one']))
  vi.advanceTimersByTime(1000)
  reporter.say('said later')
  expect(tty.screen()).toBe(`starting\nsaid later\n${renderSnapshot(snapshot(['one'])).join('\n')}\n`)
  reporter.close()
  reporter.say('the end')
  reporter.show(snapshot(['ignored']))
  vi.advanceTimersByTime(1000)
  expect(tty.screen()).toBe(
    `starting\nsaid later\n${renderSnapshot(snapshot(['one'])).join('\n')}\nthe end\n`,
  )
})

test('a small terminal gets lines that fit, and hears how many do not', () => {
  const tty = terminal({ columns: 20, rows: 6 })
  const reporter = new TerminalReporter(tty)
  reporter.show(snapshot(['one', 'two', 'three']))
  vi.advanceTimersByTime(1000)
  const lines = tty.screen().trimEnd().split('\n')
  expect(lines).toHaveLength(5)
  expect(lines.every((line) => line.length <= 20)).toBe(true)
  expect(lines.at(-1)).toBe('… 5 more lines')
})

test('a pipe gets the table once it has stood still, and never the same twice', () => {
  let out = ''
  const reporter = new PlainReporter((text) => {
    out += text
  })
  reporter.show(snapshot(['one']))
  reporter.show(snapshot(['two']))
  expect(out).toBe('')
  vi.advanceTimersByTime(1000)
  expect(out).toContain('two')
  expect(out).not.toContain('one')
  const before = out
  reporter.show(snapshot(['two']))
  vi.advanceTimersByTime(1000)
  expect(out).toBe(before)
  reporter.show(snapshot(['three']))
  reporter.close()
  expect(out).toContain('three')
})

test('JSON is one object a line, each state once', () => {
  const lines: string[] = []
  const reporter = new JsonReporter((text) => lines.push(text))
  reporter.say('starting')
  reporter.show(snapshot(['one']))
  reporter.show(snapshot(['one']))
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { progress: 'starting' },
    { node: snapshot(['one']) },
  ])
})
