/** Byte counts for people. */

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** `1536` is `1.5 KiB`. */
export function byteSize(bytes: number): string {
  const power = bytes < 1024 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length - 1)
  return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${UNITS[power]}`
}
