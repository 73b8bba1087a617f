/**
 * Decides whether the key in a node's file is the vault's when no check value is remembered
 * (kms/key-proof.ts): from the stored values and from the keys of the other nodes. A key that a
 * majority of the nodes has is the vault's, unless no stored value opens with it.
 */
import { type Candidate, judgeByValues, type StoredKeys, type Verdict } from '../kms/key-proof.ts';
import type { NodeReport } from './report.ts';

type Report = Pick<NodeReport, 'node' | 'keyCheck' | 'masterKey'>;

/** What a node can find out about its key. */
export type Witnesses = {
  readonly node: number;
  /** The number of nodes in the cluster. */
  readonly nodeCount: number;
  /** Reads some stored values that name the key. Rejects if it cannot. */
  readonly storedKeys: () => Promise<StoredKeys>;
  /**
   * The last reports of the other nodes. A node with evidence against its key reports no check
   * value.
   */
  readonly others: () => readonly Report[];
};

/** Judges the key in this node's file. Rejects if the stored values cannot be read. */
export const judgeKey = async (
  file: string,
  candidate: Candidate,
  { node, nodeCount, storedKeys, others }: Witnesses,
): Promise<Verdict> => {
  const byValues: Verdict = candidate.hasOpened
    ? { is: 'proved' }
    : judgeByValues(file, candidate, await storedKeys());
  const isMajority = ({ length }: readonly unknown[]): boolean => length > nodeCount / 2;
  const [same, different] = compareWith(candidate.check, others());
  const majority = different.find(isMajority);
  if (majority !== undefined) {
    const why = `${file} holds another master key than ${listOf(majority)}, under one id: put back a copy of theirs`;
    return { is: 'incorrect', why };
  }
  // The nodes with this node's key that are sure that it is the vault's. They outweigh the values
  // that this node has read, because a node calls no key usable that opens none of them.
  const sure = same.filter(({ masterKey }) => masterKey === 'usable');
  if (sure.length > 0 && isMajority([node, ...sure])) return { is: 'proved' };
  if (byValues.is === 'incorrect') return byValues;
  if (isMajority([node, ...same])) return same.length > 0 ? { is: 'proved' } : byValues;
  const rivals = different.flat();
  if (rivals.length === 0) return byValues;
  const why =
    `${listOf([{ node }, ...same, ...rivals])} hold different master keys under one id, and nothing tells which is ` +
    "the vault's: put back copies of the right one";
  return { is: 'contested', why };
};

/**
 * Separates the reports with this check value from the others, and groups the others by their check
 * value. Reports without a check value are omitted.
 */
const compareWith = (
  check: string,
  reports: readonly Report[],
): readonly [same: readonly Report[], different: readonly (readonly Report[])[]] => {
  const byCheck = new Map<string, Report[]>([[check, []]]);
  for (const one of reports) {
    if (one.keyCheck === null) continue;
    byCheck.set(one.keyCheck, [...(byCheck.get(one.keyCheck) ?? []), one]);
  }
  const [same = [], ...different] = byCheck.values();
  return [same, different];
};

const listOf = (reports: readonly Pick<Report, 'node'>[]): string =>
  reports
    .map(({ node }) => node)
    .sort((a, b) => a - b)
    .map((node) => `node ${node}`)
    .join(' and ');
