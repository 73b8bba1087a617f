/**
 * The access policy of a local host or node: the file of `AUTH_POLICY_FILE`, which is read again while the host runs. A
 * change is used whole or not at all.
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

/** Reads a policy file, and checks its inline keys. Throws a failure that names the file and its faults. */
export const readPolicyFile = (file: string, local?: LocalKeys): ReadPolicy => {
  try {
    const read = parsePolicy(readFileSync(file, 'utf8'), local);
    for (const issuer of read.policy.issuers) {
      if ('jwks' in issuer) localKeys(JSON.stringify(issuer.jwks));
    }
    return read;
  } catch (error) {
    throw failure(faultOf(file, error), { cause: error });
  }
};

const faultOf = (file: string, error: unknown): string => {
  const code = codeOf(error);
  if (code !== undefined) return `${file} cannot be read (${code})`;
  return sentenceOf(error)
    .split('\n')
    .map((line) => `${file}: ${line}`)
    .join('\n');
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
  const use = (): ReadPolicy => {
    const read = readPolicyFile(file, local);
    for (const warning of read.warnings) report(`${file}: ${warning}`);
    usePolicy(read.policy);
    return read;
  };
  // Read before the policy, so that a change in between is seen as one.
  let used = textOf(file);
  let last = used;
  const { policy } = use();
  const look = (): void => {
    const before = last;
    last = textOf(file);
    if (last === used || last !== before) return;
    used = last;
    try {
      use();
    } catch (error) {
      refusePolicy(sentenceOf(error));
    }
  };
  const timer = setInterval(look, lookEveryMs).unref();
  return {
    takesLocalTokens: policy.issuers.some(({ issuer }) => issuer === localIssuer),
    close: () => clearInterval(timer),
  };
};

/** The text of the file, or the code of the error, so that a lost file is a change too. */
const textOf = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    return codeOf(error) ?? sentenceOf(error);
  }
};
