/** Short ways to plan and render a `.env` file. */

import { type EnvFile, type Plan, planFile } from '../../functions/env/plan.ts';
import { writtenAs } from '../../functions/env/references.ts';
import { type RenderedFile, renderFile } from '../../functions/env/render.ts';
import { ApiError, type ErrorProperties } from '../../functions/model/errors.ts';

export type Options = {
  readonly mode?: EnvFile['mode'];
  readonly dialect?: EnvFile['dialect'];
  readonly values?: Readonly<Record<string, string>>;
  readonly ifVersions?: Readonly<Record<string, number>>;
  readonly secrets?: Readonly<Record<string, string | Uint8Array>>;
  readonly reply?: 'json' | 'text';
  readonly pinTo?: Readonly<Record<string, number>>;
};

export const plan = (content: string, options: Options = {}): Plan =>
  planFile({
    content,
    mode: options.mode ?? 'submit',
    dialect: options.dialect ?? 'shell',
    values: new Map(Object.entries(options.values ?? {})),
    ifVersions: options.ifVersions && new Map(Object.entries(options.ifVersions)),
  });

/** Returns the references that a file reads, as written. */
export const readBy = (content: string, options: Options = {}): string[] =>
  plan(content, options).read.map(writtenAs);

const utf8 = new TextEncoder();

export const render = (content: string, options: Options = {}): RenderedFile => {
  const resolved = Object.entries(options.secrets ?? {}).map(
    ([name, value]) => [name, typeof value === 'string' ? utf8.encode(value) : value] as const,
  );
  const pinTo = Object.entries(options.pinTo ?? {}).map(
    ([name, version]) => [name, { version }] as const,
  );
  return renderFile(
    plan(content, options),
    new Map(resolved),
    options.reply ?? 'json',
    options.pinTo && new Map(pinTo),
  );
};

export const contentOf = (content: string, options: Options = {}): string =>
  render(content, options).content;

/** Returns the result of `work`, or `undefined` if it refuses the file. */
export const unlessRefused = <Result>(work: () => Result): Result | undefined => {
  try {
    return work();
  } catch (error) {
    if (error instanceof ApiError && error.code === 'invalid_env') return undefined;
    throw error;
  }
};

/** Returns the code and properties of the error that `work` throws. */
export const refusal = (work: () => unknown): { code: string } & ErrorProperties => {
  try {
    work();
  } catch (error) {
    if (error instanceof ApiError) return { code: error.code, ...error.properties };
    throw error;
  }
  return { code: 'nothing was thrown' };
};

/**
 * Returns the errors of an `invalid_env` as `line:column code`, or the code of any other refusal.
 */
export const faultsOf = (work: () => unknown): string[] => {
  const { code, errors = [] } = refusal(work);
  if (code !== 'invalid_env') return [code];
  return errors.map((error) => `${error.line}:${error.column} ${error.code}`);
};
