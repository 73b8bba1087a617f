/** The end of the story: each part has updated one secret, whose history now tells when. */
import { type Client, create, get, update, type Version, versionsOf } from './client.ts';
import type { Scene } from './telling.ts';

const name = 'DIARY';

/** Creates the secret that records the story. */
export const createDiary = (client: Client): { readonly remember: Scene['remember'] } => {
  let versions = 0;
  return {
    remember: async (line) => {
      const node = (versions % 3) + 1;
      await client.write(node, versions === 0 ? create(name, line) : update(name, line, versions));
      versions += 1;
    },
  };
};

/**
 * Checks that each version, the oldest first, is valid until the next one begins, and that the last one has
 * no end.
 */
const isTiling = (versions: readonly Version[]): boolean =>
  versions.every(({ version, validFrom, validTo }, index) => {
    const next = versions[index + 1];
    const isOrdered = next === undefined || validFrom < next.validFrom;
    return version === index + 1 && validTo === (next?.validFrom ?? null) && isOrdered;
  });

const middleOf = ({ validFrom, validTo }: Version): string => {
  const from = Date.parse(validFrom);
  return new Date((from + (validTo === null ? from : Date.parse(validTo))) / 2).toISOString();
};

/** Prints the history with its intervals, and reads the values of earlier instants. */
export const tellOfHistory = async ({ title, check, note, client }: Scene): Promise<void> => {
  title('The history of one secret');
  const { body } = await client.read(1, versionsOf(name, '?include=values&order=asc'));
  const versions = body.versions ?? [];
  for (const { version, value, validFrom, validTo } of versions) {
    note(`version ${version}  [${validFrom}, ${validTo ?? '...'})`);
    note(`           ${value}`);
  }
  check(
    `its ${versions.length} versions tile time, with no gap`,
    versions.length === 4 && isTiling(versions),
  );
  const asOf = await Promise.all(
    versions.map(async (one) => {
      const reply = await client.read((one.version % 3) + 1, get(name, `?at=${middleOf(one)}`));
      return reply.body.version === one.version && reply.body.value === one.value;
    }),
  );
  check('each is the one that a read as of its own time finds', asOf.every(Boolean));
};
