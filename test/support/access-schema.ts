/**
 * Writes docs/access.schema.json, which editors use to complete and check an access policy. The
 * schema describes the form of a policy; the vault checks more than that. `npm run fix` runs this
 * file.
 */
import { writeFileSync } from 'node:fs';
import { toJsonSchema } from '@valibot/to-json-schema';
import { policyFileSchema } from '../../functions/access/policy-file.ts';

export const accessSchemaFile = 'docs/access.schema.json';

export const accessSchema = (): string => {
  const schema = toJsonSchema(policyFileSchema, { errorMode: 'ignore' });
  const title = 'The access policy of a distributed secrets vault';
  return `${JSON.stringify({ ...schema, title }, undefined, 2)}\n`;
};

if (process.argv[1]?.endsWith('test/support/access-schema.ts')) {
  writeFileSync(accessSchemaFile, accessSchema());
}
