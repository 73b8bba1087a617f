/** Reports of the names of a file: one entry for each, at its first place. */
import { errorsAt, type Fault, type Report, reportOf } from './places.ts';
import type { Plan } from './references.ts';

/** `secret_exists` for each `enc()` of one of `names`, at its first place. */
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

/** `not_found` for each `secret()` that is written as one of `references`, at its first place. */
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
