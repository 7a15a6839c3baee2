/** What is missing of an output. */

/**
 * Output of a durable exec that the server had to drop while nobody was attached, as more was written than it keeps. What comes before
 * and after is complete.
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
