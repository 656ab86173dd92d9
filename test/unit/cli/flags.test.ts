import { describe, expect, test } from 'vitest'
import { CommandError } from '../../../src/cli/command-error.ts'
import { parseFlags, toggle, value } from '../../../src/cli/flags.ts'
import { commandHelp } from '../../../src/cli/help.ts'

const table = {
  once: toggle('Do it once.'),
  verbose: toggle('Say more.', 'v'),
  port: value({
    metavar: 'PORT',
    help: 'Where to listen.',
    short: 'p',
    fallback: 80,
    shownDefault: '80',
    parse: (text) => (/^\d+$/.test(text) ? Number(text) : undefined),
    must: 'a number',
  }),
}

const parse = (...args: string[]) => parseFlags(table, args)

test('flags that are not given have their defaults', () => {
  expect(parse('DIR')).toEqual({
    kind: 'run',
    flags: { once: false, verbose: false, port: 80 },
    operands: ['DIR'],
  })
})

test.each([
  [['--once', '--port', '8080', 'DIR']],
  [['DIR', '--once', '--port=8080']],
  [['-p', '8080', '--once=true', 'DIR']],
  [['-p8080', '--once', '--', 'DIR']],
])('flags can be written as %j', (args) => {
  expect(parse(...args)).toEqual({
    kind: 'run',
    flags: { once: true, verbose: false, port: 8080 },
    operands: ['DIR'],
  })
})

test('the last of two values holds', () => {
  expect(parse('--port', '1', '--port', '2')).toMatchObject({ flags: { port: 2 } })
})

test.each([['--help'], ['-h'], ['--nonsense', '--help']])(
  '%s asks for help, whatever else is wrong',
  (...args) => {
    expect(parse(...args)).toEqual({ kind: 'help' })
  },
)

describe('a wrong command line is told with the flag and what to do:', () => {
  test.each([
    [['--nonsense'], 'there is no flag --nonsense', 'see --help'],
    [['--onc'], 'there is no flag --onc', 'did you mean --once?'],
    [['-x'], 'there is no flag -x', 'see --help'],
    [['--port'], '--port needs a value', 'write --port PORT'],
    [['--port', '--once'], '--port needs a value', 'write --port PORT'],
    [['--port', 'http'], '--port must be a number, not "http"', 'see --help'],
    [['--once=perhaps'], '--once takes no value, not "perhaps"', 'write --once alone'],
    [['--__proto__'], 'there is no flag --__proto__', 'see --help'],
  ])('%j', (args, message, remedy) => {
    try {
      parse(...args)
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(CommandError)
      expect(error).toMatchObject({ code: 'USAGE', exitCode: 2, message, remedy })
    }
  })
})

test('the help text names every flag, its value and its default', () => {
  expect(
    commandHelp({ usage: 'serve DIR', description: 'Serves a folder.', flags: table }),
  ).toBe(`Usage: hawser serve DIR

Serves a folder.

      --once       Do it once.
  -v, --verbose    Say more.
  -p, --port PORT  Where to listen. Default: 80.
  -h, --help       Print this text.
`)
})
