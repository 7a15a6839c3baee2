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
