import { isVaultError } from '../../client/errors.ts';
import { isConfidential } from '../../system/address.ts';
import { exitCodes, type Failure, isFailure } from '../../system/failures.ts';
import { printJson, printTable } from '../output/output.ts';
import type { Settings } from '../requests/settings.ts';
import { expiryOf } from '../requests/token.ts';
import { exchangeOf, openSession, type Session } from '../requests/vault-client.ts';
import { vaultCommand } from './command-line.ts';
import { statusExitCode } from './status.ts';

/** A larger difference of clocks would change the meaning of tokens and --at. */
const clockDifferenceMaxS = 5;
const expiresSoonS = 300;

export const doctorCommand = () =>
  vaultCommand(
    'doctor',
    'find out what keeps dsvault from working, and say what to do',
    'dsvault doctor',
    'dsvault doctor --profile production',
  ).action(async ({ json, ...flags }) => {
    // A retry would only delay the finding, and be mentioned above the table.
    const session = openSession({ retries: '0', ...flags });
    const found: Found = [];
    for (const [check, look] of Object.entries(checks)) {
      found.push({ check, ...(await look(session, found).catch(findingIn(session))) });
    }
    const rows = found.map(({ check, state, about }) => [check, state, about]);
    if (json) await printJson({ checks: found });
    else await printTable(['CHECK', 'STATE', 'ABOUT'], rows);
    process.exitCode = found.find(({ exitCode }) => exitCode !== 0)?.exitCode ?? exitCodes.ok;
  });

type Finding = {
  readonly state: 'ok' | 'warning' | 'failed';
  readonly about: string;
  readonly exitCode: number;
};

type Found = (Finding & { readonly check: string })[];

const ok = (about: string): Finding => ({ state: 'ok', about, exitCode: 0 });
const warning = (about: string): Finding => ({ state: 'warning', about, exitCode: 0 });
const failed = (about: string, exitCode: number): Finding => ({ state: 'failed', about, exitCode });

/** A check may depend on those before it, so the first failure is the one to fix. */
const checks: Readonly<Record<string, (session: Session, found: Found) => Promise<Finding>>> = {
  address: async ({ settings: { addr } }) =>
    isConfidential(new URL(addr))
      ? ok(addr)
      : warning(`${addr} is not https: others can read the token and values on the way`),
  reach: async ({ client }) => {
    await client('get-health');
    return ok('the vault answers');
  },
  clock: async ({ settings }) => {
    const { addr, timeoutMs } = settings;
    const signal = AbortSignal.timeout(timeoutMs);
    const request = { method: 'GET', headers: {}, redirect: 'manual', signal } as const;
    const response = await exchangeOf(settings)(`${addr}/health`, request).catch(() => null);
    if (response === null) return warning('the vault does not answer');
    for await (const _ of response.body ?? []);
    const date = Date.parse(response.headers.get('date') ?? '');
    const seconds = Math.round(Math.abs(Date.now() - date) / 1_000);
    if (Number.isNaN(seconds)) return warning('the vault does not say what time it has');
    if (seconds <= clockDifferenceMaxS) return ok('agrees with the vault');
    return warning(`differs from the vault by ${seconds} s`);
  },
  token: async ({ settings: { token, login } }) => {
    const text = await token?.read();
    if (token === undefined || text === undefined) {
      return failed(`none: ${login}`, exitCodes.denied);
    }
    const how = token.another ?? login;
    const expires = expiryOf(text);
    if (!expires) {
      return failed(
        `that of ${token.source} does not say when it expires: ${how}`,
        exitCodes.denied,
      );
    }
    const leftS = (Date.parse(expires) - Date.now()) / 1_000;
    if (leftS <= 0) {
      return failed(`that of ${token.source} expired at ${expires}: ${how}`, exitCodes.denied);
    }
    const about = `that of ${token.source}, until ${expires}`;
    return leftS > expiresSoonS ? ok(about) : warning(`${about}, which is soon: ${how}`);
  },
  access: async ({ client }, found) => {
    const reach = found.find(({ check }) => check === 'reach');
    if (reach?.exitCode === exitCodes.unavailable) return warning('the vault does not answer');
    const code = statusExitCode(await client('get-status'));
    return code === 0
      ? ok('the vault accepts the token, and can use its store and master key')
      : failed('the vault cannot use its store or its master key: dsvault status', code);
  },
};

const findingIn =
  ({ settings }: Session) =>
  (error: unknown): Finding => {
    if (!isFailure(error) || error.exitCode === 0) throw error;
    return failed(`${error.message}${nextStep(error, settings)}`, error.exitCode);
  };

/**
 * The command that tells more about a failure, as the end of a sentence; empty if the message
 * already says what to do.
 */
const nextStep = ({ report, cause, message }: Failure, { addr }: Settings): string => {
  const isTold = report.code === 'unauthenticated' || (isVaultError(cause) && !cause.retryable);
  if (isTold || message.startsWith('nothing listens')) return '';
  if (report.code === 'forbidden') return ': dsvault whoami';
  return `: curl -v ${addr}/health`;
};
