import { onTestFinished } from 'vitest'

/** Where `os.tmpdir()` points to in this thread, until the test has finished. */
export function useTmpdir(path: string): void {
  const usual = process.env.TMPDIR
  process.env.TMPDIR = path
  onTestFinished(() => {
    if (usual === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = usual
  })
}
