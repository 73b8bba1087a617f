/** Derives the states of a file's names from the vault's answers. */

import type { ReplyOf } from '../../../../client/types.ts';
import { errorsAt } from '../../../../functions/env/faults.ts';
import type { Plan } from '../../../../functions/env/plan.ts';
import { writtenAs } from '../../../../functions/env/references.ts';
import type { Report } from '../../../../system/problem-report.ts';

/**
 * What is known about a name in the vault, as text such as `exists`. `isWanted` says whether the
 * file can be used with a name in this state.
 */
type NameState = { readonly text: string; readonly isWanted: boolean };

/** The states by reference as it is written, such as `secret(NAME@3)`. */
export type NameStates = ReadonlyMap<string, NameState>;

type Answer = Pick<ReplyOf<'submit-env'>, 'created' | 'resolved'>;

/**
 * Returns the states that follow from an answer. Encryption does not look up `secret()`, so those
 * references get no state.
 */
export const statesOfAnswer = (plan: Plan, answer: Answer, isDryRun: boolean): NameStates => {
  const states = new Map<string, NameState>();
  const references = [...plan.references.secret.keys()];
  for (const [index, { version }] of answer.resolved.entries()) {
    states.set(`secret(${references[index]})`, wanted(`exists, version ${version}`));
  }
  for (const { name, version } of answer.created) {
    const text = isDryRun ? `would become version ${version}` : `stored as version ${version}`;
    states.set(`enc(${writtenAs(plan.references.enc.get(name) ?? { name })})`, wanted(text));
  }
  return states;
};

const unwanted: Readonly<Record<string, string>> = {
  not_found: 'missing',
  pin_mismatch: 'of another history',
  version_destroyed: 'destroyed',
  secret_exists: 'exists already',
};

/**
 * Returns the states that follow from a refusal. The vault looks for faults in this order: new
 * names that exist already, missing names, pins of another history, destroyed versions. It refuses
 * the file for the first kind of fault that it finds, and lists every name with that fault. So a
 * name that is not listed has neither that fault nor one of an earlier kind.
 */
export const statesOfRefusal = (
  { content, references }: Plan,
  { errors = [] }: Pick<Report, 'errors'>,
): NameStates => {
  const states = new Map<string, NameState>();
  const reported = new Map(errors.map(({ line, column, code }) => [`${line}:${column}`, code]));
  const codes = new Set(reported.values());
  const has = (...some: readonly string[]) => some.some((code) => codes.has(code));
  const tell = (reference: string, offset: number, otherwise: string | undefined): void => {
    const position = errorsAt(content, [{ offset, code: 'not_found' }])[0];
    const code = reported.get(`${position?.line}:${position?.column}`) ?? '';
    const text = unwanted[code];
    if (text !== undefined) states.set(reference, { text, isWanted: false });
    else if (otherwise !== undefined) states.set(reference, wanted(otherwise));
  };
  const exists = has('not_found', 'pin_mismatch', 'version_destroyed') ? 'exists' : undefined;
  const isNew = has('secret_exists') || exists ? 'new' : undefined;
  for (const first of references.enc.values()) {
    tell(`enc(${writtenAs(first)})`, first.offset, first.isNext ? exists : isNew);
  }
  for (const [written, { offset }] of references.secret) {
    tell(`secret(${written})`, offset, exists);
  }
  return states;
};

const wanted = (text: string): NameState => ({ text, isWanted: true });
