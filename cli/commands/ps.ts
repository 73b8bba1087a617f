import { failure } from '../../system/failures.ts';
import { type Facts, readFacts } from '../files/version-facts.ts';
import { note, printJson, printTable } from '../output/output.ts';
import { tenantOf } from '../requests/token.ts';
import { openSession } from '../requests/vault-client.ts';
import { type ProgramRecord, readRecords } from '../run/program-records.ts';
import { vaultCommand } from './command-line.ts';
import { pinOf } from './outdated.ts';

const limitsOfPs = `
It shows what you have started on this machine, and not in another container. It
cannot know whether a program still uses a value, has passed it on, has values
from elsewhere, or has read the file of run --write again.
`;

export const psCommand = () =>
  vaultCommand(
    'ps',
    'show the running programs that dsvault run started here, and which versions they have',
    'dsvault ps',
    'dsvault ps --old',
    'dsvault ps --json',
  )
    .option('--old', 'show only versions that are not current, and fail if there are any')
    .addHelpText('after', limitsOfPs)
    .action(async ({ old, json, ...flags }) => {
      const session = openSession(flags);
      const { addr, token } = session.settings;
      const records = readRecords();
      const tenant = records.length > 0 ? await tenantOf(token) : undefined;
      // If the token of the program or that of this command does not name its tenant, the two
      // tenants count as the same. The anchors then show whether a version is of another one.
      const isHere = (record: ProgramRecord): boolean =>
        record.addr === addr && (record.tenant ?? tenant) === (tenant ?? record.tenant);
      let facts: Facts | undefined;
      let refused: unknown;
      try {
        facts = await readFacts(
          session,
          records.filter(isHere).flatMap((one) => one.versions),
        );
      } catch (error) {
        if (session.settings.curl) throw error;
        // What runs here can be shown without the vault.
        refused = error;
      }
      const programs = records.map((record) => programOf(record, facts, isHere(record)));
      const shown = old ? programs.flatMap(withOld) : programs;
      if (json) await printJson({ programs: shown });
      else if (shown.length > 0) await printTable(head, shown.flatMap(rowsOf));
      else if (programs.length === 0) note('no program that dsvault run started here still runs');
      const unsure = programs.filter(({ mayHaveEnded }) => mayHaveEnded);
      if (unsure.length > 0) {
        note(
          `this system does not tell when a process began, so ${namesOf(unsure)} may have ended`,
        );
      }
      if (refused !== undefined) throw refused;
      const others = records.filter((record) => !isHere(record));
      if (old && others.length > 0) {
        note(`not compared, because --profile names another vault or tenant: ${namesOf(others)}`);
      }
      if (!old || shown.length === 0) return;
      throw failure(`programs have versions that are not current: ${namesOf(shown)}`, {
        kind: 'precondition',
      });
    });

const namesOf = (programs: readonly Pick<ProgramRecord, 'program' | 'pid'>[]): string =>
  programs.map(({ program, pid }) => `${program} (${pid})`).join(', ');

type Program = ReturnType<typeof programOf>;

/**
 * A program, and what the vault says about its versions: a state of `dsvault outdated`,
 * `another_vault`, or `unknown` if the vault did not answer.
 */
const programOf = (record: ProgramRecord, facts: Facts | undefined, isHere: boolean) => {
  const { pid, program, since, addr, tenant, start } = record;
  const versions = record.versions.map(({ name, version, anchor }) => {
    if (!isHere || !facts) return { name, version, state: isHere ? 'unknown' : 'another_vault' };
    const { state, newest } = pinOf(facts, { name, version, anchor });
    return { name, version, state, current: newest?.version };
  });
  return { pid, program, since, addr, tenant, versions, mayHaveEnded: start === null || undefined };
};

/** The program with the versions that are not current; nothing if all are, as far as is known. */
const withOld = (program: Program): Program[] => {
  const fine = ['current', 'unknown', 'another_vault'];
  const versions = program.versions.filter(({ state }) => !fine.includes(state));
  return versions.length === 0 ? [] : [{ ...program, versions }];
};

const head = ['PROGRAM', 'PID', 'SINCE', 'NAME', 'HAS', 'CURRENT', 'STATE'];

const rowsOf = ({ pid, program, since, versions }: Program): string[][] => {
  const cells = [program, String(pid), since];
  if (versions.length === 0) return [[...cells, '-', '-', '-', '-']];
  return versions.map(({ name, version, current, state }) => [
    ...[...cells, name, String(version), String(current ?? '-'), state.replaceAll('_', ' ')],
  ]);
};
