import { expect, test } from 'vitest'
import { type HostFacts, identityOf, ownHost } from '../../../src/files/local-disk-host.js'

const machine: HostFacts = {
  hostname: 'name',
  machineId: '0123456789abcdef0123456789abcdef',
  bootId: '11111111-2222-3333-4444-555555555555',
  pidNamespace: 'pid:[4026531836]',
  utsNamespace: 'uts:[4026531838]',
}
const container: HostFacts = {
  ...machine,
  pidNamespace: 'pid:[4026532200]',
  utsNamespace: 'uts:[4026532198]',
}
const other = { machineId: 'f'.repeat(32), bootId: 'other', hostname: 'other' }

test('this process always has the same', () => {
  expect(ownHost()).toEqual({
    host: expect.stringMatching(/^[0-9a-f]{8}$/),
    boot: expect.stringMatching(/^[0-9a-f]{8}$/),
  })
  expect(ownHost()).toBe(ownHost())
})

test('a machine that is called something else is the same', () => {
  expect(identityOf({ ...machine, hostname: 'other' })).toEqual(identityOf(machine))
})

test('a machine that was started again is the same, at another start', () => {
  const again = identityOf({ ...machine, bootId: 'other' })
  expect(again.host).toBe(identityOf(machine).host)
  expect(again.boot).not.toBe(identityOf(machine).boot)
})

test('two machines that are called the same are two', () => {
  const { machineId } = other
  expect(identityOf({ ...machine, machineId }).host).not.toBe(identityOf(machine).host)
})

test.each(['', 'uninitialized'])(
  'without an id (%j) the name and the start tell machines apart',
  (machineId) => {
    const nameless = { ...machine, machineId }
    for (const key of ['hostname', 'bootId'] as const) {
      expect(identityOf({ ...nameless, [key]: other[key] }).host).not.toBe(identityOf(nameless).host)
    }
  },
)

test.each(['machineId', 'hostname', 'bootId'] as const)(
  'in a container another %s is another host',
  (key) => {
    expect(identityOf({ ...container, [key]: other[key] }).host).not.toBe(identityOf(container).host)
  },
)

test('a container is not the machine it runs on, nor one that only shares its process ids', () => {
  const sharing = { ...machine, utsNamespace: container.utsNamespace }
  const hosts = [machine, container, sharing].map((facts) => identityOf(facts).host)
  expect(new Set(hosts).size).toBe(3)
})

test('where the system says nothing, the name is all there is', () => {
  const silent = { hostname: 'name', machineId: '', bootId: '', pidNamespace: '', utsNamespace: '' }
  expect(identityOf(silent)).toEqual(identityOf({ ...silent }))
  expect(identityOf({ ...silent, hostname: 'other' }).host).not.toBe(identityOf(silent).host)
})
