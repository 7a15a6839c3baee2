/** The failure of a spawn helper itself, as opposed to that of a program. */
import { FakeSshError } from '../../errors.js'

/** The helper ended or cannot go on, so that nothing is known of the start any more. */
export class HelperGone extends FakeSshError {
  /** False when the helper was not told of the start, or did not try, so that another may. */
  readonly wasAsked: boolean

  constructor(wasAsked: boolean) {
    super('ERR_FAKESSH_INTERNAL', 'the process that starts programs is gone', { op: 'exec' })
    this.wasAsked = wasAsked
  }
}
