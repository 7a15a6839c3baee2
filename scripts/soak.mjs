// Runs the soak. Arguments go to soak/main.ts.
import { runCompiled } from './compiled.mjs'

process.exitCode = await runCompiled('soak')
