import { defineConfig } from 'vitest/config'

/**
 * One project per tier; `scripts/test.mjs` runs them in order and adds up what they say. Their limits only end what hangs:
 * a machine with other things to do takes many times as long for what is quick.
 */
const tier = (name: string, options: { parallel: boolean; timeout: number }) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout: options.timeout,
    hookTimeout: options.timeout * 2,
    fileParallelism: options.parallel,
    // One flaw in thousands of tests is no reason to refuse a change; it is told of, and to be mended all the same.
    retry: process.env.CI === undefined ? 0 : 1,
    pool: 'forks' as const,
  },
})

export default defineConfig({
  test: {
    projects: [
      tier('unit', { parallel: true, timeout: 60_000 }),
      tier('netns', { parallel: false, timeout: 180_000 }),
      tier('script', { parallel: false, timeout: 180_000 }),
      tier('ipvs', { parallel: false, timeout: 600_000 }),
      tier('pods', { parallel: false, timeout: 240_000 }),
      tier('conformance', { parallel: false, timeout: 3_000_000 }),
      tier('cluster', { parallel: false, timeout: 240_000 }),
      tier('takeover', { parallel: false, timeout: 180_000 }),
      tier('differential', { parallel: false, timeout: 180_000 }),
    ],
  },
})
