/** Where this process knows a file that was left to be, so that it is found without looking through its directory. */
import { parseStagedName, type StagedName } from './local-disk-owner.js'

/** More than this many are not remembered, the oldest first: they are found by looking. */
const MAX_NAMES = 10_000

const names = new Map<string, string>()

/** It was left just now. */
export function rememberLatest(directory: string, name: string): void {
  const place = placeOf(directory, parseStagedName(name))
  if (place !== undefined) names.delete(place)
  rememberFound(directory, name)
}

/** It was left at some time: another one that is remembered stays. */
export function rememberFound(directory: string, name: string): void {
  const place = placeOf(directory, parseStagedName(name))
  if (place === undefined || names.has(place)) return
  names.set(place, name)
  const [oldest] = names.keys()
  if (oldest !== undefined && names.size > MAX_NAMES) names.delete(oldest)
}

/** The latest name of the kind and with the key, which may be gone. It is forgotten. */
export function recallName(directory: string, wanted: Pick<StagedName, 'kind' | 'key'>): string | undefined {
  const place = placeOf(directory, wanted)
  const name = place && names.get(place)
  if (place !== undefined) names.delete(place)
  return name
}

function placeOf(directory: string, wanted?: Pick<StagedName, 'kind' | 'key'>): string | undefined {
  return wanted && `${wanted.kind} ${wanted.key} ${directory}`
}
