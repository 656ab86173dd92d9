import { runChild } from './child.ts'
import { compileFlags } from './compile.ts'
import { count, parseFlags, sharedFlags, sharedFlagsHelp } from './flags.ts'
import { describeHost } from './host.ts'
import type { ContestInput, ContestResult } from './netlink/contest.ts'
import { compileLoop } from './netlink/plain-loop.ts'
import { freshNetns } from './netns.ts'
import { deliver, type Figure } from './report.ts'
import { runSuite } from './suite.ts'
import type { Teardown } from './teardown.ts'

const help = `hawser bench netlink: the addon beside node-netlink and beside plain C++, in turns

  --rounds N       rounds counted, after one that only warms up; figures are their medians (default 7)
  --round-trips N  questions asked one after the other, in each round (default 2000)
  --messages N     routes added and deleted again in bulk, in each round (default 5000)
${sharedFlagsHelp}`

const flags = {
  rounds: { type: 'string' },
  'round-trips': { type: 'string' },
  messages: { type: 'string' },
  ...sharedFlags,
} as const

/** Entry point of `hawser bench netlink`; resolves to the exit status. */
export const run = (args: readonly string[]): Promise<number> =>
  runSuite(args, help, async (teardown) => {
    const values = parseFlags(args, flags)
    const sizes = {
      rounds: count('rounds', values.rounds, 7),
      roundTrips: count('round-trips', values['round-trips'], 2000),
      messages: count('messages', values.messages, 5000),
    }
    const host = describeHost()
    const result = await measure(sizes, teardown)
    return deliver(
      {
        suite: 'netlink',
        parameters: {
          rounds: sizes.rounds,
          round_trips: sizes.roundTrips,
          messages: sizes.messages,
          cpp_flags: compileFlags.join(' '),
        },
        figures: figures(result),
        host,
      },
      { jsonFile: values.json, check: values.check ?? false },
    )
  })

async function measure(sizes: Omit<ContestInput, 'loopProgram'>, teardown: Teardown): Promise<ContestResult> {
  const input: ContestInput = { ...sizes, loopProgram: await compileLoop() }
  const netns = await freshNetns(teardown)
  const module = new URL('./netlink/contest.js', import.meta.url)
  return (await runChild(module, { input, netns: netns.path }, teardown)) as ContestResult
}

function figures({ addon, node_netlink: peer, cpp }: ContestResult): Figure[] {
  const rate = (key: string, label: string, value: number): Figure => ({ key, label, value, unit: '/s' })
  const ratio = (key: string, label: string, value: number): Figure => ({ key, label, value, unit: 'x' })
  return [
    rate('addon_round_trips_per_s', 'round trips, addon', addon.roundTripsPerSecond),
    rate('node_netlink_round_trips_per_s', 'round trips, node-netlink', peer.roundTripsPerSecond),
    rate('cpp_round_trips_per_s', 'round trips, plain C++', cpp.roundTripsPerSecond),
    ratio(
      'round_trips_over_node_netlink',
      'round trips, addon over node-netlink',
      addon.roundTripsPerSecond / peer.roundTripsPerSecond,
    ),
    ratio(
      'round_trips_over_cpp',
      'round trips, addon over plain C++',
      addon.roundTripsPerSecond / cpp.roundTripsPerSecond,
    ),
    rate('addon_messages_per_s', 'messages, addon', addon.messagesPerSecond),
    rate('node_netlink_messages_per_s', 'messages, node-netlink', peer.messagesPerSecond),
    rate('cpp_messages_per_s', 'messages, plain C++', cpp.messagesPerSecond),
    ratio(
      'messages_over_node_netlink',
      'messages, addon over node-netlink',
      addon.messagesPerSecond / peer.messagesPerSecond,
    ),
    ratio(
      'messages_over_cpp',
      'messages, addon over plain C++',
      addon.messagesPerSecond / cpp.messagesPerSecond,
    ),
  ]
}
