/**
 * Workflow commands: lines on stdout that the runner interprets. GitHub documents them under
 * "Workflow commands for GitHub Actions"; the escapes are those of `ActionCommand.cs` in
 * actions/runner.
 */

/** The position of an error in a file. The line and the column count from 1. */
export type Position = { readonly file?: string; readonly line?: number; readonly col?: number };

const escaped = (text: string): string =>
  text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');

/** Escapes the colon and the comma as well, because they would end a property. */
const escapedProperty = (text: string): string =>
  escaped(text).replaceAll(':', '%3A').replaceAll(',', '%2C');

/**
 * The commands that mask the values in the log of the whole job. A program may print a single line
 * of a value, so each line is masked, too. The runner refuses to mask blanks, and by itself also
 * masks the base64, JSON and URL forms of a value.
 */
export const maskCommands = (values: readonly string[]): string => {
  const texts = values.flatMap((value) => [value, ...value.split(/\r\n|\r|\n/)]);
  const visible = texts.filter((text) => text.trim() !== '');
  return [...new Set(visible)].map((text) => `::add-mask::${escaped(text)}\n`).join('');
};

/** The command for an error, which GitHub shows next to its line in the file. */
export const errorCommand = (message: string, position: Position = {}): string => {
  const properties = Object.entries(position).map(
    ([name, value]) => `${name}=${escapedProperty(String(value))}`,
  );
  const head = properties.length > 0 ? `error ${properties.join(',')}` : 'error';
  return `::${head}::${escaped(message)}\n`;
};

/** Prints commands. Settles once the system has them, so that later output comes after them. */
export const give = (commands: string): Promise<void> =>
  new Promise((resolve, reject) => {
    process.stdout.write(commands, (error) => (error ? reject(error) : resolve()));
  });
