/**
 * Reports the versions that a command has written, or, with `--skip-unchanged`, that it wrote none.
 */
import type { ReplyOf } from '../../client/types.ts';
import { note, printJson, printLines, printValue } from '../output/output.ts';
import type { Session } from '../requests/vault-client.ts';
import { decodeValue } from '../values/read-value.ts';

type Options = {
  readonly json?: true | undefined;
  readonly about?: string;
  /** The number of the earlier version that has the same value. */
  readonly copyOf?: number;
  /**
   * The text that was generated as the value of this version, if it is to be shown. For a person,
   * stdout has that text alone.
   */
  readonly made?: string | undefined;
};

/** Reports a version that was written. */
export const printVersion = async (
  version: ReplyOf<'create-secret'>,
  { json, about, copyOf, made }: Options,
): Promise<void> => {
  if (json) return await printJson({ ...version, valueOf: copyOf, value: made });
  const line = `${version.name} version ${version.version} from ${version.validFrom}`;
  if (made === undefined) return await printLines([`${line}${about ? `, ${about}` : ''}`]);
  note(line);
  await printValue(Buffer.from(made));
};

/**
 * Reports the versions that the `enc()` of a file have created; a first version by the name of its
 * secret alone.
 */
export const noteCreated = (
  created: ReplyOf<'encrypt-env'>['created'],
  dryRun: true | undefined,
): void => {
  const names = created.map(({ name, version }) => (version === 1 ? name : `${name}@${version}`));
  note(`${dryRun ? 'would create' : 'created'} ${names.join(', ')}`);
};

type UnchangedVersion = Pick<ReplyOf<'create-secret'>, 'name' | 'version' | 'validFrom'>;

/** Returns the current version of a secret if it has this value already; otherwise `undefined`. */
export const findUnchanged = async (
  { client }: Session,
  name: string,
  value: Uint8Array,
): Promise<UnchangedVersion | undefined> => {
  const { version, validFrom, ...current } = await client('get-secret', { name });
  return decodeValue(current).equals(value) ? { name, version, validFrom } : undefined;
};

/** Reports that nothing was written, because the secret has the value already. */
export const printUnchanged = async (
  version: UnchangedVersion,
  json: true | undefined,
): Promise<void> => {
  if (json) await printJson({ ...version, unchanged: true });
  else note(`${version.name} is unchanged at version ${version.version}`);
};
