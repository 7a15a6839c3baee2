/** Who asks and who answers in AUTH: one question at a time is with the server, and it answers nothing that was not asked. */
import { ProtocolError } from '../errors.js'
import { parseObject, validate } from './control-codec.js'
import type { CoreEvent } from './core-events.js'

type AuthEvent = Extract<CoreEvent, { type: 'auth-request' | 'auth-reply' }>

export class AuthDialogue {
  readonly #role: 'client' | 'server'
  /** Requests sent (client) or received (server) that wait for their answer. */
  #pending = 0

  constructor(role: 'client' | 'server') {
    this.#role = role
  }

  /** Client: one more request went out. */
  asked(): void {
    this.#pending += 1
  }

  /** Server: the request has its answer. */
  answered(): void {
    this.#pending = 0
  }

  /** Throws ProtocolError for what is malformed or out of turn. */
  receive(payload: Uint8Array): AuthEvent {
    const object = parseObject('AUTH', payload)
    if (this.#role === 'server') {
      const request = validate('AUTH', 'authRequest', object)
      if (this.#pending > 0) throw new ProtocolError('AUTH before the one before it was answered')
      this.#pending = 1
      return { type: 'auth-request', request: { ...object, ...request } }
    }
    const reply = validate('AUTH', 'authReply', object)
    if (this.#pending === 0) throw new ProtocolError('AUTH answers nothing that was asked')
    this.#pending -= 1
    return { type: 'auth-reply', reply }
  }
}
