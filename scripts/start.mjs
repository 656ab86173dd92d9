// npm start: from a fresh checkout to a running node. Installs and builds what is missing, then runs
// `hawser up examples/hello`; arguments after `npm start --` go to hawser. With nothing to do it only looks.
import { buildEverything } from './build/everything.mjs'
import { ensureDebianPackages } from './setup/debian-packages.mjs'
import { runMain } from './setup/failure.mjs'
import { checkPlatform, checkRoot } from './setup/machine.mjs'
import { needs } from './setup/needs.mjs'
import { ensureNpmPackages } from './setup/npm-packages.mjs'
import { inRoot, root } from './setup/places.mjs'
import { searchPath } from './setup/search-path.mjs'
import { supervise } from './setup/supervise.mjs'

await runMain(async () => {
  const args = process.argv.slice(2)
  checkPlatform()
  checkRoot('a node that runs pods')
  await ensureDebianPackages([...needs.build, ...needs.node])
  await ensureNpmPackages()
  await buildEverything()
  if (args.includes('--set-up-only')) return

  const hawser = [inRoot('dist', 'src', 'cli', 'main.js'), 'up', 'examples/hello', ...args]
  process.exitCode = await supervise(process.execPath, hawser, {
    cwd: root,
    env: { ...process.env, PATH: searchPath().join(':') },
  })
})
