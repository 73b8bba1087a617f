/**
 * The file of `dsvault witness`: the current version of each secret at one time. Kept where the
 * vault cannot change it, the file shows later which secrets no longer have that version.
 */
import * as v from 'valibot';
import type { SecretDetails } from '../../client/types.ts';
import {
  formatInstant,
  isNamePattern,
  isNameVisible,
  isSecretName,
  isTenant,
  isVersionTag,
  parseInstant,
} from '../../functions/model/types.ts';
import { exitCodes, type Failure, failure, isFailure } from '../../system/failures.ts';
import { readDetails } from '../requests/secret-lists.ts';
import type { Session } from '../requests/vault-client.ts';
import { readText } from '../values/read-value.ts';
import { readFacts, requireAnchor, type SecretFacts } from './version-facts.ts';

const witnessed = v.pipe(
  v.object({
    name: v.pipe(v.string(), v.check(isSecretName)),
    state: v.picklist(['stored', 'deleted']),
    version: v.number(),
    anchor: v.string(),
  }),
  v.check(({ version, anchor }) => isVersionTag(`${version}.${anchor}`)),
);
/** The current version of a secret, which may be its deletion. */
type Witnessed = v.InferOutput<typeof witnessed>;

const witness = v.object({
  tenant: v.pipe(v.string(), v.check(isTenant)),
  /** The patterns of the names that the token could see. */
  names: v.array(v.pipe(v.string(), v.check(isNamePattern))),
  /** When the list was begun, by the clock of the machine that wrote the file. */
  time: v.pipe(
    v.string(),
    v.check((text) => parseInstant(text) !== undefined),
  ),
  secrets: v.array(witnessed),
});
export type Witness = v.InferOutput<typeof witness>;

export const readWitnessFile = async (file: string): Promise<Witness> => {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), witness), await readText(file));
  if (parsed.success) return parsed.output;
  const [{ path = [] }] = parsed.issues;
  const field = path.map(({ key }) => String(key)).join('.') || 'its JSON';
  throw failure(`the file ${file} is not one of dsvault witness: ${field} is missing or malformed`);
};

/** Reads a list. With `onFailure`, returns `undefined` if the vault cannot make it. */
const readList = async (
  session: Session,
  state: 'stored' | 'deleted',
  onFailure: ((error: Failure) => void) | undefined,
): Promise<readonly SecretDetails[] | undefined> => {
  try {
    return await readDetails(session, { state });
  } catch (error) {
    // Any other failure, such as a missing scope, would also affect requests for single secrets.
    if (!onFailure || !isFailure(error) || error.exitCode !== exitCodes.other) throw error;
    onFailure(error);
    return undefined;
  }
};

/**
 * Lists what the vault shows now. Throws if the token is of another tenant than the witness
 * `before`, or cannot see all the names that the token of `before` could see.
 */
export const listWitnessed = async (
  session: Session,
  before?: Witness,
  onFailure?: (error: Failure) => void,
): Promise<Witness> => {
  const { tenant, names } = await session.client('whoami');
  if (before !== undefined && before.tenant !== tenant) {
    throw failure(`the file is of tenant ${before.tenant}, and the token is of ${tenant}`);
  }
  const hidden = before?.names.filter((pattern) => !isNameVisible(names, pattern)) ?? [];
  if (hidden.length > 0) {
    throw failure(`the token sees fewer names than that of the file: not ${hidden.join(', ')}`);
  }
  const time = formatInstant(Date.now());
  const secrets = new Map<string, Witnessed>();
  // The vault lists the stored secrets and the deleted ones by separate requests. The deleted ones
  // are requested last: a secret that is deleted in between is then in both replies, and its
  // deletion, which is newer, replaces its stored version here.
  for (const state of ['stored', 'deleted'] as const) {
    const list = await readList(session, state, onFailure);
    if (list === undefined) break;
    for (const details of list) {
      const { name, version } = details;
      secrets.set(name, { name, state, version, anchor: requireAnchor(details, '2.1.0') });
    }
  }
  return { tenant, names, time, secrets: [...secrets.values()] };
};

type Comparison = {
  readonly name: string;
  readonly witnessed: number;
  /** The current version; `null` if there is no such secret, or if it is damaged. */
  readonly current: number | null;
  /** Only `goes_on` and `deleted` mean that the vault still has the witnessed version. */
  readonly state:
    | ('goes_on' | 'deleted')
    | ('went_back' | 'another_history' | 'removed_without_a_deletion' | 'damaged');
};

/**
 * Compares each witnessed version with the vault. If the vault cannot list its secrets, calls
 * `onFailure` and asks for each secret by itself.
 */
export const compareWitness = async (
  session: Session,
  before: Witness,
  onFailure: (error: Failure) => void = () => undefined,
): Promise<readonly Comparison[]> => {
  const { secrets } = await listWitnessed(session, before, onFailure);
  const listed = new Map(secrets.map((one) => [one.name, one]));
  const isListed = (one: Witnessed): boolean => {
    const { state, version, anchor } = listed.get(one.name) ?? {};
    return state === one.state && version === one.version && anchor === one.anchor;
  };
  // The vault's lists may lag behind writes, so where they differ from the witness, the history of
  // the secret decides.
  const damaged = new Set<string>();
  const facts = await readFacts(
    session,
    before.secrets.filter((one) => !isListed(one)),
    (name) => damaged.add(name),
  );
  return before.secrets.map((one) => {
    const { name, version: witnessed } = one;
    const going = one.state === 'deleted' ? 'deleted' : 'goes_on';
    if (isListed(one)) return { name, witnessed, current: witnessed, state: going };
    if (damaged.has(name)) return { name, witnessed, current: null, state: 'damaged' };
    const found = facts.get(name);
    return { name, witnessed, current: found?.newest.version ?? null, state: stateOf(one, found) };
  });
};

const stateOf = (one: Witnessed, facts: SecretFacts | undefined): Comparison['state'] => {
  if (facts === undefined) return 'removed_without_a_deletion';
  if (facts.newest.version < one.version) return 'went_back';
  const now = facts.pinned.get(one.version);
  if (now === undefined || requireAnchor(now, '2.0.0') !== one.anchor) return 'another_history';
  if ((now.state === 'deleted') === (one.state === 'deleted')) {
    return facts.newest.state === 'deleted' ? 'deleted' : 'goes_on';
  }
  // The version has its old anchor, but is a deletion now and was not one before, or the other way
  // round. No request does this, only somebody who writes to the store itself.
  return now.state === 'deleted' ? 'removed_without_a_deletion' : 'another_history';
};
