/** How many bytes of each stream of an exec may be under way: what one exec can cost the receiver's memory. */

/** stdin, at the server: one DATA frame of the largest usual size, as a program takes it in pieces of 64 KiB anyway. */
export const STDIN_WINDOW_BYTES = 262_144

/**
 * stdout, at the client: at 100 ms of round trip it lets 10 MiB/s through, and a client with the usual 200 execs that
 * nobody reads holds 200 MiB.
 */
export const STDOUT_WINDOW_BYTES = 1_048_576

/** stderr, at the client: messages rather than data. Half of it unread by nobody is what is held before it is dropped. */
export const STDERR_WINDOW_BYTES = 262_144
