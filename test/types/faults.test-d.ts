// Faults of the fake-ssh/testing entry: options, controls and the proxy.
import {
  type ConnectedPair,
  connectedPair,
  type FaultConnection,
  type FaultControls,
  type FaultDirection,
  type FaultOptions,
  type FaultProxy,
  type FaultProxyOptions,
  type FaultRecord,
  type Faults,
  type FaultyPair,
  faultProxy,
} from 'fake-ssh/testing'
import { expectAssignable, expectError, expectNotAssignable, expectType } from 'tsd'

expectAssignable<Faults>({ delayMs: 5, bytesPerSecond: 1e6 })
expectAssignable<Faults>({
  cut: { afterBytes: 5, how: 'end' },
  halfClose: { afterFrames: { min: 1, max: 2 } },
})
expectAssignable<Faults>({ blackHole: { afterBytes: 0 }, corrupt: { afterFrames: 1 } })
expectAssignable<Faults>({ duplicate: { afterBytes: 1, bytes: 9 } })
expectAssignable<FaultOptions>({ seed: 1, up: {}, down: undefined })
expectNotAssignable<Faults>({ cut: 5 })
expectNotAssignable<Faults>({ cut: { afterBytes: 5, how: 'gently' } })
expectNotAssignable<Faults>({ cut: { afterBytes: { min: 1 } } })
expectType<'up' | 'down'>({} as FaultDirection)

// A pair has controls when it was asked for faults
expectType<Promise<FaultyPair>>(connectedPair({ faults: {} }))
expectType<Promise<ConnectedPair>>(connectedPair({ userName: 'x' }))
expectType<FaultControls>((await connectedPair({ faults: { seed: 3 } })).faults)
expectError((await connectedPair()).faults)
expectError(connectedPair({ faults: { upwards: {} } }))

// The proxy
expectType<Promise<FaultProxy>>(faultProxy({ target: { port: 1 } }))
expectAssignable<FaultProxyOptions>({ target: { host: 'localhost', port: 1 }, seed: 2, up: { delayMs: 1 } })
expectAssignable<FaultProxyOptions>({ target: { path: '/run/x.sock' } })
expectError(faultProxy({}))
expectError(faultProxy({ target: 'fakessh://x' }))
const proxy = await faultProxy({ target: { port: 1 } })
expectAssignable<AsyncDisposable>(proxy)
expectAssignable<FaultControls>(proxy)
expectType<string>(proxy.host)
expectType<number>(proxy.port)
expectType<number>(proxy.seed)
expectType<string>(proxy.connectionString('fakessh://…'))
expectType<readonly FaultRecord[]>(proxy.log)
expectType<readonly FaultConnection[]>(proxy.connections)
expectType<void>(proxy.cut())
expectType<void>(proxy.cut({ how: 'end' }))
expectType<void>(proxy.halfClose('up'))
expectError(proxy.halfClose())
expectError(proxy.blackHole('both'))
expectType<FaultProxy>(proxy.on('fault', (fault) => expectType<FaultRecord>(fault)))
expectError(proxy.on('cut', () => {}))
expectType<Promise<void>>(proxy.close())
