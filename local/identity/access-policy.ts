/**
 * The access policy of `npm start` or a node: the file of `AUTH_POLICY_FILE`, which is read again while the program runs.
 * A change is in force whole or not at all.
 */
import { readFileSync } from 'node:fs';
import { localIssuer } from '../../functions/access/policy.ts';
import {
  type LocalKeys,
  parsePolicy,
  type ReadPolicy,
} from '../../functions/access/policy-file.ts';
import { localKeys } from '../../functions/http/key-sets.ts';
import { refusePolicy, usePolicy } from '../../functions/runtime/identity.ts';
import { codeOf, failure, sentenceOf } from '../../system/failures.ts';

/** A change is used after two looks that saw the same text, because an editor may still be writing at the first. */
const lookEveryMs = 2_000;

/** The text of the file at one look, else the code of the error, and the error. */
type FileText = { readonly text: string; readonly error?: unknown };

const look = (file: string): FileText => {
  try {
    return { text: readFileSync(file, 'utf8') };
  } catch (error) {
    return { text: codeOf(error) ?? sentenceOf(error), error };
  }
};

/** Reads a policy file, and checks its inline keys. Throws a failure that names the file and its faults. */
export const readPolicyFile = (file: string, local?: LocalKeys): ReadPolicy =>
  policyIn(file, look(file), local);

const policyIn = (file: string, { text, error }: FileText, local?: LocalKeys): ReadPolicy => {
  if (error !== undefined) throw failure(`${file} cannot be read (${text})`, { cause: error });
  try {
    const read = parsePolicy(text, local);
    for (const issuer of read.policy.issuers) {
      if ('jwks' in issuer) localKeys(JSON.stringify(issuer.jwks));
    }
    return read;
  } catch (fault) {
    const lines = sentenceOf(fault).split('\n');
    throw failure(lines.map((line) => `${file}: ${line}`).join('\n'), { cause: fault });
  }
};

export type FollowedPolicy = {
  /** Whether the tokens of `npm run token` are accepted. */
  readonly takesLocalTokens: boolean;
  readonly close: () => void;
};

/**
 * Decides by the policy of the file from now on, and by its changes. `jwks` is the key set of `npm run token`. Throws a
 * failure if the file has no valid policy now. If a later one has none, the old policy stays, and log and status say
 * why.
 */
export const followPolicyFile = (
  file: string,
  jwks: string,
  report: (line: string) => void,
): FollowedPolicy => {
  const local: LocalKeys = JSON.parse(jwks);
  const use = (seen: FileText): ReadPolicy => {
    const read = policyIn(file, seen, local);
    for (const warning of read.warnings) report(`${file}: ${warning}`);
    usePolicy(read.policy);
    return read;
  };
  let used = look(file);
  let last = used;
  const { policy } = use(used);
  const lookAgain = (): void => {
    const before = last;
    last = look(file);
    if (last.text === used.text || last.text !== before.text) return;
    // A third look could see something else.
    used = last;
    try {
      use(used);
    } catch (error) {
      refusePolicy(sentenceOf(error));
    }
  };
  const timer = setInterval(lookAgain, lookEveryMs).unref();
  return {
    takesLocalTokens: policy.issuers.some(({ issuer }) => issuer === localIssuer),
    close: () => clearInterval(timer),
  };
};
