/** Reports about the names of a file, with one entry for each name, at its first position. */
import { errorsAt, type Fault, type Report, reportOf } from './places.ts';
import type { Plan } from './references.ts';

/** Reports `secret_exists` for each `enc()` of one of `names`, at its first position. */
export const reportExisting = (
  { content, references }: Plan,
  names: ReadonlySet<string>,
): Report => {
  const faults: Fault[] = [];
  for (const [name, offset] of references.enc) {
    if (names.has(name)) faults.push({ offset, code: 'secret_exists', name });
  }
  return reportOf(errorsAt(content, faults));
};

/** Reports `not_found` for each `secret()` whose text is one of `references`, at its first position. */
export const reportMissing = (
  { content, references: { secret } }: Plan,
  references: ReadonlySet<string>,
): Report => {
  const faults: Fault[] = [];
  for (const [reference, { name, offset }] of secret) {
    if (references.has(reference)) faults.push({ offset, code: 'not_found', name });
  }
  return reportOf(errorsAt(content, faults));
};
