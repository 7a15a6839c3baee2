// Time is an argument, so these tests wait for nothing.
import { expect, test } from 'vitest'
import { Keepalive } from '../../../src/protocol/keepalive.js'

test('a silent peer is asked after one interval and again after two, and given up after three', () => {
  const keepalive = new Keepalive(1_000, 0)
  expect(keepalive.onTick(999)).toBe('wait')
  expect(keepalive.onTick(1_000)).toBe('ping')
  expect(keepalive.onTick(1_999)).toBe('wait')
  expect(keepalive.onTick(2_000)).toBe('ping')
  expect(keepalive.onTick(2_999)).toBe('wait')
  expect(keepalive.onTick(3_000)).toBe('dead')
})

test('any byte is an answer and starts over', () => {
  const keepalive = new Keepalive(1_000, 0)
  keepalive.onTick(1_000)
  keepalive.onTick(2_000)
  keepalive.onReceived(2_999)
  expect(keepalive.onTick(3_000)).toBe('wait')
  expect(keepalive.onTick(3_999)).toBe('ping')
  expect(keepalive.onTick(4_999)).toBe('ping')
  expect(keepalive.onTick(5_999)).toBe('dead')
})

test('a peer that talks is never asked', () => {
  const keepalive = new Keepalive(1_000, 0)
  for (let now = 0; now < 100_000; now += 999) {
    keepalive.onReceived(now)
    expect(keepalive.onTick(now + 500)).toBe('wait')
  }
})

test('a host that slept for hours asks before it gives anybody up', () => {
  const keepalive = new Keepalive(1_000, 0)
  expect(keepalive.onTick(36_000_000)).toBe('ping')
  expect(keepalive.onTick(36_000_500)).toBe('wait')
  expect(keepalive.onTick(36_001_000)).toBe('ping')
  expect(keepalive.onTick(36_002_000)).toBe('dead')
})

test('it says when it is to be called next, and never asks for the past', () => {
  const keepalive = new Keepalive(1_000, 500)
  expect(keepalive.dueMs(500)).toBe(1_000)
  expect(keepalive.dueMs(1_400)).toBe(100)
  expect(keepalive.dueMs(9_000)).toBe(1)
  keepalive.onTick(1_500)
  expect(keepalive.dueMs(1_500)).toBe(1_000)
  keepalive.onReceived(1_600)
  expect(keepalive.dueMs(1_600)).toBe(1_000)
})
