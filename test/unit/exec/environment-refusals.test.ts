import { expect, test } from 'vitest'
import { isHarmlessVariable, isRefusedVariable } from '../../../src/exec/environment-refusals.js'

test.each([
  ['PATH', 'HOME', 'SHELL', 'IFS', 'ENV', 'BASH_ENV', 'PS4', 'SHELLOPTS', 'PROMPT_COMMAND', 'ZDOTDIR'],
  ['LD_PRELOAD', 'LD_LIBRARY_PATH', 'LD_AUDIT', 'LD_ANYTHING_NEW', 'DYLD_INSERT_LIBRARIES', 'GLIBC_TUNABLES'],
  ['BASH_FUNC_ls%%', 'BASH_FUNC_git()'],
  ['NODE_OPTIONS', 'NODE_PATH', 'PYTHONPATH', 'PYTHONSTARTUP', 'PYTHONHOME', 'PERL5LIB', 'PERL5OPT'],
  ['RUBYOPT', 'RUBYLIB', 'JAVA_TOOL_OPTIONS', 'LUA_INIT', 'DOTNET_STARTUP_HOOKS', 'OPENSSL_CONF'],
  ['GIT_SSH', 'GIT_SSH_COMMAND', 'GIT_SSH_VARIANT', 'GIT_CONFIG_COUNT', 'GIT_CONFIG_GLOBAL', 'GIT_EXEC_PATH'],
  ['GIT_PAGER', 'GIT_EDITOR', 'GIT_EXTERNAL_DIFF', 'GIT_DIR', 'PAGER', 'EDITOR', 'LESSOPEN', 'RSYNC_RSH'],
  ['npm_config_script_shell', 'NPM_CONFIG_NODE_OPTIONS', 'PIP_INDEX_URL', 'BUNDLE_GEMFILE', 'CARGO_HOME'],
  [
    'MAKEFILES',
    'GNUMAKEFLAGS',
    'RUSTC',
    'RUSTC_WRAPPER',
    'RUSTFLAGS',
    'VIMINIT',
    'EXINIT',
    'LESS',
    'LESSKEY',
  ],
  ['SYSTEMD_PAGER', 'MANPAGER', 'KUBE_EDITOR', 'SUDO_EDITOR', 'GIT_OBJECT_DIRECTORY'],
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

test('language, time zone and terminal are harmless', () => {
  const values = { LANG: 'de_DE.UTF-8', LANGUAGE: 'de:en', LC_ALL: 'C', LC_TIME: 'C', TZ: 'Europe/Berlin' }
  const more = { TERM: 'xterm-256color', COLUMNS: '80', LINES: '24', NO_COLOR: '1' }
  expect(
    Object.entries({ ...values, ...more }).filter(([name, value]) => !isHarmlessVariable(name, value)),
  ).toEqual([])
})

test.each([
  ['APP', '1'],
  ['lang', 'C'],
  ['LC_', 'C'],
  ['LC_ALL_X', 'C'],
  ['LANGUAGE', '../../tmp/evil'],
  ['LC_ALL', '/tmp/evil'],
  ['TERM', '../x'],
  ['TZ', '/tmp/evil'],
  ['TZ', ':/tmp/evil'],
  ['TZ', 'Europe/../../../tmp/evil'],
])('%s=%s is not', (name, value) => {
  expect(isHarmlessVariable(name, value)).toBe(false)
})
