/**
 * `node host/bin/vaults.ts` prints the vaults of this checkout that run on this machine, as JSON:
 * `name` and `nodes`, each with `node`, `url`, `certificate` and `log` (`VaultNode`). This output,
 * which `cli/requests/local-vaults.ts` reads, is all that `dsvault` knows about the vaults of a
 * checkout.
 */
import { newProgram, runProgram, say } from '../process/program.ts';
import { findNodes, findVaults } from '../vaults/find-vaults.ts';

const program = newProgram(
  'node host/bin/vaults.ts',
  'prints the vaults that run on this machine from this checkout, as JSON',
  ['npm run -s node -- host/bin/vaults.ts'],
).action(async () => {
  const vaults = (await findVaults(process.env)).map(async (vault) => ({
    name: vault.name,
    nodes: await findNodes(vault),
  }));
  say(JSON.stringify(await Promise.all(vaults)));
});

await runProgram(program);
