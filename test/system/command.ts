import { spawnSync } from 'node:child_process'

/** Runs a program to its end. Throws what it complained about if it failed. */
export function command(...[program = '', ...args]: string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`)
}
