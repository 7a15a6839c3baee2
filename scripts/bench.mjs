// Runs the benchmarks. Arguments go to bench/main.ts.
import { runCompiled } from './compiled.mjs'

process.exitCode = await runCompiled('bench')
