/** What is missing of an output. */

/**
 * Output of a durable exec that the server had to drop, as more was written than it keeps: while nobody was attached, or, with less kept than
 * is on its way to a client, when a connection was lost (`jobMemoryBytes` of the server's limits). What comes before and after is complete.
 *
 * @public
 */
export interface OutputGap {
  /** Of which output. */
  readonly stream: 'stdout' | 'stderr'
  /** Of the first byte that is missing, counted from the start of the output. */
  readonly offset: number
  /** How many bytes are missing. */
  readonly bytes: number
}
