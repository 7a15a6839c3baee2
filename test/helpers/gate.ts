/** A promise that is settled from outside, for tests that wait for something to happen. */
export interface Gate<Value> {
  readonly promise: Promise<Value>
  open(value: Value): void
}

export function gate<Value>(): Gate<Value> {
  let open: (value: Value) => void = () => {}
  const promise = new Promise<Value>((resolve) => {
    open = resolve
  })
  return { promise, open }
}

/** Waits until the condition holds, looking once a turn of the event loop; the test's own timeout bounds it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}
