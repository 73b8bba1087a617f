import { failure, withSentence } from '../../system/failures.ts';
import { eachVersion } from '../requests/secret-lists.ts';
import { openSession, type Session } from '../requests/vault-client.ts';
import { nameArgument, writingCommand } from './command-line.ts';
import { printVersion } from './write-version.ts';

export const restoreCommand = () =>
  writingCommand(
    'restore',
    'bring a deleted secret back: write its last value as a new version',
    'dsvault restore DB_PASSWORD',
    "dsvault restore DB_PASSWORD --note 'deleted by mistake'",
  )
    .argument(...nameArgument)
    .action(async (name, { json, note, ...flags }) => {
      const session = openSession(flags);
      const last = await findLastValue(session, name);
      const body = { from: { version: last }, create: true, note };
      const written = await withSentence('secret_exists', notDeleted(name), () =>
        session.client('copy-secret', { name, body }),
      );
      const about = `with the value of version ${last}`;
      await printVersion(written, { json, about, copyOf: last });
    });

/**
 * The version before the newest deletion. Throws unless the secret is deleted and that version has
 * a value. With an idempotency key, an earlier attempt may already have restored the secret, so it
 * need not be deleted now: the vault then repeats its answer to that attempt.
 */
const findLastValue = async (session: Session, name: string): Promise<number> => {
  const isRepetition = session.settings.idempotencyKey !== undefined;
  let wasDeleted = false;
  for await (const { version, state } of eachVersion(session, name)) {
    if (wasDeleted && state === 'stored') return version;
    if (wasDeleted) {
      const sentence = `the value of version ${version} was destroyed: dsvault create ${name} stores a new one`;
      throw failure(sentence, { kind: 'notFound' });
    }
    wasDeleted = state === 'deleted';
    if (!wasDeleted && !isRepetition) break;
  }
  throw failure(notDeleted(name), { kind: 'conflict' });
};

const notDeleted = (name: string): string =>
  `${name} is not deleted: dsvault rollback writes an old value of it again`;
