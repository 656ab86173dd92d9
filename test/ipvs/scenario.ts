import { execFile } from 'node:child_process'
import { copyFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { runWithIpvs } from './kernel.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const TSC = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url))

/** Plain JavaScript that scenarios start as processes: the compiler leaves it where it is. */
const PROGRAMS = ['test/support/agent-main.mjs', 'test/support/steady-client-main.mjs']

/**
 * Runs `scenarios/NAME.ts` in a kernel that has ip_vs and returns what it observed there: the one JSON value that it
 * prints. Scenarios act and look, tests judge.
 *
 * They run as compiled JavaScript: User-Mode Linux is several times slower than the host, so nothing is transformed in it.
 */
export async function observe<Observations>(name: string): Promise<Observations> {
  await promisify(execFile)(
    process.execPath,
    [TSC, '-p', fileURLToPath(new URL('tsconfig.json', import.meta.url))],
    {
      cwd: ROOT,
    },
  ).catch((error: { stdout?: string }) => {
    throw new Error(`the scenarios do not compile:\n${error.stdout ?? error}`)
  })
  for (const program of PROGRAMS)
    await copyFile(`${ROOT}/${program}`, `${ROOT}/build/ipvs-scenarios/${program}`)
  const { status, stdout, stderr } = await runWithIpvs([
    process.execPath,
    `build/ipvs-scenarios/test/ipvs/scenarios/${name}.js`,
  ])
  if (status !== 0) throw new Error(`scenario ${name} ended with status ${status}:\n${stderr}${stdout}`)
  return JSON.parse(stdout) as Observations
}
