/** Numbers that look random and follow from a seed: the same seed gives the same faults on every machine. Not for secrets. */

/** Odd and far from any simple ratio, so that neighbouring seeds and salts end far apart (the golden ratio in 32 bits). */
const GOLDEN_GAMMA = 0x9e3779b9

/**
 * The generator mulberry32 (Tommy Ettinger, public domain): 32 bits of state, each call gives 32 bits. `salts` make independent sequences
 * of one seed, so that what one connection, direction or kind of fault draws does not move what another one draws.
 */
export function seededRandom(seed: number, ...salts: readonly number[]): () => number {
  let state = seed >>> 0
  for (const salt of salts) state = mix(state + Math.imul(salt + 1, GOLDEN_GAMMA))
  return () => {
    state = (state + 0x6d2b79f5) | 0
    return mix(state)
  }
}

/** Spreads each bit of the input over all 32 of the output. */
function mix(value: number): number {
  let bits = Math.imul(value ^ (value >>> 15), value | 1)
  bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
  return (bits ^ (bits >>> 14)) >>> 0
}

/** An integer from `min` to `max`, both included, out of 32 random bits. */
export function between(min: number, max: number, bits: number): number {
  return min + Math.floor((bits / 2 ** 32) * (max - min + 1))
}
