import { describe, expect, it } from 'vitest'
import { NetlinkError, toNetlinkError } from '../../../src/native/errors.ts'

const native = (details: object) => Object.assign(new Error('No such file or directory'), details)
const describeOperation = (op: number) => (op < 0 ? 'commit everything' : `add thing ${op}`)

describe('a native failure', () => {
  it('becomes an error that says what was being done, where it failed and what else did', () => {
    const failures = [
      { op: 2, element: 7, errno: 2, code: 'ENOENT', message: 'No such file or directory' },
      { op: 3, errno: 2, code: 'ENOENT', message: 'No such file or directory' },
    ]
    const error = toNetlinkError(native({ code: 'ENOENT', errno: 2, failures }), describeOperation)
    expect(error).toBeInstanceOf(NetlinkError)
    expect(error).toMatchObject({ code: 'ENOENT', errno: 2, operation: 'add thing 2', failures })
    expect(String(error)).toBe(
      'NetlinkError: cannot add thing 2 (element 7): No such file or directory [ENOENT]; 1 more failed',
    )
  })

  it('of the whole request is described as such, with advice', () => {
    const error = toNetlinkError(native({ code: 'EPERM', errno: 1, failures: [] }), describeOperation)
    expect(String(error)).toContain('cannot commit everything')
    expect(String(error)).toContain('run as root or with CAP_NET_ADMIN')
  })

  it('is handed on when it is none', () => {
    const bug = new TypeError('a bug')
    expect(toNetlinkError(bug, describeOperation)).toBe(bug)
  })
})
