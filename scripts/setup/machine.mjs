import { Failure } from './failure.mjs'

/** The oldest Node that runs Hawser; package.json `engines` says the same to npm. */
const oldestNode = { major: 20, minor: 19 }

/** Throws a Failure unless this is Linux with a Node that is new enough. */
export function checkPlatform() {
  if (process.platform !== 'linux') {
    throw new Failure('HAWSER_NOT_LINUX', `Hawser programs the Linux kernel; this is ${process.platform}`, {
      remedy: 'Run it on a Debian 12 or 13 machine, virtual ones included.',
    })
  }
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major < oldestNode.major || (major === oldestNode.major && minor < oldestNode.minor)) {
    throw new Failure(
      'HAWSER_NODE_TOO_OLD',
      `this is Node ${process.versions.node}; Hawser needs ${oldestNode.major}.${oldestNode.minor} or newer`,
      { remedy: 'Install Node 20 or 24, for example from nodesource.com or nodejs.org.' },
    )
  }
}

export const isRoot = () => process.geteuid?.() === 0

/** Throws a Failure unless this runs as root. */
export function checkRoot(purpose) {
  if (isRoot()) return
  throw new Failure(
    'HAWSER_NOT_ROOT',
    `${purpose} needs root, and this runs as user ${process.geteuid?.()}`,
    {
      remedy: 'Use a root shell, or put sudo in front.',
    },
  )
}
