import { expect, it } from 'vitest'
import type { Frontend } from '../../../../src/dataplane/desired/frontend.ts'
import { describeFrontend } from '../../../../src/dataplane/ipvs/standing.ts'
import { frontend, pod } from '../../../support/ipvs-frontends.ts'
import { Planner } from './planner.ts'

it('a frontend in force is described by its virtual servers with all real servers, and its elements', () => {
  const planner = new Planner()
  const web = (...pods: readonly number[]): Frontend =>
    frontend(
      '10.96.0.1',
      80,
      pods.map((index) => pod(index)),
    )
  planner.change(web(1, 2))
  planner.change(web(2))
  expect(describeFrontend(web().key, planner.config, planner.state)).toEqual([
    'TCP 10.96.0.1:80 rr',
    '  -> 10.1.1.2:8080 masq weight 0',
    '  -> 10.1.2.2:8080 masq weight 1',
    'element ip hawser-ipvs frontends 10.96.0.1 . tcp . 80 : cluster',
  ])
  expect(describeFrontend(frontend('10.96.0.2', 80, []).key, planner.config, planner.state)).toEqual([])
})
