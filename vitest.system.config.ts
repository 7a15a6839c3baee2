import { defineConfig } from 'vitest/config'

// Tests that need more than npm ci gives: other Node versions, root, real peers. One file at a time, because they
// share the machine: ports, network namespaces, the processor under a benchmark.
export default defineConfig({
  test: {
    name: 'system',
    include: ['test/system/**/*.test.ts'],
    pool: 'threads',
    fileParallelism: false,
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
})
