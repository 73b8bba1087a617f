import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { startMember } from '../../../../local/node/member.ts';
import {
  findServedBy,
  hasMemberFiles,
  keepServedBy,
  putAside,
} from '../../../../local/node/member-files.ts';
import { freshFolder } from '../../../support/local-process.ts';
import { configOf, memberOptionsOf } from '../../../support/nodes.ts';

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

  it('leave the member when they are put aside, and stay until the member serves', async () => {
    writeFiles('a log');
    putAside(folder);
    putAside(folder);
    expect([hasMemberFiles(folder), asideOf()]).toEqual([false, ['wal']]);
    writeFiles('the log of the new member');
    await keepServedBy(folder, '3.7');
    expect([existsSync(join(folder, 'etcd.lost')), findServedBy(folder)]).toEqual([false, '3.7']);
    await keepServedBy(folder, '3.8');
    expect(findServedBy(folder)).toBe('3.8');
  });

  it('stay aside while files that have never served are put aside, and give way to files that have', async () => {
    const logAside = () => readFileSync(join(folder, 'etcd.lost', 'member', 'wal'), 'utf8');
    writeFiles('a log');
    putAside(folder);
    writeFiles('half of a log');
    putAside(folder);
    expect([hasMemberFiles(folder), logAside()]).toEqual([false, 'a log']);
    writeFiles('a later log');
    writeFileSync(join(folder, 'etcd', 'member', 'served-by'), '3.7');
    putAside(folder);
    expect([hasMemberFiles(folder), logAside()]).toEqual([false, 'a later log']);
    expect(findServedBy(folder)).toBeUndefined();
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
