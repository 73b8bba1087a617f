/**
 * A stand-in for the runner of GitHub Actions, which runs the script of an action as a process,
 * obeys the commands on its stdout, and reads its files. The rules come from actions/runner
 * (src/Runner.Common/ActionCommand.cs, src/Runner.Worker/ActionCommandManager.cs and
 * FileCommandManager.cs), but no code is copied.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { parse } from 'yaml';
import { freshFolder } from './local-process.ts';

type Command = { readonly name: string; readonly properties: string; readonly data: string };

/** Replaces one kind of escape after the other, `%25` last, as the runner does. */
const unescaped = (text: string): string =>
  text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%');

/**
 * Returns the command that a line of output contains, such as `::add-mask::TEXT`, if it is
 * `add-mask`, `error` or `warning`.
 */
export const commandOf = (line: string): Command | undefined => {
  const [, name, properties = '', data] =
    /^\s*::(add-mask|error|warning)(?: (.*?))?::(.*)$/s.exec(line) ?? [];
  return name === undefined ? undefined : { name, properties, data: unescaped(data ?? '') };
};

/** Splits output into lines as .NET does: at CR LF, CR or LF. */
export const linesOf = (output: string): string[] => output.split(/\r\n|\r|\n/);

/**
 * Returns the texts that the command `add-mask` hides: the text itself, and each of its lines,
 * trimmed.
 */
const hiddenBy = (data: string): string[] => {
  const lines = data.split(/[\r\n]/).map((line) => line.trim());
  return [data, ...lines].filter((text) => text !== '');
};

/** Returns the log that people see. A mask hides only what is printed after it. */
export const logOf = (output: string): string => {
  const hidden = new Set<string>();
  const shown: string[] = [];
  for (const line of linesOf(output)) {
    const command = commandOf(line);
    if (command?.name === 'add-mask') for (const text of hiddenBy(command.data)) hidden.add(text);
    else {
      const longestFirst = [...hidden].sort((a, b) => b.length - a.length);
      shown.push(longestFirst.reduce((text, value) => text.replaceAll(value, '***'), line));
    }
  }
  return shown.join('\n');
};

/** Parses the content of the file `GITHUB_ENV`. Throws if an entry is not terminated. */
export const readEnvironmentFile = (text: string): Map<string, string> => {
  const entries = new Map<string, string>();
  let at = 0;
  const readLine = () => {
    const start = at;
    const end = text.indexOf('\n', at);
    if (end < 0) throw new Error('a line of GITHUB_ENV has no end');
    at = end + 1;
    return { line: text.slice(start, end), end };
  };
  while (at < text.length) {
    const { line } = readLine();
    if (line === '') continue;
    const [, name, sign, rest = ''] = /^(.+?)(=|<<)(.*)$/s.exec(line) ?? [];
    if (name === undefined) throw new Error('a line of GITHUB_ENV is no entry');
    if (sign === '=') entries.set(name, rest);
    else {
      const start = at;
      let end = start;
      for (let next = readLine(); next.line !== rest; next = readLine()) end = next.end;
      entries.set(name, text.slice(start, end));
    }
  }
  return entries;
};

export type TokenEndpoint = {
  readonly env: NodeJS.ProcessEnv;
  /** The audiences for which the job has requested ID tokens so far, in order. */
  readonly asked: readonly string[];
  /**
   * Makes the endpoint answer the next requests with these HTTP statuses, one each, instead of a
   * token.
   */
  readonly failWith: (...statuses: readonly number[]) => void;
  readonly stop: () => Promise<void>;
};

const bearer = 'bearer-of-the-job';

/**
 * Starts a stand-in for the endpoint from which a job gets its ID tokens. `issue` signs the token
 * for an audience.
 */
export const startTokenEndpoint = async (
  issue: (audience: string) => string,
): Promise<TokenEndpoint> => {
  const asked: string[] = [];
  const failures: number[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://127.0.0.1');
    const audience = url.searchParams.get('audience') ?? '';
    const isKnown =
      request.method === 'GET' &&
      request.headers.authorization === `Bearer ${bearer}` &&
      url.searchParams.get('api-version') === '2.0';
    asked.push(audience);
    const status = isKnown ? (failures.shift() ?? 200) : 401;
    response.writeHead(status, { Location: url.href, 'Content-Type': 'application/json' });
    response.end(JSON.stringify(status === 200 ? { count: 1, value: issue(audience) } : {}));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/idtoken?api-version=2.0`;
  return {
    env: { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer },
    asked,
    failWith: (...statuses) => void failures.push(...statuses),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
};

export type Step = {
  readonly code: number | null;
  /** The output of the step, before the runner hides anything. */
  readonly stdout: string;
  readonly stderr: string;
  readonly commands: readonly Command[];
  /** The environment variables that the step sets for later steps. */
  readonly exported: ReadonlyMap<string, string>;
  readonly outputs: ReadonlyMap<string, string>;
  readonly workspace: string;
};

type StepRun = {
  readonly with: Readonly<Record<string, string>>;
  /** Files to put into the workspace, by name. */
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: NodeJS.ProcessEnv;
  /** Cancels the job once the step has printed this text. */
  readonly cancelAt?: string | undefined;
};

/** Runs the action in this folder as one step, in a new workspace. */
export const runStep = async (
  action: string,
  { files = {}, env = {}, ...given }: StepRun,
): Promise<Step> => {
  const { inputs, runs } = parse(readFileSync(join(action, 'action.yml'), 'utf8'));
  const workspace = freshFolder();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(workspace, name), text);
  const environmentFile = join(freshFolder(), 'set_env');
  const outputFile = join(freshFolder(), 'set_output');
  for (const file of [environmentFile, outputFile]) writeFileSync(file, '');
  const passed = Object.entries(inputs as Record<string, { readonly default?: string }>).map(
    ([name, { default: preset = '' }]) => [
      `INPUT_${name.toUpperCase()}`,
      given.with[name] ?? preset,
    ],
  );
  const unknown = Object.keys(given.with).filter((name) => !(name in inputs));
  if (unknown.length > 0) throw new Error(`the action has no input ${unknown}`);
  const child = spawn(process.execPath, [join(action, runs.main)], {
    cwd: workspace,
    env: {
      PATH: process.env['PATH'],
      GITHUB_ENV: environmentFile,
      GITHUB_OUTPUT: outputFile,
      ACTIONS_RUNTIME_TOKEN: 'token-of-the-runner',
      ...Object.fromEntries(passed),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [output, errors]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk) => {
    output.push(chunk);
    if (given.cancelAt !== undefined && chunk.includes(given.cancelAt)) child.kill('SIGINT');
  });
  child.stderr.on('data', (chunk) => errors.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  const stdout = Buffer.concat(output).toString();
  return {
    code,
    stdout,
    stderr: Buffer.concat(errors).toString(),
    commands: linesOf(stdout).flatMap((line) => commandOf(line) ?? []),
    exported: readEnvironmentFile(readFileSync(environmentFile, 'utf8')),
    outputs: readEnvironmentFile(readFileSync(outputFile, 'utf8')),
    workspace,
  };
};
