import { expect, it } from 'vitest'
import { RuntimeError, type RuntimeErrorCode } from '../../../../src/kubelet/runtime/runtime-error.ts'
import { refusalOf } from '../../../../src/kubelet/server/refusal.ts'
import { RequestError } from '../../../../src/kubelet/server/request-error.ts'
import { type Logger, silentLogger } from '../../../../src/util/logger.ts'

const runtimeError = (code: RuntimeErrorCode) =>
  new RuntimeError(
    code,
    'exec',
    'container is not running',
    'exec of 1 at unix:///run/x.sock: container is not running',
  )

it.each<[string, Error, number, string]>([
  ['a refusal', new RequestError('NOT_FOUND', 'pod "x" does not exist'), 404, 'pod "x" does not exist'],
  ['no rights', new RequestError('FORBIDDEN', 'Forbidden'), 403, 'Forbidden'],
  ['something the runtime has not', runtimeError('RUNTIME_NOT_FOUND'), 404, 'container is not running'],
  ['a runtime that is away', runtimeError('RUNTIME_UNAVAILABLE'), 503, 'container is not running'],
  ['a runtime that hangs', runtimeError('RUNTIME_DEADLINE'), 504, 'container is not running'],
  ['a runtime that refuses', runtimeError('RUNTIME_REFUSED'), 500, 'container is not running'],
  ['our own mistake', new TypeError('x is undefined'), 500, 'x is undefined'],
])('%s is told with its status, in words for people', (_, error, status, message) => {
  expect(refusalOf(error, 'GET /', silentLogger)).toEqual({ status, message })
})

it('what the administrator alone is to know is logged, and not told', () => {
  const logged: string[] = []
  const log: Logger = { ...silentLogger, info: (fields) => logged.push(JSON.stringify(fields)) }
  const cause = new Error('connect ECONNREFUSED 10.0.0.1:6443')
  const error = new RequestError('UNAVAILABLE', 'the API server cannot be asked', { cause })
  expect(refusalOf(error, 'GET /pods', log).message).toBe('the API server cannot be asked')
  expect(logged).toEqual(['{"request":"GET /pods","error":"connect ECONNREFUSED 10.0.0.1:6443"}'])
})
