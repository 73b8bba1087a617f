/**
 * Names whose value a shell changes. The shell sets the variable itself, makes it read-only, evaluates the value as
 * arithmetic (which may run a command in it), or does not export it.
 */

/** Measured on bash 5.2; two names are of bash 5.3. */
const ofBash = `_ BASHOPTS BASHPID BASH_ALIASES BASH_ARGC BASH_ARGV BASH_ARGV0 BASH_CMDS BASH_COMMAND
  BASH_LINENO BASH_MONOSECONDS BASH_SOURCE BASH_SUBSHELL BASH_TRAPSIG BASH_VERSINFO
  COMP_WORDBREAKS DIRSTACK EPOCHREALTIME EPOCHSECONDS EUID FUNCNAME GROUPS HISTCMD LINENO OPTIND
  PIPESTATUS PPID RANDOM SECONDS SHELLOPTS SHLVL SRANDOM UID`;

/** Measured on zsh 5.9 with the modules that it loads by itself. dash 0.5.12 adds no names. */
const ofZsh = `ARGC COLUMNS EGID ERRNO FUNCNEST GID HISTCHARS HISTSIZE KEYBOARD_HACK KEYTIMEOUT LINES LISTMAX
  MAILCHECK SAVEHIST TRY_BLOCK_ERROR TRY_BLOCK_INTERRUPT TTYIDLE USERNAME ZLE_RPROMPT_INDENT
  ZSH_EVAL_CONTEXT ZSH_SUBSHELL aliases argv builtins cdpath commands dirstack dis_aliases
  dis_builtins dis_functions dis_functions_source dis_galiases dis_patchars dis_reswords
  dis_saliases fignore fpath funcfiletrace funcsourcetrace funcstack functions functions_source
  functrace galiases histchars history historywords jobdirs jobstates jobtexts keymaps mailpath
  manpath module_path modules nameddirs options parameters patchars path pipestatus psvar reswords
  saliases signals status termcap terminfo userdirs usergroups watch widgets zsh_eval_context
  zsh_scheduled_events`;

const own: ReadonlySet<string> = new Set(`${ofBash} ${ofZsh}`.split(/\s+/));

/** Whether bash, dash or zsh changes some values of a variable of that name. */
export const isShellOwn = (key: string): boolean => own.has(key);
