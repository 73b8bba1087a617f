/** Short ways to run a `.env` file through plan and rendering. */
import { type EnvFile, type Plan, planFile } from '../../functions/env/references.ts';
import { renderFile } from '../../functions/env/render.ts';
import { type ErrorMembers, VaultError } from '../../functions/model/errors.ts';

export type Options = {
  readonly mode?: EnvFile['mode'];
  readonly dialect?: EnvFile['dialect'];
  readonly values?: Readonly<Record<string, string>>;
  readonly secrets?: Readonly<Record<string, string | Uint8Array>>;
  readonly reply?: 'json' | 'text';
};

export const plan = (content: string, options: Options = {}): Plan =>
  planFile({
    content,
    mode: options.mode ?? 'submit',
    dialect: options.dialect ?? 'shell',
    values: new Map(Object.entries(options.values ?? {})),
  });

const utf8 = new TextEncoder();

export const render = (content: string, options: Options = {}) => {
  const resolved = Object.entries(options.secrets ?? {}).map(
    ([name, value]) => [name, typeof value === 'string' ? utf8.encode(value) : value] as const,
  );
  return renderFile(plan(content, options), new Map(resolved), options.reply ?? 'json');
};

export const contentOf = (content: string, options: Options = {}): string =>
  render(content, options).content;

/** What `work` throws: its code and members. */
export const refusal = (work: () => unknown): { code: string } & ErrorMembers => {
  try {
    work();
  } catch (error) {
    if (error instanceof VaultError) return { code: error.code, ...error.members };
    throw error;
  }
  return { code: 'nothing was thrown' };
};

/** The errors of an `invalid_env` as `line:column code`, or the code of another refusal. */
export const faultsOf = (work: () => unknown): string[] => {
  const { code, errors = [] } = refusal(work);
  if (code !== 'invalid_env') return [code];
  return errors.map((error) => `${error.line}:${error.column} ${error.code}`);
};
