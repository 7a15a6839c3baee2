import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string) => fileURLToPath(new URL(`src/${path}`, import.meta.url))

// Tests in folders run against the source. Tests directly in test/, and those of the examples, look at the package from
// outside, so there 'fake-ssh' means the build in dist/, as it does for a user.
const fromSource = { 'fake-ssh/testing': source('testing/index.ts'), 'fake-ssh': source('index.ts') }

const folder = (name: string) => ({
  extends: true as const,
  resolve: { alias: fromSource },
  test: { name, include: [`test/${name}/**/*.test.ts`] },
})

export default defineConfig({
  test: {
    pool: 'threads',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // What a client keeps for later, of tests' own.
    env: { XDG_STATE_HOME: fileURLToPath(new URL('node_modules/.cache/fake-ssh-state', import.meta.url)) },
    projects: [
      folder('unit'),
      folder('property'),
      folder('integration'),
      folder('faults'),
      { extends: true, test: { name: 'package', include: ['test/*.test.ts', 'test/examples/**/*.test.ts'] } },
    ],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text-summary', 'json', 'html'],
      // The protocol is pure, so nothing there is out of a test's reach.
      thresholds: { 'src/protocol/**/*.ts': { branches: 100 } },
    },
  },
})
