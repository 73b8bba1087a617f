import { fileURLToPath } from 'node:url';
import manifest from '../../package.json' with { type: 'json' };
import { commitOf } from '../../system/commit.ts';
import { printJson, printLines } from '../output/output.ts';
import { offlineCommand } from './command-line.ts';

/** The commit from which a package was built (build.js). In a checkout git knows it. */
declare const packedCommit: string | null | undefined;

/** The folder of the checkout, as seen from this file and from the bundle in `.local/cli/`. */
const checkout = '../..';

const commitOfProgram = (): string | null =>
  typeof packedCommit === 'undefined'
    ? commitOf(fileURLToPath(new URL(checkout, import.meta.url)))
    : packedCommit;

export const versionCommand = () =>
  offlineCommand(
    'version',
    'print the version and the commit of dsvault, and the version of its Node',
    'dsvault version',
    'dsvault version --json',
  ).action(async ({ json }) => {
    const { version } = manifest;
    const node = process.versions.node;
    const commit = commitOfProgram();
    await (json
      ? printJson({ version, commit, node })
      : printLines([`dsvault ${version}, commit ${commit ?? 'unknown'}, Node ${node}`]));
  });
