/** How much a receiver of a file lets its sender send ahead. The one place that decides it. */

/** Bytes. Enough for 100 MB/s at a round trip of 10 ms; what one transfer may keep in memory at each end. */
export const RECEIVE_WINDOW_BYTES = 1_048_576
