// npm run cluster: from a fresh checkout to a Kubernetes cluster with a Hawser node. Installs and builds what is missing,
// the control plane included, then starts all of it and deploys examples/hello; arguments after `npm run cluster --` go
// to it.
import { buildEverything } from './build/everything.mjs'
import { ensureDebianPackages } from './setup/debian-packages.mjs'
import { Failure, runMain } from './setup/failure.mjs'
import { checkPlatform, checkRoot } from './setup/machine.mjs'
import { needs } from './setup/needs.mjs'
import { ensureNpmPackages } from './setup/npm-packages.mjs'
import { inRoot, root } from './setup/places.mjs'
import { step } from './setup/progress.mjs'
import { tryProgram } from './setup/run-program.mjs'
import { searchPath } from './setup/search-path.mjs'
import { supervise } from './setup/supervise.mjs'

const env = { ...process.env, PATH: searchPath().join(':') }

await runMain(async () => {
  checkPlatform()
  checkRoot('a cluster with a node that runs pods')
  await ensureDebianPackages([...needs.build, ...needs.node, ...needs.tests, ...needs.cluster])
  await ensureNpmPackages()
  await buildEverything()
  await ensureControlPlane()

  const cluster = [inRoot('dist', 'cluster', 'main.js'), ...process.argv.slice(2)]
  process.exitCode = await supervise(process.execPath, cluster, { cwd: root, env })
})

/** etcd, kube-apiserver and their peers are built from Go modules once; the script that does it says what it lacks. */
async function ensureControlPlane() {
  const script = inRoot('test', 'cluster', 'binaries.sh')
  if ((await tryProgram(script, ['--cached'], { env })).status === 0) return
  const title = 'building etcd and Kubernetes from source, once (about 10 minutes of one core)'
  await step(title, async () => {
    const { status, output } = await tryProgram(script, [], { env })
    if (status === 0) return
    throw new Failure('HAWSER_NO_CONTROL_PLANE', 'there is no control plane to run, and it cannot be built', {
      output,
      remedy: 'The lines above say why. KUBEBUILDER_ASSETS=DIR takes programs that are there already.',
    })
  })
}
