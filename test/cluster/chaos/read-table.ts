/**
 * `read-table.ts NODE_FOLDER read|checked`: all items of a node's table, read through its front, as one
 * digest; `checked`, they are also held to every invariant of docs/design/storage.md. Shows no item.
 */
import { createHash } from 'node:crypto';
import { connectToNode } from '../../../local/vaults/connect.ts';
import { violationsOf } from '../../support/violations.ts';

export type Verified = {
  readonly items: number;
  /** The digest of all items, in an order and a form that do not depend on the store. */
  readonly digest: string;
  /** Items that break an invariant of docs/design/storage.md. */
  readonly violations: readonly { readonly pk: string; readonly problem: string }[];
};

/** Members in the order of their names, bytes as base64. */
const canonical = (_name: string, value: unknown): unknown => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
};

const [folder = '', how] = process.argv.slice(2);
const vault = connectToNode(folder);

const lines: string[] = [];
for await (const page of vault.table.pages()) {
  lines.push(...page.map((item) => JSON.stringify(item, canonical)));
}
const digest = createHash('sha256').update(lines.sort().join('\n')).digest('hex');
const violations = how === 'checked' ? await violationsOf(vault) : [];
const verified: Verified = { items: lines.length, digest, violations };
process.stdout.write(JSON.stringify(verified));
await vault.close();
