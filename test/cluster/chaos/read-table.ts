/**
 * `read-table.ts NODE_FOLDER read|checked` reads all items of a running node's table, as the
 * commands of an operator do, and prints one digest of them. With `checked`, it also checks every
 * invariant of docs/design/storage.md. It prints no item.
 */
import { createHash } from 'node:crypto';
import { jsonOf } from '../../../functions/store/item-json.ts';
import { connectToNode } from '../../../host/vaults/connect.ts';
import { violationsOf } from '../../support/violations.ts';

export type Verified = {
  readonly items: number;
  /** A digest of all items. It does not depend on how the store orders or encodes them. */
  readonly digest: string;
  /** Items that break an invariant of docs/design/storage.md. */
  readonly violations: readonly { readonly pk: string; readonly problem: string }[];
};

const [folder = '', how] = process.argv.slice(2);
const vault = await connectToNode(folder);

const lines: string[] = [];
for await (const page of vault.table.pages()) {
  lines.push(...page.map(jsonOf));
}
const digest = createHash('sha256').update(lines.sort().join('\n')).digest('hex');
const violations = how === 'checked' ? await violationsOf(vault) : [];
const verified: Verified = { items: lines.length, digest, violations };
process.stdout.write(JSON.stringify(verified));
await vault.close();
