/** Reports a version that was written. */
import type { ReplyOf } from '../../client/types.ts';
import { note, printJson, printLines, printValue } from '../output/output.ts';

type How = {
  readonly json?: true | undefined;
  /** The end of the line for a person. */
  readonly about?: string;
  /** The earlier version that has the same value. */
  readonly copyOf?: number;
  /** The text that was made as its value, if it is to be shown. A person gets it alone on stdout. */
  readonly made?: string | undefined;
};

export const printWritten = async (
  written: ReplyOf<'create-secret'>,
  { json, about, copyOf, made }: How,
): Promise<void> => {
  if (json) return await printJson({ ...written, valueOf: copyOf, value: made });
  const line = `${written.name} version ${written.version} from ${written.validFrom}`;
  if (made === undefined) return await printLines([`${line}${about ? `, ${about}` : ''}`]);
  note(line);
  await printValue(Buffer.from(made));
};
