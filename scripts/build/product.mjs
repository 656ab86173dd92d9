import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Failure } from '../setup/failure.mjs'
import { root } from '../setup/places.mjs'
import { step } from '../setup/progress.mjs'

/**
 * One thing that the build makes out of others.
 *
 * @typedef {object} Product
 * @property {string} name names its stamp
 * @property {string} title what making it is called in progress lines
 * @property {readonly string[]} inputs files and folders of the checkout that it depends on; those absent count as such
 * @property {readonly string[]} outputs files that must exist for it to be fresh
 * @property {() => Promise<unknown>} make
 */

/**
 * Makes a product unless it is there and was made from the very inputs that stand now. Content decides, not times:
 * a fresh clone has arbitrary times, and switching branches back and forth rebuilds nothing.
 *
 * @param {Product} product
 * @param {string} [checkout] what its paths are relative to
 */
export async function ensure({ name, title, inputs, outputs, make }, checkout = root) {
  const stamp = join(checkout, 'build', 'stamps', name)
  const wanted = digestOf(checkout, inputs)
  const absent = () => outputs.filter((path) => !existsSync(join(checkout, path)))
  if (readStamp(stamp) === wanted && absent().length === 0) return
  // Until it is made whole, it is stale: a build that is interrupted must not pass for one that ended.
  rmSync(stamp, { force: true })
  await step(title, async () => {
    await make()
    if (absent().length > 0)
      throw new Failure('HAWSER_BUILD_INCOMPLETE', `${title} did not make ${absent().join(', ')}`)
  })
  mkdirSync(dirname(stamp), { recursive: true })
  writeFileSync(stamp, wanted)
}

function readStamp(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function digestOf(checkout, inputs) {
  const hash = createHash('sha256').update(`${process.arch}\0`)
  for (const path of inputs) addToDigest(hash, checkout, path)
  return hash.digest('hex')
}

function addToDigest(hash, checkout, path) {
  const place = join(checkout, path)
  const stats = statSync(place, { throwIfNoEntry: false })
  if (stats === undefined) {
    hash.update(`absent\0${path}\0`)
  } else if (stats.isDirectory()) {
    for (const name of readdirSync(place).sort()) addToDigest(hash, checkout, join(path, name))
  } else {
    hash.update(`file\0${path}\0${stats.size}\0`).update(readFileSync(place))
  }
}
