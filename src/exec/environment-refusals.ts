/**
 * Which variables a client may not set unless its user has them in `allowEnv`: those that make an ordinary
 * program run other code than the one that was asked for and allowed. The list guards a permission such as
 * `{ allow: ['git'] }` and the commands a service chose; someone with a shell can set them there anyway.
 */

const REFUSED_NAMES = new Set([
  // Where programs are found, and who they believe they run as.
  ...['PATH', 'PATHEXT', 'COMSPEC', 'SYSTEMROOT', 'HOME', 'SHELL', 'USERPROFILE'],
  // Shells: files read at the start, word splitting, options, and text that is run as code.
  ...['ENV', 'BASH_ENV', 'IFS', 'CDPATH', 'GLOBIGNORE', 'SHELLOPTS', 'BASHOPTS', 'PS4', 'PROMPT_COMMAND'],
  ...['ZDOTDIR', 'FPATH'],
  // Interpreters: code loaded before, or instead of, the program's own.
  ...['NODE_OPTIONS', 'NODE_PATH', 'NODE_REPL_EXTERNAL_MODULE', 'NODE_EXTRA_CA_CERTS', 'DENO_DIR'],
  ...['PYTHONPATH', 'PYTHONHOME', 'PYTHONSTARTUP', 'PYTHONUSERBASE', 'PYTHONINSPECT', 'PYTHONBREAKPOINT'],
  ...['PYTHONEXECUTABLE', 'PYTHONPLATLIBDIR', 'PYTHONPYCACHEPREFIX', 'PYTHONWARNINGS'],
  ...[
    'PERL5LIB',
    'PERL5OPT',
    'PERL5DB',
    'PERLLIB',
    'PERL5SHELL',
    'RUBYOPT',
    'RUBYLIB',
    'GEM_PATH',
    'GEM_HOME',
  ],
  ...['JAVA_TOOL_OPTIONS', '_JAVA_OPTIONS', 'JDK_JAVA_OPTIONS', 'CLASSPATH', 'MAVEN_OPTS', 'GRADLE_OPTS'],
  ...['LUA_PATH', 'LUA_CPATH', 'LUA_INIT', 'PHPRC', 'PHP_INI_SCAN_DIR', 'R_PROFILE_USER', 'ERL_FLAGS'],
  ...['DOTNET_STARTUP_HOOKS', 'CORECLR_PROFILER', 'CORECLR_PROFILER_PATH', 'GOFLAGS', 'RUSTC_WRAPPER'],
  // The C library: those it ignores in set-user-ID programs (ld.so(8)), and configuration that loads code.
  ...['GCONV_PATH', 'GETCONF_DIR', 'GLIBC_TUNABLES', 'HOSTALIASES', 'LOCALDOMAIN', 'LOCPATH', 'MALLOC_TRACE'],
  ...['NIS_PATH', 'NLSPATH', 'RESOLV_HOST_CONF', 'RES_OPTIONS', 'OPENSSL_CONF', 'OPENSSL_ENGINES'],
  ...['OPENSSL_MODULES', 'SSLKEYLOGFILE', 'TERMINFO', 'TERMINFO_DIRS', 'TERMCAP'],
  // Helpers that programs start.
  ...['EDITOR', 'VISUAL', 'PAGER', 'MANPAGER', 'BROWSER', 'LESSOPEN', 'LESSCLOSE', 'SUDO_ASKPASS'],
  ...['SSH_ASKPASS', 'RSYNC_RSH', 'CVS_RSH', 'SVN_SSH', 'HGEDITOR', 'MAKEFLAGS', 'TAR_OPTIONS'],
  ...['GIT_ASKPASS', 'GIT_EDITOR', 'GIT_SEQUENCE_EDITOR', 'GIT_PAGER', 'GIT_EXTERNAL_DIFF', 'GIT_EXEC_PATH'],
  ...[
    'GIT_PROXY_COMMAND',
    'GIT_TEMPLATE_DIR',
    'GIT_DIR',
    'GIT_COMMON_DIR',
    'GIT_WORK_TREE',
    'XDG_CONFIG_HOME',
  ],
])

/** The dynamic loader, shell functions in the environment, and families of settings of git and npm that name programs. */
const REFUSED_PREFIXES = [
  'LD_',
  'DYLD_',
  'BASH_FUNC_',
  'GIT_SSH',
  'GIT_CONFIG',
  'GIT_TRACE',
  'NPM_CONFIG_',
  '_RLD_',
]

/**
 * True for a variable that only `allowEnv` lets a client set. Compared in upper case: Windows does not tell the
 * cases apart, and neither does npm.
 */
export function isRefusedVariable(name: string): boolean {
  const upper = name.toUpperCase()
  return REFUSED_NAMES.has(upper) || REFUSED_PREFIXES.some((prefix) => upper.startsWith(prefix))
}
