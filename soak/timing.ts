/** How long things take in a soak, in milliseconds. */

/** Short, so that a black hole of a few seconds is noticed. */
export const KEEPALIVE_MS = 1_000

/** What is not settled by then is lost: longer than any fault lasts, and a reconnect after it. */
export const SETTLE_MS = 60_000

/** For everything to be cleaned up, once nothing runs. */
export const CLEAN_MS = 10_000

/** Of what a server keeps: durable commands that have ended, and parts of copies that nobody resumes, as they came when the client had already gone on. */
export const EXPIRY_MS = 20_000

/** For those to be removed. */
export const EXPIRED_MS = EXPIRY_MS + 20_000
