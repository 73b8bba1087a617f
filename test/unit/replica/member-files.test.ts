import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { startMember } from '../../../local/replica/member.ts';
import { findLostWords, hasMemberFiles } from '../../../local/replica/member-files.ts';
import { configOf } from '../../support/peers.ts';

const line = (level: string, msg: string) => JSON.stringify({ level, msg });

describe('a member of the log', () => {
  it.each([
    [line('fatal', 'discovery failed: member 1 has already been bootstrapped')],
    ['panic: tocommit(107) is out of range [lastIndex(92)]. Was the log lost?'],
    [line('panic', 'failed to recover v3 backend from snapshot')],
    ['panic: cannot use none as id'],
    ['fatal error: fault'],
    [JSON.stringify({ level: 'panic', msg: 'failed to open database', error: 'invalid database' })],
    ['panic: freepages: failed to get all reachable pages (page 7: out of bounds: 5)'],
    [line('warn', 'data-dir used by this member must be removed')],
  ])('has lost its files: %s', (said) => {
    expect(findLostWords(said)).toBeDefined();
  });

  it.each([
    ['warned of a broken connection', line('warn', 'lost stream: unexpected EOF')],
    ['could not listen', line('fatal', 'bind: address already in use')],
    ['cannot open them', line('panic', 'failed to open database: permission denied')],
    ['had no memory', 'fatal error: runtime: out of memory'],
    ['said nothing', ''],
  ])('keeps its files if it %s', (_, said) => {
    expect(findLostWords(said)).toBeUndefined();
  });

  it('has given up its files before anybody is asked for a new place, and keeps them aside until there is one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vault-member-'));
    const closed = new Error('it is closed');
    const seen: (readonly string[])[] = [];
    mkdirSync(join(folder, 'etcd', 'member'), { recursive: true });
    writeFileSync(join(folder, 'etcd', 'member', 'wal'), 'what it knew');
    const makeRoom = async () => {
      seen.push([
        String(hasMemberFiles(folder)),
        ...readdirSync(join(folder, 'etcd.lost', 'member')),
      ]);
      throw closed;
    };
    const options = { config: configOf(1), folder, secret: '', makeRoom, report: () => undefined };
    // The second start finds no files, and nothing to put aside.
    for (const lost of ['they are behind', 'it has no files']) {
      await expect(startMember(options, lost)).rejects.toBe(closed);
    }
    expect(seen).toEqual([
      ['false', 'wal'],
      ['false', 'wal'],
    ]);
    rmSync(folder, { recursive: true });
  });
});
