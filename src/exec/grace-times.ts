/** How long the end of a command may take, where the server's owner does not say. */

/** Between SIGTERM and SIGKILL, for a command whose client is gone, in milliseconds. */
export const KILL_GRACE_MS = 2000

/** Quiet time on outputs that a process left behind holds open, in milliseconds. */
export const LEAK_GRACE_MS = 250
