/**
 * The client of the HTTP API (client/), with the settings, messages and failures of the command
 * line.
 */
import { randomUUID } from 'node:crypto';
import { isVaultError, type VaultError } from '../../client/errors.ts';
import { operations } from '../../client/operations.ts';
import {
  type ClientEvent,
  type Exchange,
  prepare,
  type Request,
  sendingTo,
} from '../../client/sending.ts';
import type { BodyOf } from '../../client/types.ts';
import { isSecretName } from '../../functions/model/types.ts';
import {
  codeOf,
  exitCodes,
  type Failure,
  failure,
  failureOf,
  inOtherWords,
} from '../../system/failures.ts';
import { note, printText, wantsJson } from '../output/output.ts';
import { withProgress } from '../output/progress.ts';
import { curlOf } from './curl.ts';
import { createExchange } from './http-exchange.ts';
import { findCertificate } from './local-vaults.ts';
import { presetProfile } from './profile.ts';
import { type Flags, readSettings, type Settings } from './settings.ts';
import { expiryOf } from './token.ts';

/**
 * Performs an operation. Throws a `Failure` if the server refuses the request or cannot be reached.
 */
export type Client = Request;

/**
 * Creates a client. If a command fails after a write that may have taken effect, for example
 * because of a full disk, the client prints the idempotency key of that write. With that key the
 * user can repeat the write safely, and gets the same answer.
 */
export const openClient = (settings: Settings, { keepKey } = keyOfEffect()): Client => {
  const { addr, retries, timeoutMs } = settings;
  const fetch = exchangeOf(settings);
  const tell = teller(settings);
  const keepKeyOf = ({ mayHaveEffect, idempotencyKey }: VaultError): void => {
    // A destruction has no idempotency key, and can be repeated without one.
    if (mayHaveEffect && idempotencyKey !== undefined) keepKey(idempotencyKey);
  };
  const onEvent = (event: ClientEvent): void => {
    // The key is remembered before the request is repeated, because a different error may end the
    // command, such as one of a token command.
    if (event.type === 'repeating') keepKeyOf(event.error);
    tell(event);
  };
  const read = tokenSource(settings);
  let sent = '';
  const token = async (refused?: string) => {
    sent = await read(refused);
    return sent;
  };
  const send = sendingTo({ addr, retries, timeoutMs, onEvent, token, fetch });
  return async (id, asked = {}) => {
    const key = asked.idempotencyKey ?? settings.idempotencyKey ?? randomUUID();
    const keyed = { ...asked, idempotencyKey: key };
    if (settings.curl) {
      await printText(curlOf(prepare(addr, id, keyed)));
      throw failure('printed', { kind: 'ok' });
    }
    try {
      const asking = () => send(id, keyed);
      const reply = await (settings.verbose ? asking() : withProgress(asking));
      if (operations[id].keyed) keepKey(key);
      return reply;
    } catch (error) {
      if (!isVaultError(error)) throw error;
      keepKeyOf(error);
      const failed = await withNextStep(error, settings, asked.name);
      if (error.code !== 'not_found') throw failed;
      const name = failed.report.field === 'from' ? copiedName(asked.body) : asked.name;
      throw Object.assign(failed, { missing: { name, findNames: () => listOnce(settings, sent) } });
    }
  };
};

/**
 * The idempotency key of the last write that may have taken effect. It is printed if the command
 * fails.
 */
const keyOfEffect = () => {
  let last: string | undefined;
  let listens = false;
  return {
    keepKey: (key: string): void => {
      last = key;
      // Not registered before a write, because `run --watch` creates a client for each of its
      // reads, and each of these would add a listener.
      if (listens) return;
      listens = true;
      process.once('exit', (code) => {
        if (code === exitCodes.ok || last === undefined) return;
        note(`to repeat it safely: --idempotency-key ${last}`);
      });
    },
    forgetKey: (): void => {
      last = undefined;
    },
  };
};

/** The name of the secret whose value the request would copy. */
const copiedName = (body: unknown): string | undefined =>
  (body as Partial<BodyOf<'copy-secret'>> | undefined)?.from?.name;

/** How long a command that has failed waits for names that its user may have meant. */
const listWithinMs = 2_000;

/**
 * The first 1,000 names that the token may list, in one request. If the vault refuses the token,
 * there is no other, because a token command may take much longer than this request.
 */
const listOnce = async (settings: Settings, token: string): Promise<readonly string[]> => {
  const { addr } = settings;
  const timeoutMs = Math.min(settings.timeoutMs, listWithinMs);
  const how = { token, fetch: exchangeOf(settings), onEvent: teller(settings) };
  const send = sendingTo({ addr, retries: 0, timeoutMs, ...how });
  const { names } = await send('list-secrets', { query: { limit: 1_000 } });
  return names.filter(isSecretName);
};

/** The failure for an error of the client, with the command that helps, if one is known. */
const withNextStep = async (
  error: VaultError,
  { addr, token, login, profile }: Settings,
  name: string | undefined,
): Promise<Failure> => {
  const into = profile === presetProfile ? '' : ` --profile ${profile}`;
  const unavailable = (how: string) =>
    failure(`${error.message}: ${how}`, { kind: 'unavailable', cause: error });
  if (error.code === 'untrusted') {
    return unavailable(`dsvault login --ca FILE${into} keeps the certificate of its authority`);
  }
  if (error.code === 'unreachable' && !error.retryable) {
    return unavailable(`dsvault login --addr ${addr.replace('https:', 'http:')}${into}`);
  }
  if (error.code === 'unreachable' && codeOf(Object(error.cause).cause) === 'ECONNREFUSED') {
    const sentence = `nothing listens at ${addr}: start the vault, or correct the address`;
    return failure(sentence, { kind: 'unavailable', cause: error });
  }
  const failed = failureOf(error);
  const { currentVersion, scope } = failed.report;
  if (error.code === 'not_found' && name !== undefined) {
    const sentence = `this token sees no secret ${name}: dsvault list prints the names that it sees`;
    return inOtherWords(failed, `${sentence}, with --deleted the deleted ones`);
  }
  if (error.code === 'version_conflict' && name !== undefined && currentVersion !== undefined) {
    const sentence = `${name} is not at the version of --if-version: look at dsvault history ${name}`;
    return inOtherWords(failed, `${sentence}, then give ${currentVersion} to write anyway`);
  }
  if (
    error.code === 'forbidden' &&
    scope !== undefined &&
    login.startsWith('dsvault login --local')
  ) {
    const sentence = `the token lacks the scope ${scope}: the vault's operator grants it`;
    return inOtherWords(failed, `${sentence}, and on this machine so does ${login} --scope SCOPES`);
  }
  if (error.code !== 'unauthenticated' || token?.another === undefined) return failed;
  const expires = expiryOf(await token.read());
  const isOver = expires !== undefined && Date.parse(expires) <= Date.now();
  const fault = isOver
    ? `the token of ${token.source} expired at ${expires}`
    : `the vault does not accept the token of ${token.source}`;
  return inOtherWords(failed, `${fault}: ${token.another}`);
};

/**
 * Sends requests to a server that the settings trust, or to a vault of this machine that shows its
 * recorded certificate.
 */
export const exchangeOf = ({ ca }: Settings): Exchange => createExchange({ ca, findCertificate });

export type Session = {
  readonly settings: Settings;
  readonly client: Client;
  /**
   * Call this for a failure after which the same write must not be repeated: its idempotency key is
   * then not printed.
   */
  readonly forgetKey: () => void;
};

/** Reads the settings of a command, and creates its client. */
export const openSession = (flags: Flags): Session => {
  const settings = readSettings(flags);
  const key = keyOfEffect();
  return { settings, client: openClient(settings, key), forgetKey: key.forgetKey };
};

const tokenSource =
  ({ token, login }: Settings) =>
  async (refused?: string) => {
    if (token === undefined) {
      throw failure(
        `no token: set DSVAULT_TOKEN or DSVAULT_TOKEN_FILE, or keep one with ${login}`,
        {
          kind: 'denied',
        },
      );
    }
    const current = await token.read();
    // Another request that was refused at the same time may have renewed the token already.
    if (current !== refused || !token.renew?.()) return current;
    return await token.read();
  };

/**
 * Says what the client does: everything with `--verbose`, otherwise only that the first attempt has
 * failed.
 */
const teller =
  ({ verbose, retries }: Settings) =>
  (event: ClientEvent) => {
    if (event.type === 'repeating') {
      const reason = event.error.message.replace(/\.$/, '');
      if (verbose) note(`${reason}; again in ${Math.round(event.waitMs)} ms`);
      else if (event.attempt === 1 && !wantsJson()) {
        note(`${reason}; dsvault tries again, up to ${retries} times`);
      }
      return;
    }
    if (!verbose) return;
    if (event.type === 'sending') {
      const key = event.idempotencyKey;
      return note(`${event.method} ${event.url}${key ? `, Idempotency-Key ${key}` : ''}`);
    }
    note(`${event.status}, request ${event.requestId}${event.replayed ? ', replayed' : ''}`);
  };
