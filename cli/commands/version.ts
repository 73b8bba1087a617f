import manifest from '../../package.json' with { type: 'json' };
import { offlineCommand } from '../command.ts';
import { print, printJson } from '../output.ts';

export const versionCommand = () =>
  offlineCommand(
    'version',
    'print the version of dsv and of the Node it runs on',
    `
    dsv version
    dsv version --json
    `,
  ).action(async ({ json }) => {
    const { version } = manifest;
    const node = process.versions.node;
    await (json ? printJson({ version, node }) : print(`dsv ${version}, Node ${node}\n`));
  });
