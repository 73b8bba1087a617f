import { describe, expect, it } from '@jest/globals';
import { compareWitness, listWitnessed, type Witness } from '../../../cli/files/witness-file.ts';
import type { Session } from '../../../cli/requests/vault-client.ts';
import { type Failure, refusal, sentenceOf } from '../../../system/failures.ts';

type Entry = {
  readonly version: number;
  readonly anchor?: string | undefined;
  readonly state: 'stored' | 'deleted' | 'destroyed';
};
type Shown = {
  readonly names?: readonly string[];
  readonly tenant?: string;
  /** What the lists show, by name. */
  readonly listed?: Readonly<Record<string, Entry>>;
  /** The versions of the secrets, newest first, or the code of the refusal to show them. */
  readonly histories?: Readonly<Record<string, readonly Entry[] | string>>;
  /** The code of the refusal to list secrets. */
  readonly listFailure?: string;
};

const entry = (version: number, anchor?: string, state: Entry['state'] = 'stored'): Entry => ({
  ...{ version, anchor, state },
});
const [one, two, other] = ['aaaaaaaa', 'bbbbbbbb', 'cccccccc'];

/** A session with a vault that shows this, and the names whose versions it was asked for. */
const vaultThatShows = ({ names = ['*'], tenant = 'acme', ...shown }: Shown) => {
  const asked: string[] = [];
  const client = async (
    operation: string,
    { name = '', query }: { name?: string; query?: { state: string } } = {},
  ) => {
    if (operation === 'whoami') return { tenant, names };
    if (operation === 'list-secrets' && shown.listFailure !== undefined) {
      throw refusal({ code: shown.listFailure, detail: 'no list' });
    }
    if (operation === 'list-secrets') {
      const secrets = Object.entries(shown.listed ?? {})
        .filter(([, { state }]) => state === query?.state)
        .map(([secret, details]) => ({ name: secret, ...details }));
      return { secrets, nextCursor: null };
    }
    asked.push(name);
    const versions = shown.histories?.[name];
    if (versions === undefined || typeof versions === 'string') {
      throw refusal({ code: versions ?? 'not_found', detail: 'no versions' });
    }
    return { name, versions, nextCursor: null };
  };
  return { asked, session: { client, settings: {} } as unknown as Session };
};

const witnessOf = (version: number, anchor: string, state: 'stored' | 'deleted'): Witness => ({
  ...{ tenant: 'acme', names: ['A*'], time: '2026-11-24T14:31:20.004Z' },
  secrets: [{ name: 'A', version, anchor, state }],
});
const second = witnessOf(2, two, 'stored');

describe('a witnessed version', () => {
  it('goes on without a look at its history if the list shows the same version', async () => {
    const { session, asked } = vaultThatShows({ listed: { A: entry(2, two) } });
    const same = { name: 'A', witnessed: 2, current: 2, state: 'goes_on' };
    expect([await compareWitness(session, second), asked]).toEqual([[same], []]);
  });

  it.each<[string, Shown['listed'], readonly Entry[] | undefined, Witness, string]>([
    [
      'goes on after an update',
      { A: entry(3, other) },
      [entry(3, other), entry(2, two)],
      second,
      'goes_on',
    ],
    ['goes on if the list lags and lacks its name', {}, [entry(2, two)], second, 'goes_on'],
    [
      'goes on if the list lags and shows an older version',
      { A: entry(1, one) },
      [entry(2, two), entry(1, one)],
      second,
      'goes_on',
    ],
    [
      'goes on after its value was destroyed',
      {},
      [entry(3, other), entry(2, two, 'destroyed')],
      second,
      'goes_on',
    ],
    [
      'is deleted, but not gone, after a deletion',
      { A: entry(3, other, 'deleted') },
      [entry(3, other, 'deleted'), entry(2, two)],
      second,
      'deleted',
    ],
    [
      'goes on if a deletion was followed by a new value',
      {},
      [entry(3, other), entry(2, two, 'deleted')],
      witnessOf(2, two, 'deleted'),
      'goes_on',
    ],
    [
      'went back if the newest version is older',
      { A: entry(1, one) },
      [entry(1, one)],
      second,
      'went_back',
    ],
    [
      'went back if its deletion was undone',
      { A: entry(1, one) },
      [entry(1, one)],
      witnessOf(2, two, 'deleted'),
      'went_back',
    ],
    [
      'has another history if another write now has its number',
      { A: entry(2, other) },
      [entry(2, other), entry(1, one)],
      second,
      'another_history',
    ],
    [
      'has another history if the vault leaves its version out',
      {},
      [entry(3, other), entry(1, one)],
      second,
      'another_history',
    ],
    [
      'has another history if the same write was a deletion and now is a value',
      { A: entry(2, two) },
      [entry(2, two)],
      witnessOf(2, two, 'deleted'),
      'another_history',
    ],
    [
      'was removed without a deletion if there is no such secret',
      {},
      undefined,
      second,
      'removed_without_a_deletion',
    ],
    [
      'was removed without a deletion if the same write is a deletion now',
      { A: entry(2, two, 'deleted') },
      [entry(2, two, 'deleted')],
      second,
      'removed_without_a_deletion',
    ],
  ])('%s', async (_, listed = {}, versions, witness, state) => {
    const histories = versions && { A: versions };
    const { session, asked } = vaultThatShows({ listed, ...(histories && { histories }) });
    const current = versions?.[0]?.version ?? null;
    const [{ version: witnessed } = { version: 0 }] = witness.secrets;
    expect(await compareWitness(session, witness)).toEqual([
      { name: 'A', witnessed, current, state },
    ]);
    expect(asked).toEqual(['A']);
  });

  it('is the deletion if the secret was deleted between the reads of the two lists, so that both show it', async () => {
    const { session } = vaultThatShows({});
    const client = async (operation: string, { query = { state: '' } } = {}) => {
      const listed = query.state === 'stored' ? entry(1, one) : entry(2, two, 'deleted');
      return operation === 'whoami'
        ? { tenant: 'acme', names: ['*'] }
        : { secrets: [{ name: 'A', ...listed }], nextCursor: null };
    };
    const { secrets } = await listWitnessed({ ...session, client } as unknown as Session);
    expect(secrets).toEqual([{ name: 'A', state: 'deleted', version: 2, anchor: two }]);
  });
});

describe('a check of a witness file', () => {
  const both: Witness = {
    ...second,
    secrets: [...second.secrets, { name: 'A2', state: 'deleted', version: 2, anchor: two }],
  };
  const told: string[] = [];
  const tell = ({ report }: Failure) => void told.push(report.code);

  it('asks for each secret by itself if the vault cannot list its secrets, and says which is damaged', async () => {
    const histories = { A: 'integrity_failure', A2: [entry(2, two, 'deleted')] };
    const { session } = vaultThatShows({ listFailure: 'integrity_failure', histories });
    expect(await compareWitness(session, both, tell)).toEqual([
      { name: 'A', witnessed: 2, current: null, state: 'damaged' },
      { name: 'A2', witnessed: 2, current: 2, state: 'deleted' },
    ]);
    expect(told).toEqual(['integrity_failure']);
  });

  it('says that a secret is deleted if its deletion is witnessed and listed', async () => {
    const listed = { A: entry(2, two), A2: entry(2, two, 'deleted') };
    const { session, asked } = vaultThatShows({ listed });
    const found = await compareWitness(session, both);
    expect(found.map(({ state }) => state)).toEqual(['goes_on', 'deleted']);
    expect(asked).toEqual([]);
  });

  it.each([
    ['the list of secrets', { listFailure: 'forbidden' }, 5],
    ['the list of secrets', { listFailure: 'store_unavailable' }, 7],
    ['the versions of a secret', { histories: { A: 'store_unavailable' } }, 7],
  ])(
    'fails if %s cannot be read for another reason than damage: %j',
    async (_, shown, exitCode) => {
      const { session } = vaultThatShows(shown);
      await expect(compareWitness(session, second)).rejects.toMatchObject({ exitCode });
    },
  );

  it.each<[string, Shown, RegExp]>([
    ['the token is of another tenant', { tenant: 'other' }, /^the file is of tenant acme, and/],
    [
      'the token sees fewer names',
      { names: ['AB*', 'A'] },
      /^the token sees fewer names .*not A\*$/,
    ],
    ['the list has no anchors', { listed: { A: entry(2) } }, /no anchors: releases before 2\.1\.0/],
    ['the list has other text in place of anchors', { listed: { A: entry(2, 'x') } }, /no anchors/],
    [
      'the history has no anchors',
      { histories: { A: [entry(2)] } },
      /no anchors: releases before 2\.0\.0/,
    ],
  ])('fails with exit code 1 if %s', async (_, shown, sentence) => {
    const { session } = vaultThatShows(shown);
    const error = await compareWitness(session, second).catch((thrown: unknown) => thrown);
    expect([sentenceOf(error), error]).toEqual([
      expect.stringMatching(sentence),
      expect.objectContaining({ exitCode: 1 }),
    ]);
  });

  it('accepts a token that sees more names than the token that wrote the file', async () => {
    const { session } = vaultThatShows({ names: ['B', '*'], listed: { A: entry(2, two) } });
    expect(await compareWitness(session, second)).toMatchObject([{ state: 'goes_on' }]);
  });
});
