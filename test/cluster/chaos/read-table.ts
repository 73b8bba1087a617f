/**
 * `read-table.ts NODE_FOLDER read|checked`: all items of a node's table, read through its front, as one
 * digest; `checked`, they are also held to every invariant of docs/design/storage.md. Shows no item.
 */
import { createHash } from 'node:crypto';
import { jsonOf } from '../../../functions/store/item-json.ts';
import { connectToNode } from '../../../local/vaults/connect.ts';
import { violationsOf } from '../../support/violations.ts';

export type Verified = {
  readonly items: number;
  /** The digest of all items, in an order and a form that do not depend on the store. */
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
