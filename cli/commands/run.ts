import type { ReplyOf } from '../../client/types.ts';
import { type Assignment, parseFile, printFile, printLine } from '../../functions/env/grammar.ts';
import { runChild } from '../child.ts';
import { openSession, type Session, vaultCommand } from '../command.ts';
import { environment } from '../environment.ts';
import { expandFile } from '../expansion.ts';
import { failure, ofFile, usage } from '../failures.ts';
import { warningLine } from '../file-errors.ts';
import { note, noteLine } from '../output.ts';
import { textsToHide } from '../redaction.ts';
import { readText } from '../values.ts';

export const runCommand = () =>
  vaultCommand(
    'run',
    'run a program with the variables of a file, expanded, in its environment and nowhere else',
    `
    dsvault run -- node server.js
    dsvault run -f production.env --only DB_URL,API_KEY -- ./migrate
    dsvault run --pristine --redact -- ./build.sh
    `,
  )
    .argument('<command...>', 'the program and its arguments, behind --')
    .option('-f, --env-file <file>', 'the file; - is stdin', '.env')
    .option('--only <keys>', 'only these keys of the file, with commas between')
    .option('--pristine', 'do not pass on the environment of dsvault itself')
    .option('--redact', 'replace secrets in the output of the program with [redacted]')
    .passThroughOptions()
    .action(async ([command = '', ...args], { envFile, only, pristine, redact, ...flags }) => {
      const session = openSession(flags);
      const typed = await readText(envFile, `the file ${envFile}`);
      const content = only === undefined ? typed : withOnly(typed, only.split(','), envFile);
      const { variables, resolved } = await expand(session, content, envFile);
      const env = { ...(pristine ? {} : environment), ...variables };
      const hide = redact ? await readHidden(session, resolved) : undefined;
      process.exitCode = await runChild({ command, args, env, hide });
    });

/**
 * The file without other assignments, so that their secrets are not read. Lines keep their numbers, and unreadable
 * lines remain, so that the vault reports them.
 */
const withOnly = (content: string, keys: readonly string[], file: string): string => {
  const parsed = parseFile(content);
  const assignments = parsed.lines.filter((line) => line.kind === 'assignment');
  const missing = keys.find((key) => !assignments.some((line) => line.key === key));
  if (missing !== undefined) throw usage(`--only: ${file} does not have one of these keys`);
  const lines = parsed.lines.map((line) =>
    line.kind !== 'assignment' || keys.includes(line.key) ? line : emptied(line),
  );
  return printFile({ ...parsed, lines });
};

const emptied = (line: Assignment) => {
  const text = printLine(line).replaceAll(/[^\n]+/g, '');
  return { kind: 'blank', line: line.line, text, eol: '' } as const;
};

const expand = async (session: Session, content: string, file: string) => {
  const reply = await ofFile(file, () => expandFile(session, { content, dialect: 'json' }));
  for (const warning of reply.warnings) noteLine(warningLine(warning, file));
  const variables = new Map<string, string>(Object.entries(JSON.parse(reply.content)));
  for (const [key, value] of variables) {
    // Checked here, because the error of the system would quote the value.
    if (value.includes('\0')) {
      throw failure('invalidFile', `${file}: the value of ${key} holds a NUL: no variable can`);
    }
  }
  return { variables: Object.fromEntries(variables), resolved: reply.resolved };
};

/**
 * The texts to hide of the secrets that the file used. A line may combine several secrets with other text, so a second
 * request reads each value alone. It asks for the same versions.
 */
const readHidden = async (session: Session, resolved: ReplyOf<'submit-env'>['resolved']) => {
  if (resolved.length === 0) return [];
  const lines = resolved.map(({ name, version }, at) => `K${at}="secret(${name}@${version})"\n`);
  const { content } = await expandFile(session, { content: lines.join(''), dialect: 'json' });
  const values: Readonly<Record<string, string>> = JSON.parse(content);
  return resolved.flatMap(({ name }, at) => {
    const texts = textsToHide([values[`K${at}`] ?? '']);
    if (texts.length === 0) note(`${name} is too short to be redacted`);
    return texts;
  });
};
