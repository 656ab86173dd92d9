import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hawser-addon-'))
  vi.resetModules()
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

/** A copy of the loader that has loaded nothing yet. */
const loader = () => import('../../../src/native/addon.ts')

describe('the addon', () => {
  it('that is not built is an error that says how to build it', async () => {
    const path = join(folder, 'hawser.node')
    vi.stubEnv('HAWSER_ADDON', path)
    const { loadAddon } = await loader()
    expect(() => loadAddon()).toThrow(expect.objectContaining({ code: 'ERR_ADDON_MISSING' }))
    expect(() => loadAddon()).toThrow(`no ${path}; run \`npm run build\``)
  })

  it('that cannot be loaded is an error that says why', async () => {
    const path = join(folder, 'hawser.node')
    writeFileSync(path, 'not a shared object')
    vi.stubEnv('HAWSER_ADDON', path)
    const { loadAddon } = await loader()
    expect(() => loadAddon()).toThrow(expect.objectContaining({ code: 'ERR_ADDON_UNUSABLE' }))
    expect(() => loadAddon()).toThrow(/cannot load the native addon .*hawser\.node: .*npm run build/)
  })
})
