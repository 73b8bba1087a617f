import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { startMember } from '../../../../local/node/member.ts';
import {
  findLostWords,
  hasMemberFiles,
  putAside,
  removeAside,
} from '../../../../local/node/member-files.ts';
import { freshFolder } from '../../../support/local-process.ts';
import { configOf, memberOptionsOf } from '../../../support/nodes.ts';

const line = (level: string, msg: string) => JSON.stringify({ level, msg });

describe('a line of the log of etcd', () => {
  it.each([
    [line('fatal', 'discovery failed: member 1 has already been bootstrapped')],
    ['panic: tocommit(107) is out of range [lastIndex(92)]. Was the log lost?'],
    [line('panic', 'failed to recover v3 backend from snapshot')],
    ['panic: cannot use none as id'],
    ['fatal error: fault'],
    [JSON.stringify({ level: 'panic', msg: 'failed to open database', error: 'invalid database' })],
    ['panic: freepages: failed to get all reachable pages (page 7: out of bounds: 5)'],
    [
      '{"level":"fatal","msg":"discovery failed","error":"proto: cannot parse invalid wire-format data"}',
    ],
    [line('warn', 'data-dir used by this member must be removed')],
  ])('says that the files cannot be used: %s', (said) => {
    expect(findLostWords(said)).toBeDefined();
  });

  it.each([
    ['a broken connection', line('warn', 'lost stream: unexpected EOF')],
    ['an address in use', line('fatal', 'bind: address already in use')],
    ['files without permission', line('panic', 'failed to open database: permission denied')],
    ['too little memory', 'fatal error: runtime: out of memory'],
    ['nothing', ''],
    [
      'an entry of etcd 3.4 in the words of etcd 3.7',
      '{"level":"panic","msg":"execute job failed","job":"server_applyAll","panic":"unmarshal should never fail (proto: cannot parse invalid wire-format data)"}',
    ],
    [
      'such an entry in the words of a panic',
      'panic: unmarshal should never fail (proto: cannot parse invalid wire-format data) [recovered]',
    ],
  ])('leaves the files usable if it reports %s', (_, said) => {
    expect(findLostWords(said)).toBeUndefined();
  });
});

describe('the files of a member', () => {
  let folder: string;
  const writeFiles = (text: string): void => {
    mkdirSync(join(folder, 'etcd', 'member'), { recursive: true });
    writeFileSync(join(folder, 'etcd', 'member', 'wal'), text);
  };
  const asideOf = () => readdirSync(join(folder, 'etcd.lost', 'member'));
  beforeEach(() => {
    folder = freshFolder();
  });

  it('exist only if the folder of etcd holds any', () => {
    expect(hasMemberFiles(folder)).toBe(false);
    mkdirSync(join(folder, 'etcd', 'member'), { recursive: true });
    expect(hasMemberFiles(folder)).toBe(false);
    writeFiles('a log');
    expect(hasMemberFiles(folder)).toBe(true);
  });

  it('leave the member when they are put aside, and stay until they are removed', () => {
    writeFiles('a log');
    putAside(folder);
    putAside(folder);
    expect([hasMemberFiles(folder), asideOf()]).toEqual([false, ['wal']]);
    removeAside(folder);
    expect(existsSync(join(folder, 'etcd.lost'))).toBe(false);
  });

  it('move aside before the node asks for a new member, and stay there until it has one', async () => {
    const seen: (readonly string[])[] = [];
    writeFiles('what it knew');
    const closed = new Error('the node is closed');
    const options = memberOptionsOf({
      config: configOf(1),
      folder,
      askForMember: async () => {
        seen.push([String(hasMemberFiles(folder)), ...asideOf()]);
        throw closed;
      },
    });
    // The second start finds no files, and nothing to put aside.
    for (const lost of ['they are old', 'it has no files']) {
      await expect(startMember(options, lost)).rejects.toBe(closed);
    }
    expect(seen).toEqual([
      ['false', 'wal'],
      ['false', 'wal'],
    ]);
    expect(asideOf()).toEqual(['wal']);
  });
});
