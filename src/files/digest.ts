/** Digests that prove a transfer, computed while the bytes pass. */
import { createHash, type Hash } from 'node:crypto'
import { FakeSshError } from '../errors.js'
import { CHECKSUM_ALGORITHMS, type ChecksumAlgorithm } from '../options.js'

export function isChecksumAlgorithm(name: unknown): name is ChecksumAlgorithm {
  return (CHECKSUM_ALGORITHMS as readonly unknown[]).includes(name)
}

export class Digest {
  readonly algorithm: ChecksumAlgorithm
  readonly #hash: Hash
  #hex: string | undefined

  /** `begun`: what it goes on from. Throws `ERR_FAKESSH_UNSUPPORTED` where this build of Node lacks the algorithm (md5 under FIPS). */
  constructor(algorithm: ChecksumAlgorithm, begun?: Hash) {
    this.algorithm = algorithm
    try {
      this.#hash = begun ?? createHash(algorithm)
    } catch (cause) {
      throw new FakeSshError('ERR_FAKESSH_UNSUPPORTED', `this machine cannot compute ${algorithm}`, { cause })
    }
  }

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes)
  }

  /** Of the same bytes; from here on each is its own. To be called before `hex`. */
  copy(): Digest {
    return new Digest(this.algorithm, this.#hash.copy())
  }

  /** Lower-case hex of everything so far; more can be added. */
  hexSoFar(): string {
    return this.#hash.copy().digest('hex')
  }

  /** Lower-case hex of everything so far; nothing can be added afterwards. */
  hex(): string {
    this.#hex ??= this.#hash.digest('hex')
    return this.#hex
  }
}
