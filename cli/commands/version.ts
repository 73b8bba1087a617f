import manifest from '../../package.json' with { type: 'json' };
import { printJson, printLines } from '../output/output.ts';
import { offlineCommand } from './command-line.ts';

export const versionCommand = () =>
  offlineCommand(
    'version',
    'print the version of dsvault and of the Node it runs on',
    'dsvault version',
    'dsvault version --json',
  ).action(async ({ json }) => {
    const { version } = manifest;
    const node = process.versions.node;
    await (json ? printJson({ version, node }) : printLines([`dsvault ${version}, Node ${node}`]));
  });
