/** The result of `read-table.ts`, which runs at the node, where its front can be reached. */
import { execFile } from 'node:child_process';

export type Verified = {
  readonly items: number;
  /** The digest of all items, in an order and a form that do not depend on the store. */
  readonly digest: string;
  /** Items that break an invariant of docs/design/storage.md. */
  readonly violations: readonly { readonly pk: string; readonly problem: string }[];
};

/** Throws with what it prints if the table cannot be read. */
export const readVerified = (command: readonly string[]): Promise<Verified> =>
  new Promise((resolve, reject) => {
    const [file = '', ...args] = command;
    execFile(file, args, { encoding: 'utf8', maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      if (error) reject(new Error(stderr || String(error)));
      else resolve(JSON.parse(stdout));
    });
  });
