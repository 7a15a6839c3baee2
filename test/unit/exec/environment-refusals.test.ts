import { expect, test } from 'vitest'
import { isRefusedVariable } from '../../../src/exec/environment-refusals.js'

test.each([
  ['PATH', 'HOME', 'SHELL', 'IFS', 'ENV', 'BASH_ENV', 'PS4', 'SHELLOPTS', 'PROMPT_COMMAND', 'ZDOTDIR'],
  ['LD_PRELOAD', 'LD_LIBRARY_PATH', 'LD_AUDIT', 'LD_ANYTHING_NEW', 'DYLD_INSERT_LIBRARIES', 'GLIBC_TUNABLES'],
  ['BASH_FUNC_ls%%', 'BASH_FUNC_git()'],
  ['NODE_OPTIONS', 'NODE_PATH', 'PYTHONPATH', 'PYTHONSTARTUP', 'PYTHONHOME', 'PERL5LIB', 'PERL5OPT'],
  ['RUBYOPT', 'RUBYLIB', 'JAVA_TOOL_OPTIONS', 'LUA_INIT', 'DOTNET_STARTUP_HOOKS', 'OPENSSL_CONF'],
  ['GIT_SSH', 'GIT_SSH_COMMAND', 'GIT_SSH_VARIANT', 'GIT_CONFIG_COUNT', 'GIT_CONFIG_GLOBAL', 'GIT_EXEC_PATH'],
  ['GIT_PAGER', 'GIT_EDITOR', 'GIT_EXTERNAL_DIFF', 'GIT_DIR', 'PAGER', 'EDITOR', 'LESSOPEN', 'RSYNC_RSH'],
  ['npm_config_script_shell', 'NPM_CONFIG_NODE_OPTIONS'],
])('%s and its like are refused', (...names) => {
  expect(names.filter((name) => !isRefusedVariable(name))).toEqual([])
})

test('case does not get a name through', () => {
  expect(['path', 'Path', 'ld_preload', 'Node_Options'].every(isRefusedVariable)).toBe(true)
})

test('ordinary settings are not refused', () => {
  const names = [
    ...['LANG', 'LC_ALL', 'TZ', 'TERM', 'TMPDIR', 'NODE_ENV', 'DEBUG', 'CI', 'PYTHONUNBUFFERED', 'NO_COLOR'],
    ...[
      'GIT_AUTHOR_NAME',
      'GIT_COMMITTER_EMAIL',
      'GIT_TERMINAL_PROMPT',
      'PATHS',
      'MY_LD_PRELOAD',
      'HOMEPAGE',
    ],
    ...['__proto__', 'constructor', 'toString'],
  ]
  expect(names.filter(isRefusedVariable)).toEqual([])
})
