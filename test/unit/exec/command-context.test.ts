import { describe, expect, test } from 'vitest'
import { type CommandHandler, commandTable } from '../../../src/exec/command-context.js'

const handler: CommandHandler = () => 0

describe('commandTable', () => {
  test('is empty without commands', () => {
    expect(commandTable().size).toBe(0)
    expect(commandTable({}).size).toBe(0)
  })

  test('finds commands by name, and nothing of Object.prototype', () => {
    const table = commandTable({ 'app:status': handler })
    expect(table.get('app:status')).toBe(handler)
    for (const name of ['toString', '__proto__', 'constructor']) expect(table.has(name)).toBe(false)
  })

  test.each([
    [null, 'commands: expected an object, got null'],
    ['x', 'commands: expected an object'],
    [{ a: 1 }, "commands['a']: expected a function, got number"],
    [{ '': handler }, 'commands: expected non-empty names without NUL, got ""'],
    [{ 'a\0': handler }, 'commands: expected non-empty names without NUL'],
  ])('refuses %j', (commands, message) => {
    expect(() => commandTable(commands as never)).toThrow(
      expect.objectContaining({ code: 'ERR_FAKESSH_INVALID_ARG', message: expect.stringContaining(message) }),
    )
  })
})
