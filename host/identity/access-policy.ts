/**
 * The access policy of `npm start` or a node: the file of `AUTH_POLICY_FILE`, which is read again
 * while the program runs. A change takes effect completely or not at all.
 */
import { readFileSync } from 'node:fs';
import {
  type LocalKeys,
  parsePolicy,
  type ReadPolicy,
} from '../../functions/access/policy-file.ts';
import { localIssuer } from '../../functions/access/policy-types.ts';
import type { Identity } from '../../functions/http/identity.ts';
import { localKeys } from '../../functions/http/key-sets.ts';
import type { Log } from '../../functions/runtime/request-journal.ts';
import { codeOf, isFailure, misconfigured, sentenceOf } from '../../system/failures.ts';
import { logPolicy } from '../process/host-log.ts';

/** The variable that names the policy file. */
export const policyVariable = 'AUTH_POLICY_FILE';

/**
 * A change takes effect after two checks saw the same text, because an editor may still be writing
 * during the first.
 */
const lookEveryMs = 2_000;

/** What a check of the file found: its text, or the error and its code. */
type FileText = { readonly text: string; readonly error?: unknown };

const look = (file: string): FileText => {
  try {
    return { text: readFileSync(file, 'utf8') };
  } catch (error) {
    return { text: codeOf(error) ?? sentenceOf(error), error };
  }
};

/**
 * Reads a policy file and checks its inline keys. Throws a failure that names the file and its
 * mistakes.
 */
export const readPolicyFile = (file: string, local?: LocalKeys): ReadPolicy =>
  policyIn(file, look(file), local);

const policyIn = (file: string, { text, error }: FileText, local?: LocalKeys): ReadPolicy => {
  if (error !== undefined)
    throw misconfigured(`the access policy ${file} cannot be read (${text})`, error);
  try {
    const read = parsePolicy(text, local);
    for (const issuer of read.policy.issuers) {
      if ('jwks' in issuer) localKeys(JSON.stringify(issuer.jwks));
    }
    return read;
  } catch (fault) {
    const lines = sentenceOf(fault).split('\n');
    throw misconfigured(lines.map((line) => `${file}: ${line}`).join('\n'), fault);
  }
};

/** Adds to a failure of the start which variable names the file. */
const named = <Result>(read: () => Result): Result => {
  try {
    return read();
  } catch (error) {
    if (!isFailure(error)) throw error;
    const where = `${policyVariable} names this file: correct the variable or the file`;
    throw misconfigured(`${sentenceOf(error)}; ${where}`, error);
  }
};

export type FollowedPolicy = {
  /** Whether the tokens of `npm run token` are accepted. */
  readonly takesLocalTokens: boolean;
  readonly close: () => void;
};

export type PolicyUsers = {
  readonly identity: Identity;
  readonly log: Log;
  /** Receives a line for each warning about the file. */
  readonly report: (line: string) => void;
};

/**
 * Uses the policy in the file, and follows its changes. `jwks` is the key set of `npm run token`.
 * Throws a failure if the file has no valid policy at the start. If it becomes invalid later, the
 * old policy stays in use, and the log and the status say why.
 */
export const followPolicyFile = (
  file: string,
  jwks: string,
  { identity, log, report }: PolicyUsers,
): FollowedPolicy => {
  const local: LocalKeys = JSON.parse(jwks);
  const use = (seen: FileText): ReadPolicy => {
    const read = policyIn(file, seen, local);
    for (const warning of read.warnings) report(`${file}: ${warning}`);
    identity.use(read.policy, 'file');
    logPolicy(log, identity.state());
    return read;
  };
  let used = look(file);
  let last = used;
  const { policy } = named(() => use(used));
  const lookAgain = (): void => {
    const before = last;
    last = look(file);
    if (last.text === used.text || last.text !== before.text) return;
    // Uses the text that this check has read, because reading the file once more could return
    // something else.
    used = last;
    try {
      use(used);
    } catch (error) {
      identity.refuse(sentenceOf(error));
      logPolicy(log, identity.state());
    }
  };
  const timer = setInterval(lookAgain, lookEveryMs).unref();
  return {
    takesLocalTokens: policy.issuers.some(({ issuer }) => issuer === localIssuer),
    close: () => clearInterval(timer),
  };
};
