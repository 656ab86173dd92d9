import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { Problem } from '../../model/problem.ts'
import { errorMessage } from '../../util/error-message.ts'

const ROUTE_LOCALNET = '/proc/sys/net/ipv4/conf/all/route_localnet'

/**
 * Has the kernel route connections from 127.0.0.1 that are translated to an endpoint (Documentation/networking/
 * ip-sysctl.rst). Resolves with what is wrong when it does not let us.
 */
export async function routeLocalnet(netns: string | undefined): Promise<Problem | undefined> {
  try {
    if (netns === undefined) {
      if ((await readFile(ROUTE_LOCALNET, 'utf8')).trim() !== '1') await writeFile(ROUTE_LOCALNET, '1')
      return undefined
    }
    // /proc/sys/net shows the namespace of who looks, so a process has to go there.
    const script = `[ "$(cat ${ROUTE_LOCALNET})" = 1 ] || echo 1 >${ROUTE_LOCALNET}`
    await promisify(execFile)('nsenter', [`--net=${netns}`, 'sh', '-c', script])
    return undefined
  } catch (error) {
    return {
      place: 'node ports',
      reason: `they do not answer on localhost: ${errorMessage(error)}`,
      remedy:
        'make /proc/sys writable, set net.ipv4.conf.all.route_localnet=1 beforehand, or leave localhost out',
      severity: 'warning',
    }
  }
}
