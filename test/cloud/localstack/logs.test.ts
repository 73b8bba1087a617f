/** The logs of the functions, read with the API of CloudWatch Logs. */
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { openDsvault } from '../../support/dsvault.ts';
import { freshFolder } from '../../support/local-process.ts';
import { freshName, type Reply, useVault } from '../../support/running-vault.ts';
import { untilSeen } from '../../support/until.ts';
import { askAws } from './aws.ts';

const vault = useVault();

/**
 * Only lines from now on are asked for. LocalStack filters no query, so without this it would
 * return the lines of all suites before this one; more than 10,000 of them make `dsvault log` query
 * ever shorter times, which takes minutes.
 */
const begun = new Date();
const since = ['--from', begun.toISOString()];
const linesWithinMs = 60_000;
const answerWithinMs = 90_000;

/**
 * Returns the log lines of one request. Waits until the last one has reached the log group of its
 * function.
 */
const linesOf = async (operation: string, reply: Reply): Promise<string[]> => {
  const id = reply.headers.get('x-request-id') ?? '';
  const group = ['--log-group-name', `/aws/lambda/vault-${operation}`];
  const words = [...group, '--start-time', String(begun.getTime())];
  const query = ['--query', `events[?contains(message, '${id}')].message`];
  const look = async () => ({
    request: `${operation} ${id}`,
    lines: await askAws<string[]>(vault.dataDir, 'logs', 'filter-log-events', ...words, ...query),
  });
  const isWhole = ({ lines }: Awaited<ReturnType<typeof look>>) =>
    lines.some((line) => line.startsWith('REPORT'));
  return (await untilSeen(look, isWhole, linesWithinMs)).lines;
};
const objectsOf = (lines: readonly string[]) =>
  lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));

describe('the log of a request in CloudWatch Logs', () => {
  it('is one line between the lines of Lambda, with its decisions and its metrics', async () => {
    const create = async () => {
      const name = freshName();
      const key = randomUUID();
      const body = { name, value: 'Canary of a value' };
      const reply = await vault.ask('POST', '/v1/secrets', body, { 'Idempotency-Key': key });
      return { name, key, reply, lines: await linesOf('create-secret', reply) };
    };
    // On a slow machine the vault repeats calls that took too long, and the log counts each of
    // them. So create secrets until one needs a single attempt and a single call to KMS.
    const { name, key, reply, lines } = await untilSeen(
      create,
      ({ reply: { tries }, lines: seen }) => {
        const { attempts, kmsCalls } = objectsOf(seen).at(-1) ?? {};
        return tries === 1 && attempts === 1 && kmsCalls === 1;
      },
    );
    const id = reply.headers.get('x-request-id');
    expect(lines[0]).toMatch(new RegExp(`^START RequestId: ${id} `));
    expect(lines.at(-1)).toMatch(new RegExp(`^REPORT RequestId: ${id}\t`));
    const [request, ...more] = objectsOf(lines);
    expect(request).toMatchObject({ message: 'request', level: 'INFO', requestId: id });
    expect(request).toMatchObject({ secret: name, decisions: { created: 1 } });
    expect(request).toMatchObject({ operation: 'create-secret', subject: 'alice' });
    expect(request).toMatchObject({ outcome: 'ok', status: 201, attempts: 1, kmsCalls: 1 });
    expect(request).toMatchObject({ kmsRequestIds: [expect.any(String)] });
    expect(request).toMatchObject({ gatewayRequestId: expect.any(String) });
    expect(request).toMatchObject({ tenant: expect.stringMatching(/^tenant-/) });
    const Metrics = [{ Name: 'Duration', Unit: 'Milliseconds' }];
    const directive = { Dimensions: [['service', 'operation']], Metrics };
    expect(request).toMatchObject({ service: 'vault', Duration: request.ms });
    expect(request).toMatchObject({ _aws: { CloudWatchMetrics: [directive] } });
    expect(more).toEqual([]);
    expect(lines.join()).not.toContain('Canary');
    expect(lines.join()).not.toContain(key);
  });

  it('appears only in the log group of the function that answered', async () => {
    const missing = freshName();
    const reply = await vault.ask('GET', `/v1/secrets/${missing}`);
    const [request] = objectsOf(await linesOf('get-secret', reply));
    expect(request).toMatchObject({ operation: 'get-secret', code: 'not_found', secret: missing });
    // The other log group has lines, too. So if nothing is found in it, that is because the secret
    // is not mentioned there.
    const other = await vault.ask('GET', `/v1/secrets/${freshName()}/versions`);
    await linesOf('list-versions', other);
    const events = await askAws<string[]>(
      vault.dataDir,
      ...['logs', 'filter-log-events', '--log-group-name', '/aws/lambda/vault-list-versions'],
      ...['--query', `events[?contains(message, '${missing}')].message`],
    );
    expect(events).toEqual([]);
  });
});

describe('dsvault log --aws', () => {
  it('answers each question with CloudWatch Logs Insights and the AWS CLI', async () => {
    const ask = async () => {
      const name = freshName();
      const created = await vault.ask('POST', '/v1/secrets', { name, value: 'v' });
      const read = await vault.ask('POST', '/v1/env/expand', { content: `A=secret(${name})\n` });
      return { name, created, read };
    };
    // A request that is sent again has a row for each time. So retry until the create and the read
    // were each sent only once.
    const { name, created, read } = await untilSeen(
      ask,
      (asked) =>
        asked.created.status === 201 && asked.created.tries === 1 && asked.read.tries === 1,
    );
    await linesOf('create-secret', created);
    await linesOf('expand-env', read);
    const refused = await vault.ask('GET', `/v1/secrets/${freshName()}`);
    await linesOf('get-secret', refused);
    const folder = freshFolder();
    const asked = join(folder, 'asked');
    writeFileSync(asked, '');
    const aws = `echo "$(date +%T) $2" >> '${asked}'
      cd '${resolve('.')}' && exec node host/bin/launch.js local/bin/stack.ts localstack aws "$@"`;
    writeFileSync(join(folder, 'aws'), `#!/bin/sh\n${aws}\n`, { mode: 0o700 });
    const PATH = `${folder}${delimiter}${process.env['PATH']}`;
    const dsvault = openDsvault({ PATH, VAULT_DATA_DIR: vault.dataDir });
    const answerTo = async (...question: readonly string[]): Promise<string> => {
      const command = ['log', ...question, ...since, '--aws', 'vault', '--json'];
      const late = sleep(answerWithinMs, undefined, { ref: false });
      const ran = await Promise.race([dsvault.run(command), late]);
      if (ran === undefined) {
        const calls = readFileSync(asked, 'utf8');
        throw new Error(
          `${command.join(' ')}: no answer within ${answerWithinMs} ms; aws:\n${calls}`,
        );
      }
      expect([ran.code, ran.stderr]).toEqual([0, '']);
      return ran.stdout;
    };
    const { rows } = JSON.parse(await answerTo('reads', name));
    const id = (reply: Reply) => reply.headers.get('x-request-id') ?? '';
    expect(rows).toMatchObject([
      { what: 'read', operation: 'expand-env', subject: 'alice', requestId: id(read) },
      { what: 'created', operation: 'create-secret', subject: 'alice', requestId: id(created) },
    ]);
    expect(await answerTo('who', 'alice')).toContain(id(created));
    expect(await answerTo('story', id(read))).toContain(name);
    expect(await answerTo('refusals')).toContain(id(refused));
    const { holders } = JSON.parse(await answerTo('holders', name));
    expect(holders).toMatchObject([{ subject: 'alice', read: [{ version: 1 }], current: 1 }]);
    const checked = JSON.parse(await answerTo('check', '--clocks', '0ms'));
    expect(checked).toMatchObject({ contradictions: [], withoutLine: 0, untold: 0 });
    expect(checked.requests).toBeGreaterThanOrEqual(3);
  });
});
