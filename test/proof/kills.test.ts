/**
 * `npm start` is killed by `kill -9` again and again while it starts, writes and is read, and is
 * started again at once.
 */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { inParallel } from '../../functions/vault/parallel.ts';
import { intBelow, seeded } from '../support/adversary/random.ts';
import { printFigure } from '../support/figure.ts';
import { readHeld } from '../support/held.ts';
import { addressOf, freshFolder, type LocalProcess, runLocal } from '../support/local-process.ts';
import { perRun } from '../support/long.ts';
import {
  type Attempt,
  brokenPromises,
  type Caller,
  prepare,
  send,
  writeUntilBroken,
} from '../support/promises.ts';
import { closeConnections } from '../support/raw-http.ts';
import { seed } from '../support/seed.ts';
import { issueToken } from '../support/tokens.ts';

const kills = perRun(100, 1_000);
const writers = 16;
/** One in this many runs of the vault is killed during its start, before clients write. */
const startsEvery = 8;
const lifeMs = { least: 50, most: 500 };
/** The log keeps at least the lines of this many lives. */
const loggedLives = 50;

const folder = freshFolder();
const attempts: Attempt[] = [];
const random = seeded(seed);
/** The number of attempts before the last `loggedLives` lives. */
let firstLogged = 0;

const start = (): LocalProcess => runLocal('start', [], { VAULT_DATA_DIR: folder, PORT: '0' });
const callerOf = async (vault: LocalProcess): Promise<Caller> => ({
  url: await addressOf(vault),
  token: issueToken(folder),
});
const someTime = () => sleep(lifeMs.least + intBelow(random, lifeMs.most - lifeMs.least));
const kill = async (vault: LocalProcess): Promise<void> => {
  vault.child.kill('SIGKILL');
  await vault.exit;
  closeConnections();
};

/** Starts the vault, lets clients write to it for some time, and kills it. */
const live = async (): Promise<void> => {
  const vault = start();
  const caller = await callerOf(vault);
  if (attempts.length === 0) await prepare(caller, attempts);
  const crowd = Array.from({ length: writers }, (_, writer) =>
    writeUntilBroken(caller, attempts, writer),
  );
  await someTime();
  await kill(vault);
  await Promise.all(crowd);
};
const dieAtStart = async (): Promise<void> => {
  const vault = start();
  await someTime();
  await kill(vault);
};

/** Returns the log that the vault kept, in one piece. */
const keptLog = (): string =>
  ['log.1', 'log']
    .map((name) => join(folder, name))
    .filter((file) => existsSync(file))
    .map((file) => readFileSync(file, 'utf8'))
    .join('');
const requestIdOf = (line: string): string | undefined => {
  const [id] = /(?<="message":"request",.*"requestId":")[^"]+/.exec(line) ?? [];
  return line.endsWith('}') ? id : undefined;
};

const answered = () => attempts.filter(({ answer }) => answer);

beforeAll(async () => {
  for (let life = 0; life < kills; life += 1) {
    if (life === kills - loggedLives) firstLogged = attempts.length;
    await (life % startsEvery === 0 ? dieAtStart() : live());
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('npm start after kill -9 during writes', () => {
  it('answers every request that is repeated with its key with a success, and with the same answer as before if there was one', async () => {
    const unclear = attempts.filter(({ answer, key }) => key !== undefined && !answer);
    const done = answered()
      .filter(({ key }) => key !== undefined)
      .slice(-100);
    const before = done.map(({ answer }) => [answer?.status, answer?.text]);
    expect([unclear.length, done.length]).not.toContain(0);
    const vault = start();
    const caller = await callerOf(vault);
    await inParallel([...unclear, ...done], writers, (attempt) => send(caller, attempt));
    vault.child.kill('SIGTERM');
    expect([await vault.exit, vault.errors]).toEqual([0, []]);
    closeConnections();
    expect(done.map(({ answer }) => [answer?.status, answer?.text])).toEqual(before);
  });

  // Shows G2, G11, G12.
  it('has everything that it acknowledged or showed, no half of a file, and no violation', async () => {
    expect(answered().length).toBeGreaterThan(kills);
    const { violations, ...held } = await readHeld(folder);
    expect(brokenPromises(attempts, () => true, held)).toEqual([]);
    expect(violations).toEqual([]);
    const unanswered = attempts.length - answered().length;
    printFigure(
      'kill -9',
      `${kills} kills, ${answered().length} answers, ${unanswered} requests cut off: 0 lost`,
    );
  });

  // Shows G14.
  it('has the log line of every request that it answered, and dsvault log check finds none missing', async () => {
    const log = keptLog();
    const logged = new Set(log.split('\n').map(requestIdOf));
    const received = attempts.slice(firstLogged).flatMap(({ answer }) => answer?.requestId ?? []);
    expect(received.length).toBeGreaterThan(loggedLives);
    expect(received.filter((id) => !logged.has(id))).toEqual([]);
    const file = join(folder, 'whole-log');
    writeFileSync(file, log);
    const words = ['cli/dsvault.js', 'log', 'check', '--file', file];
    const { stdout } = await promisify(execFile)(process.execPath, words);
    expect(stdout).toMatch(
      /^0 contradictions in .*\n\d+ runs? .*: [\d,]+ lines, none missing, none changed\n$/,
    );
  });
});
