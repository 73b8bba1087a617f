/**
 * `node local/bin/vaults.ts`: prints the vaults that run on this machine from this checkout, as JSON: `name` and `nodes`,
 * each with `node`, `url`, `certificate` and `log` (`VaultNode`). `dsvault` knows the vaults of a checkout by this output
 * alone, which `cli/requests/local-vaults.ts` reads.
 */
import { newProgram, runProgram, say } from '../process/program.ts';
import { findNodes, findVaults } from '../vaults/find-vaults.ts';

const program = newProgram(
  'node local/bin/vaults.ts',
  'prints the vaults that run on this machine from this checkout, as JSON',
  ['npm run -s node -- local/bin/vaults.ts'],
).action(async () => {
  const vaults = (await findVaults(process.env)).map(async (vault) => ({
    name: vault.name,
    nodes: await findNodes(vault),
  }));
  say(JSON.stringify(await Promise.all(vaults)));
});

await runProgram(program);
