import type { ReplyOf } from '../../client/types.ts';
import { printJson, printTable } from '../output/output.ts';
import { openSession } from '../requests/vault-client.ts';
import { nameArgument, vaultCommand } from './command-line.ts';

export const explainCommand = () =>
  vaultCommand(
    'explain',
    'say why you, or a caller with other scopes and names, can or cannot read a secret',
    'dsvault explain DB_PASSWORD',
    "dsvault explain app.DB --scopes secrets:read --names 'app.*,LOG_KEY'",
  )
    .argument(...nameArgument)
    .option('--scopes <scopes>', 'the scopes of the caller; the default is your own', listed)
    .option(
      '--names <patterns>',
      'the names that the caller may see; the default is your own',
      listed,
    )
    .action(async (name, { json, scopes, names, ...flags }) => {
      const query = { scopes, names };
      const explanation = await openSession(flags).client('explain-secret', { name, query });
      if (json) return await printJson(explanation);
      await printTable(['WHAT', 'ANSWER'], rowsOf(explanation));
    });

/**
 * Puts commas between the words of a text. They may also be typed with spaces, as the scopes in a
 * token are written.
 */
const listed = (text: string): string => text.trim().replaceAll(/[\s,]+/g, ',');

type Explanation = ReplyOf<'explain-secret'>;

const rowsOf = (explanation: Explanation): string[][] => {
  const { name, current, readCost, caller, exists } = explanation;
  const { storeCalls, kmsCalls, units } = readCost;
  const answer = ({ allowed, why }: Explanation['caller']['read'], what: string) => {
    if (allowed && !exists) return `allowed, but there is nothing to ${what}`;
    return `${allowed ? 'yes' : 'no'}: ${why}`;
  };
  return [
    ['secret', `${name} ${stateOf(explanation)}`],
    ...(current ? [['version', `${current.version}, ${writtenBy(current)}`]] : []),
    ['master key', keyState(explanation)],
    ['cost of a read', `store calls: ${storeCalls}, KMS calls: ${kmsCalls}, units: ${units}`],
    ['scopes', caller.scopes.join(' ')],
    ['names', caller.names.join(' ')],
    ['read', answer(caller.read, 'read')],
    ['update', answer(caller.update, 'update')],
    ['delete', answer(caller.delete, 'delete')],
  ];
};

const stateOf = ({ name, exists, deleted }: Explanation): string => {
  if (exists) return 'has a value';
  return deleted ? `is deleted: dsvault restore ${name} brings it back` : 'never existed';
};

const writtenBy = ({ validFrom, createdBy, note }: NonNullable<Explanation['current']>): string =>
  `${validFrom} by ${createdBy}${note === undefined ? '' : `: ${note}`}`;

const keyState = ({ masterKey: { state, sealedCurrent }, current }: Explanation): string => {
  if (state === 'unusable') return 'cannot be used: KMS refuses it';
  if (state === 'unreachable') return 'cannot be used: KMS does not answer';
  return sealedCurrent === false
    ? `can be used, but the value was sealed with a different one, ${current?.masterKeyId}`
    : 'can be used';
};
