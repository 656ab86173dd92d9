import { describe, expect, it } from 'vitest'
import { readKeys } from '../../../../src/cli/top/keys.ts'
import type { ServiceRow } from '../../../../src/cli/top/rates.ts'
import {
  INITIAL_VIEW,
  press,
  selectedService,
  type View,
  visibleServices,
} from '../../../../src/cli/top/view.ts'

const row = (service: string, fields: Partial<ServiceRow> = {}): ServiceRow => ({
  service,
  opened: 0,
  active: 0,
  bytes: 0,
  unreplied: 0,
  failing: [],
  lifetimes: [],
  endpoints: [],
  ...fields,
})

const SERVICES = [
  row('default/dns', { opened: 9, active: 1, bytes: 5 }),
  row('default/web', { opened: 3, active: 7, bytes: 1, failing: ['10.0.0.1:80'] }),
  row('kube-system/dns', { opened: 3, active: 2, bytes: 9 }),
]

const pressing = (...keys: readonly string[]): View =>
  keys.reduce((view, key) => press(view, key, SERVICES), INITIAL_VIEW)
const order = (view: View): readonly string[] => visibleServices(view, SERVICES).map(({ service }) => service)

describe('Services', () => {
  it.each([
    ['new connections', [], ['default/dns', 'default/web', 'kube-system/dns']],
    ['active ones', ['a'], ['default/web', 'kube-system/dns', 'default/dns']],
    ['bytes', ['b'], ['kube-system/dns', 'default/dns', 'default/web']],
    ['failing endpoints', ['f'], ['default/web', 'default/dns', 'kube-system/dns']],
  ])('are in the order of %s', (_, keys, expected) => {
    expect(order(pressing(...keys))).toEqual(expected)
  })

  it('are those that pass the filter, as it is typed', () => {
    expect(order(pressing('/', 'd', 'n', 's'))).toEqual(['default/dns', 'kube-system/dns'])
    expect(order(pressing('/', 'k', 'q', 'backspace', 'enter'))).toEqual(['kube-system/dns'])
    expect(order(pressing('/', 'k', 'escape'))).toHaveLength(3)
    expect(order(pressing('/', 'k', 'enter', 'escape'))).toHaveLength(3)
  })
})

describe('the cursor', () => {
  it('begins at the first, and stays within the list', () => {
    expect(selectedService(pressing(), SERVICES)).toBe('default/dns')
    expect(selectedService(pressing('up'), SERVICES)).toBe('default/dns')
    expect(selectedService(pressing('down', 'j', 'down', 'down'), SERVICES)).toBe('kube-system/dns')
  })

  it('stays on its Service in another order', () => {
    expect(selectedService(pressing('down', 'a'), SERVICES)).toBe('default/web')
    expect(selectedService(pressing('down', 'a', 'up'), SERVICES)).toBe('default/web')
  })

  it('opens the endpoints of its Service, and comes back', () => {
    expect(pressing('down', 'enter').opened).toBe('default/web')
    expect(pressing('down', 'enter', 'escape').opened).toBeUndefined()
  })
})

it('q and Ctrl-C end, but q in a filter is a letter', () => {
  expect(pressing('q').quit).toBe(true)
  expect(pressing('/', 'q')).toMatchObject({ quit: false, filter: 'q' })
  expect(pressing('/', 'ctrl-c').quit).toBe(true)
})

it.each([
  ['\u001b[A\u001b[B', ['up', 'down']],
  ['\u001bOC', ['right']],
  ['\u001b', ['escape']],
  ['a/é\r', ['a', '/', 'é', 'enter']],
  ['\u007f\u0003', ['backspace', 'ctrl-c']],
  ['\u001b[15~\u001b[1;5Hx\u0007', ['x']],
])('keys of %j', (text, keys) => {
  expect(readKeys(text)).toEqual(keys)
})
