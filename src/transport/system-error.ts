/** Errors in the form Node gives those of the operating system, for the cases that Node reports without one. */

/** An error with a POSIX code, as a socket would emit it. @internal */
export function systemError(code: string, message: string): Error & { code: string } {
  return Object.assign(new Error(message), { code })
}
