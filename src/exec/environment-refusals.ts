/**
 * Which variables a client may not set unless its user has them in `allowEnv`: those that make an ordinary
 * program run other code than the one that was asked for and allowed. Programs have too many of them for a list to
 * be complete. So a permission such as `{ allow: ['git'] }`, which must hold, lets only harmless variables through;
 * the list spares surprises to those who may run anything, and could set the variables there anyway.
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
  ...['DOTNET_STARTUP_HOOKS', 'CORECLR_PROFILER', 'CORECLR_PROFILER_PATH', 'GOFLAGS', 'RUSTFLAGS', 'RUSTDOC'],
  // The C library: those it ignores in set-user-ID programs (ld.so(8)), and configuration that loads code.
  ...['GCONV_PATH', 'GETCONF_DIR', 'GLIBC_TUNABLES', 'HOSTALIASES', 'LOCALDOMAIN', 'LOCPATH', 'MALLOC_TRACE'],
  ...['NIS_PATH', 'NLSPATH', 'RESOLV_HOST_CONF', 'RES_OPTIONS', 'OPENSSL_CONF', 'OPENSSL_ENGINES'],
  ...['OPENSSL_MODULES', 'SSLKEYLOGFILE', 'TERMINFO', 'TERMINFO_DIRS', 'TERMCAP'],
  // Helpers that programs start.
  ...['EDITOR', 'VISUAL', 'PAGER', 'MANPAGER', 'BROWSER', 'SUDO_ASKPASS', 'MORE', 'MANOPT'],
  ...['SSH_ASKPASS', 'RSYNC_RSH', 'CVS_RSH', 'SVN_SSH', 'HGEDITOR', 'MAKEFLAGS', 'TAR_OPTIONS'],
  ...['MAKEFILES', 'GNUMAKEFLAGS', 'MFLAGS', 'VIMINIT', 'GVIMINIT', 'EXINIT', 'MYVIMRC', 'VIM', 'VIMRUNTIME'],
  ...['GIT_ASKPASS', 'GIT_EDITOR', 'GIT_SEQUENCE_EDITOR', 'GIT_PAGER', 'GIT_EXTERNAL_DIFF', 'GIT_EXEC_PATH'],
  ...[
    'GIT_PROXY_COMMAND',
    'GIT_TEMPLATE_DIR',
    'GIT_DIR',
    'GIT_COMMON_DIR',
    'GIT_WORK_TREE',
    'GIT_OBJECT_DIRECTORY',
    'GIT_ALTERNATE_OBJECT_DIRECTORIES',
    'GIT_ATTR_SOURCE',
    'XDG_CONFIG_HOME',
  ],
])

/** The dynamic loader, shell functions in the environment, and families of settings of git, less, and package managers that name programs. */
const REFUSED_PREFIXES = [
  'LD_',
  'DYLD_',
  'BASH_FUNC_',
  'GIT_SSH',
  'GIT_CONFIG',
  'GIT_TRACE',
  'NPM_CONFIG_',
  '_RLD_',
  'RUSTC',
  'CARGO_',
  'PIP_',
  'BUNDLE_',
  'LESS',
]

/** `SYSTEMD_PAGER`, `KUBE_EDITOR` and all the others. */
const REFUSED_SUFFIXES = ['PAGER', 'EDITOR']

/** Language, time zone, and what the client's terminal can show. */
const HARMLESS_NAMES = new Set(['LANG', 'LANGUAGE', 'TZ', 'TERM', 'COLUMNS', 'LINES', 'NO_COLOR'])

/**
 * True for a variable that only `allowEnv` lets a client set. Compared in upper case: Windows does not tell the
 * cases apart, and neither does npm.
 */
export function isRefusedVariable(name: string): boolean {
  const upper = name.toUpperCase()
  return (
    REFUSED_NAMES.has(upper) ||
    REFUSED_PREFIXES.some((prefix) => upper.startsWith(prefix)) ||
    REFUSED_SUFFIXES.some((suffix) => upper.endsWith(suffix))
  )
}

/**
 * True for a variable that a client may set whatever program is run. Not with a value that leads elsewhere in the file system:
 * languages, time zones and terminals name files, and those are to be the system's own.
 */
export function isHarmlessVariable(name: string, value: string): boolean {
  if (!HARMLESS_NAMES.has(name) && !/^LC_[A-Z]+$/.test(name)) return false
  return name === 'TZ' ? !/^:?\/|\.\./.test(value) : !value.includes('/')
}
