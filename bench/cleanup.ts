/** What has to be undone at the end: files, users, processes. Undone in reverse, each whatever became of the others. */
export class Cleanup {
  readonly #steps: (() => unknown)[] = []

  add(step: () => unknown): void {
    this.#steps.push(step)
  }

  /** For a part of the work that usually ends earlier: what is then left of it is undone with the whole. */
  part(): Cleanup {
    const part = new Cleanup()
    this.add(() => part.run())
    return part
  }

  /** Runs every step, also when one fails; the first failure is thrown at the end. */
  async run(): Promise<void> {
    const failures: unknown[] = []
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }
}
