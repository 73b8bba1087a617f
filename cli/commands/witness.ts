/** `dsvault witness` notes the version of each secret, and tells later whether history goes on. */
import { failure, usage } from '../../system/failures.ts';
import { compareWitness, listWitnessed, readWitnessFile } from '../files/witness-file.ts';
import { jsonOf, note, printJson, printTable } from '../output/output.ts';
import { replaceFile, requireWritable } from '../output/private-files.ts';
import { openSession, type Session } from '../requests/vault-client.ts';
import { vaultCommand } from './command-line.ts';

const about = [
  'Notes the current version of each secret that the token may see, deleted ones too. With --check, tells which of the noted versions are still there, and exits with 9 unless all of them are.',
  'It reads no value, and cannot know names that the token does not see, secrets that were created later or were not yet in the list, what was undone before the check, what happened to other versions than the noted ones, or what a vault hides that lies about numbers and anchors.',
  "Keep the file where nobody can change it who can write to the vault's store.",
];

export const witnessCommand = () =>
  vaultCommand(
    'witness',
    about.join('\n\n'),
    'dsvault witness --out monday.json',
    'dsvault witness --check monday.json',
  )
    .summary('note the version of each secret, and tell later which are gone')
    .option('--out <file>', 'the file to write; by default stdout')
    .option('--check <file>', 'compare the vault with this file; - is stdin')
    .action(async ({ out, check, json, ...flags }) => {
      if (out !== undefined && check !== undefined) throw usage('give --out or --check');
      const session = openSession(flags);
      if (check !== undefined) return await tellComparison(session, check, json);
      const target = out === undefined ? undefined : requireWritable(out);
      const witness = await listWitnessed(session);
      if (target) replaceFile(target, jsonOf(witness));
      if (target === undefined || json) return await printJson(witness);
      const count = witness.secrets.length;
      note(`${out} has the versions of ${count} ${count === 1 ? 'secret' : 'secrets'}`);
    });

const tellComparison = async (session: Session, file: string, json?: true): Promise<void> => {
  const before = await readWitnessFile(file);
  const secrets = await compareWitness(session, before, ({ report: { code } }) =>
    note(`the vault cannot list its secrets (${code}), so they are requested one by one`),
  );
  if (json) await printJson({ file, tenant: before.tenant, time: before.time, secrets });
  else if (secrets.length > 0) {
    const cells = secrets.map(({ name, witnessed, current, state }) => [
      ...[name, String(witnessed), String(current ?? '-'), state.replaceAll('_', ' ')],
    ]);
    await printTable(['NAME', 'WITNESSED', 'CURRENT', 'STATE'], cells);
  }
  const isKept = ({ state }: (typeof secrets)[number]) => ['goes_on', 'deleted'].includes(state);
  const other = secrets.filter((one) => !isKept(one)).map(({ name }) => name);
  if (other.length === 0) return;
  const what = `these secrets do not match ${file}: ${other.join(', ')}`;
  const causes = 'a restored backup or a direct change to the store causes this';
  throw failure(`${what}; ${causes}`, { kind: 'found' });
};
