/** HELLO: what we say, and what we make of the peer's (docs/protocol.md, section 5.1). */
import { ConnectionError } from '../errors.js'
import { FEATURE_STREAM_CRC32, MIN_PROTOCOL_VERSION, PROTOCOL_VERSION } from './constants.js'
import type { Hello } from './messages.js'

type Role = 'client' | 'server'

/** What both HELLOs together settle. */
export interface Agreement {
  readonly version: number
  readonly features: ReadonlySet<string>
  /** Largest DATA payload the peer takes. */
  readonly maxFrameBytes: number
  /** Channels we may hold open at once. */
  readonly maxChannels: number
  /** The peer's software, as it says; peer-supplied text. */
  readonly peerAgent: string
  /** Names the server for as long as it keeps what outlives a connection; undefined for one that does not say. */
  readonly peerInstance: string | undefined
}

export interface HelloOptions {
  readonly role: Role
  readonly agent: string
  readonly maxFrameBytes: number
  readonly maxChannels: number
  /** True on transports that do not authenticate bytes themselves. */
  readonly isPlain: boolean
  /** 32 random hex digits, of a server that keeps what outlives a connection. */
  readonly instance?: string | undefined
}

/** Our HELLO. */
export function makeHello(options: HelloOptions): Hello {
  return {
    protocol: 'fakessh',
    version: PROTOCOL_VERSION,
    minVersion: MIN_PROTOCOL_VERSION,
    role: options.role,
    agent: options.agent,
    features: options.isPlain ? [FEATURE_STREAM_CRC32] : [],
    limits: { maxFrameBytes: options.maxFrameBytes, maxChannels: options.maxChannels },
    ...(options.instance === undefined ? {} : { instance: options.instance }),
  }
}

/** What follows from the two HELLOs. Throws ConnectionError ERR_FAKESSH_VERSION. */
export function agree(ours: Hello, theirs: Hello): Agreement {
  const version = Math.min(ours.version, theirs.version)
  if (version < ours.minVersion || version < theirs.minVersion) {
    throw new ConnectionError(
      'ERR_FAKESSH_VERSION',
      `no common protocol version: we speak ${ours.minVersion} to ${ours.version}, the peer ${theirs.minVersion} to ${theirs.version}`,
    )
  }
  if (ours.role === theirs.role) {
    throw new ConnectionError(
      'ERR_FAKESSH_VERSION',
      `both ends are a ${ours.role}: expected one client and one server`,
    )
  }
  return {
    version,
    features: new Set(theirs.features.filter((feature) => ours.features.includes(feature))),
    maxFrameBytes: theirs.limits.maxFrameBytes,
    maxChannels: theirs.limits.maxChannels,
    peerAgent: theirs.agent,
    peerInstance: theirs.instance,
  }
}
