import { isConfidential } from '../../system/address.ts';
import { exitCodes, isFailure } from '../../system/failures.ts';
import { printJson, printTable } from '../output/output.ts';
import { claimsOf, expiryOf } from '../requests/token.ts';
import { openSession, type Session } from '../requests/vault-client.ts';
import { vaultCommand } from './command-line.ts';
import { statusExitCode } from './status.ts';

/** A larger difference of clocks would change the meaning of tokens and --at. */
const clockDifferenceMaxS = 5;
const expiresSoonS = 300;

export const doctorCommand = () =>
  vaultCommand(
    'doctor',
    'look for what keeps dsvault from working, and say what to do',
    `
    dsvault doctor
    dsvault doctor --profile production
    `,
  ).action(async ({ json, ...flags }) => {
    const session = openSession(flags);
    const checks = await checkAll(session);
    if (json) await printJson({ checks });
    else {
      const rows = checks.map(({ check, state, about }) => [check, state, about]);
      await printTable(['CHECK', 'STATE', 'ABOUT'], rows);
    }
    process.exitCode = checks.find(({ exitCode }) => exitCode !== 0)?.exitCode ?? exitCodes.ok;
  });

type Check = {
  readonly check: string;
  readonly state: 'ok' | 'warning' | 'failed';
  readonly about: string;
  readonly exitCode: number;
};

const ok = (check: string, about: string): Check => ({ check, state: 'ok', about, exitCode: 0 });
const warning = (check: string, about: string): Check => ({
  ...ok(check, about),
  state: 'warning',
});
const failed = (check: string, about: string, exitCode: number): Check => ({
  check,
  state: 'failed',
  about,
  exitCode,
});

/** Runs all checks. A check may depend on those before it, so the first failure is the one to fix. */
const checkAll = async (session: Session): Promise<Check[]> => [
  checkAddress(session),
  await asked(
    'reach',
    () => session.client('get-health'),
    () => ok('reach', 'the vault answers'),
  ),
  await checkClock(session),
  await asked('token', async () => await session.settings.token?.read(), checkToken(session)),
  await asked(
    'access',
    () => session.client('get-status'),
    (status) => {
      const code = statusExitCode(status);
      if (code === 0)
        return ok('access', 'the vault takes the token, and can use store and master key');
      return failed(
        'access',
        'the vault cannot use its store or its master key: dsvault status',
        code,
      );
    },
  ),
];

const asked = async <Reply>(
  check: string,
  ask: () => Promise<Reply>,
  toCheck: (reply: Reply) => Check,
): Promise<Check> => {
  try {
    return toCheck(await ask());
  } catch (error) {
    if (!isFailure(error) || error.exitCode === 0) throw error;
    return failed(check, error.message, error.exitCode);
  }
};

const checkAddress = ({ settings: { addr } }: Session): Check => {
  if (isConfidential(new URL(addr))) return ok('address', addr);
  return warning('address', `${addr} is not https: token and values can be read on the way`);
};

const checkClock = async ({ settings }: Session): Promise<Check> => {
  try {
    const response = await fetch(`${settings.addr}/health`, {
      redirect: 'manual',
      signal: AbortSignal.timeout(settings.timeoutMs),
    });
    const date = Date.parse(response.headers.get('date') ?? '');
    const seconds = Math.round(Math.abs(Date.now() - date) / 1_000);
    if (Number.isNaN(seconds)) return warning('clock', 'the vault does not tell its time');
    if (seconds <= clockDifferenceMaxS) return ok('clock', 'agrees with the vault');
    return warning('clock', `differs from the vault by ${seconds} s`);
  } catch {
    return warning('clock', 'the vault does not answer');
  }
};

const checkToken =
  ({ settings: { token } }: Session) =>
  (text: string | undefined): Check => {
    if (token === undefined || text === undefined) {
      return failed('token', 'none: dsvault login keeps one', exitCodes.denied);
    }
    const claims = claimsOf(text);
    const expires = claims && expiryOf(claims);
    if (!expires) return failed('token', `that of ${token.source} says nothing`, exitCodes.denied);
    const leftS = (Date.parse(expires) - Date.now()) / 1_000;
    const about = `that of ${token.source}, until ${expires}`;
    if (leftS <= 0) return failed('token', `${about}: expired`, exitCodes.denied);
    return leftS > expiresSoonS ? ok('token', about) : warning('token', `${about}: expires soon`);
  };
