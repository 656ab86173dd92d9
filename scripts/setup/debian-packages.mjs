import { Failure } from './failure.mjs'
import { isRoot } from './machine.mjs'
import { step } from './progress.mjs'
import { runProgram, tryProgram } from './run-program.mjs'
import { findProgram } from './search-path.mjs'

/** @param {readonly import('./needs.mjs').Need[]} needs */
export const missing = (needs) => needs.filter((need) => !need.present())

/**
 * Installs the Debian packages of whatever is missing; does nothing when all is there.
 *
 * @param {readonly import('./needs.mjs').Need[]} needs
 */
export async function ensureDebianPackages(needs) {
  const absent = missing(needs)
  if (absent.length === 0) return
  const packages = [...new Set(absent.map((need) => need.package))]
  checkCanInstall(absent, packages)
  await step(`installing Debian packages: ${packages.join(' ')}`, () => install(packages))

  const still = missing(needs)
  if (still.length > 0) {
    throw new Failure(
      'HAWSER_PACKAGE_INCOMPLETE',
      `installed ${packages.join(' ')}, but this is still missing: ${still.map((need) => need.name).join(', ')}`,
      { remedy: 'See what else on this machine provides it, for example with `apt-file search`.' },
    )
  }
}

function checkCanInstall(absent, packages) {
  const names = absent.map((need) => need.name).join(', ')
  if (findProgram('apt-get') === undefined) {
    throw new Failure('HAWSER_NO_APT', `this machine lacks ${names}, and has no apt-get to install it with`, {
      remedy: `Install what Debian calls ${packages.join(' ')} yourself, then start again.`,
    })
  }
  if (!isRoot()) {
    throw new Failure('HAWSER_NOT_ROOT', `this machine lacks ${names}, and installing needs root`, {
      remedy: `Run \`apt-get install ${packages.join(' ')}\` as root, or this command as root.`,
    })
  }
}

async function install(packages) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  // Another apt may be at work on a machine that has just booted (unattended-upgrades): wait for its lock.
  const waitForLock = ['-o', 'DPkg::Lock::Timeout=300']
  const args = [...waitForLock, 'install', '-y', '--no-install-recommends', ...packages]
  // The lists of a fresh machine are empty or old. Reading them anew takes longer than most installs: only if needed.
  const first = await tryProgram('apt-get', args, { env })
  if (first.status === 0) return
  await runProgram('apt-get', [...waitForLock, 'update'], {
    env,
    remedy: 'Check the package sources in /etc/apt and the network, then start again.',
  })
  await runProgram('apt-get', args, {
    env,
    remedy: 'Run the command by hand to see what apt objects to, then start again.',
  })
}
