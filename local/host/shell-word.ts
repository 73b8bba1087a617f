/** Writes a text as one word of a shell's command line, quoted only if necessary. */
export const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

/** Returns the setting to write before a command so that it finds this folder; empty for the preset folder. */
export const folderSetting = (environment: NodeJS.ProcessEnv, folder: string): string =>
  environment['VAULT_DATA_DIR'] ? `VAULT_DATA_DIR=${shellWord(folder)} ` : '';
