/** A node whose etcd ends. A script stands in for etcd, and prints what the test wants. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type MemberOptions, startMember, systemErrors } from '../../../../host/node/member.ts';
import { freshFolder } from '../../../support/local-process.ts';
import { configOf, memberOptionsOf } from '../../../support/nodes.ts';
import { until } from '../../../support/until.ts';

const path = process.env['PATH'];
let folder: string;
beforeEach(() => {
  folder = freshFolder();
});
afterEach(() => {
  process.env['PATH'] = path;
});

/**
 * Starts the member of a node, and waits until its etcd has ended once. That etcd prints the lines
 * of `said`, and then runs `command`.
 */
const endOnce = async (said: readonly string[], command: string, doubt = 'it may be sound') => {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'said'), `${said.join('\n')}\n`);
  writeFileSync(join(bin, 'etcd'), `#!/bin/sh\ncat '${bin}/said' >&2\n${command}\n`);
  chmodSync(join(bin, 'etcd'), 0o755);
  process.env['PATH'] = `${bin}${delimiter}${path}`;
  const ended: string[] = [];
  const refusals: (string | undefined)[] = [];
  const lines: string[] = [];
  const findDoubt: MemberOptions['findDoubt'] = async (refusal) => {
    refusals.push(refusal);
    return doubt;
  };
  const options = {
    ...{ config: configOf(1), folder, findDoubt },
    onEnded: (how: string) => void ended.push(how),
    report: (line: string) => void lines.push(line),
  };
  const member = await startMember(memberOptionsOf(options), undefined);
  await until(() => lines.length > 0).finally(member.close);
  return { ended: ended[0], refusals: refusals.slice(0, 1), line: lines[0] };
};

const fatal = (msg: string, error?: string) => JSON.stringify({ level: 'fatal', msg, error });

describe('an etcd that exits by itself', () => {
  it.each([
    [
      'the last line of its log',
      [fatal('a'), fatal('discovery failed', 'crc mismatch')],
      'discovery failed: crc mismatch',
    ],
    [
      'its panic, and not the dump after it',
      ['panic: slice bounds', '', 'goroutine 1 [running]:', '\t/x.go:1'],
      'panic: slice bounds',
    ],
    [
      'the cause that its log has and its panic does not',
      [fatal('no database', 'a page is bad'), 'panic: no database'],
      'no database: a page is bad',
    ],
    ['a line that is neither JSON nor a panic', ['unknown flag: --x'], 'unknown flag: --x'],
    ['no control characters', [fatal('a\u001b[31m\u202eb\nc')], 'a [31m b c'],
    ['at most 300 characters', [fatal('x'.repeat(400))], 'x'.repeat(300)],
  ])('is reported with %s', async (_, said, words) => {
    expect(await endOnce(said, 'exit 2')).toEqual({
      ended: `its etcd ended (exit code 2: ${words}) and is started again`,
      refusals: [undefined],
      line: `etcd ended (exit code 2: ${words}); it is started again: it may be sound`,
    });
  });

  it('is blamed on the system, not on its files, only for a list of twelve errors', () => {
    // If an error were missing from this list, sound files would count as damaged when it occurs.
    expect(systemErrors).toEqual([
      'no space left on device',
      'disk quota exceeded',
      'permission denied',
      'operation not permitted',
      'read-only file system',
      'input/output error',
      'too many open files',
      'cannot allocate memory',
      'out of memory',
      'already locked',
      'address already in use',
      'cannot assign requested address',
    ]);
  });

  it.each(systemErrors)(
    'is blamed on the system, not on its files, if a line of its log contains "%s"',
    async (words) => {
      const said = [
        JSON.stringify({ level: 'warn', error: `open db: ${words}` }),
        'panic: no database',
      ];
      expect((await endOnce(said, 'exit 2')).refusals).toEqual([words]);
    },
  );
});

it('an etcd that a signal ended is started again, and its files are not doubted', async () => {
  expect(await endOnce([fatal('crc mismatch')], 'kill -KILL $$')).toEqual({
    ended: 'its etcd ended (SIGKILL) and is started again',
    refusals: [],
    line: 'etcd ended (SIGKILL); it is started again',
  });
});
