/** Settles where a command runs and with which variables, from what the client asked for and what the server allows. */
import { FakeSshError } from '../errors.js'
import { mergeEnvironment, requireNoneRefused } from './environment.js'
import type { ExecParams } from './messages.js'
import type { SessionServerDeps } from './session-server.js'
import type { ExecSetting } from './start-allowed.js'

/** Rejects with a FakeSshError that says what cannot be had. */
export async function settleExec(params: ExecParams, deps: SessionServerDeps): Promise<ExecSetting> {
  const session = params.session === undefined ? undefined : deps.sessions.get(params.session)
  if (params.session !== undefined && session === undefined) {
    throw new FakeSshError('ERR_FAKESSH_CLOSED', 'the session is not open', { op: 'exec' })
  }
  const isInSession = session !== undefined && params.cwd === undefined
  const cwd = isInSession ? session.cwd : await deps.resolveCwd(params.cwd ?? '/')
  const shownCwd = deps.toShownPath(cwd) ?? cwd
  const { env, refused } = mergeEnvironment(
    session?.env ?? deps.baseEnvironment,
    params.env,
    deps.allowEnv,
    deps.exec,
  )
  if (params.strictEnv) requireNoneRefused(refused)
  return { cwd, askedCwd: params.cwd ?? shownCwd, shownCwd, env, refusedEnv: refused }
}
