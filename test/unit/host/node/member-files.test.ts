import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { startMember } from '../../../../host/node/member.ts';
import {
  findServed,
  hasMemberFiles,
  keepServed,
  peerTlsOptions,
  putAside,
  writePeerTls,
} from '../../../../host/node/member-files.ts';
import { freshFolder } from '../../../support/local-process.ts';
import { configOf, memberOptionsOf } from '../../../support/nodes.ts';

describe('the etcd files of a member', () => {
  let folder: string;
  const writeFiles = (text: string): void => {
    mkdirSync(join(folder, 'etcd', 'member'), { recursive: true });
    writeFileSync(join(folder, 'etcd', 'member', 'wal'), text);
  };
  const asideOf = () => readdirSync(join(folder, 'etcd.lost', 'member'));
  beforeEach(() => {
    folder = freshFolder();
  });

  it('exist only if the etcd folder is not empty', () => {
    expect(hasMemberFiles(folder)).toBe(false);
    mkdirSync(join(folder, 'etcd', 'member'), { recursive: true });
    expect(hasMemberFiles(folder)).toBe(false);
    writeFiles('a log');
    expect(hasMemberFiles(folder)).toBe(true);
  });

  it('move out of the etcd folder when they are put aside, and are kept until the member serves', async () => {
    writeFiles('a log');
    putAside(folder);
    putAside(folder);
    expect([hasMemberFiles(folder), asideOf()]).toEqual([false, ['wal']]);
    writeFiles('the log of the new member');
    const served = { release: '3.7', revision: 90 };
    await keepServed(folder, served);
    expect([existsSync(join(folder, 'etcd.lost')), findServed(folder)]).toEqual([false, served]);
  });

  it('record the release that served them and the latest revision, which an older status does not lower', async () => {
    writeFiles('a log');
    const kept = async (release: string, revision: number) => {
      await keepServed(folder, { release, revision });
      return findServed(folder);
    };
    expect(await kept('3.7', 90)).toEqual({ release: '3.7', revision: 90 });
    expect(await kept('3.7', 91)).toEqual({ release: '3.7', revision: 91 });
    expect(await kept('3.7', 80)).toEqual({ release: '3.7', revision: 91 });
    expect(await kept('3.8', 80)).toEqual({ release: '3.8', revision: 91 });
    writeFileSync(join(folder, 'etcd', 'member', 'served-by'), '{"release":');
    expect(findServed(folder)).toBeUndefined();
  });

  it('once put aside, stay there until files that etcd has served are put aside after them', async () => {
    const logAside = () => readFileSync(join(folder, 'etcd.lost', 'member', 'wal'), 'utf8');
    writeFiles('a log');
    putAside(folder);
    writeFiles('half of a log');
    putAside(folder);
    expect([hasMemberFiles(folder), logAside()]).toEqual([false, 'a log']);
    writeFiles('a later log');
    writeFileSync(join(folder, 'etcd', 'member', 'served-by'), '{"release":"3.7","revision":1}');
    putAside(folder);
    expect([hasMemberFiles(folder), logAside()]).toEqual([false, 'a later log']);
    expect(findServed(folder)).toBeUndefined();
  });

  it('are put aside before the node asks for a new member, and kept there until it has one', async () => {
    const seen: (readonly string[])[] = [];
    writeFiles('what it knew');
    const closed = new Error('the node is closed');
    const options = memberOptionsOf({
      config: configOf(1),
      folder,
      onLost: async () => {
        seen.push([String(hasMemberFiles(folder)), ...asideOf()]);
        throw closed;
      },
    });
    // At the second start there are no files left to put aside.
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

it("writePeerTls replaces the files named in etcd's options, for their owner only", () => {
  const folder = freshFolder();
  const modeOf = (path: string) => statSync(join(folder, path)).mode & 0o777;
  for (const key of ['the key', 'another key']) {
    writePeerTls(folder, { ca: 'the authority', certificate: 'the certificate', key });
    for (const [option, content] of [
      ['peer-trusted-ca-file', 'the authority'],
      ['peer-cert-file', 'the certificate'],
      ['peer-key-file', key],
    ] as const) {
      expect(readFileSync(join(folder, peerTlsOptions[option]), 'utf8')).toBe(content);
      expect(modeOf(peerTlsOptions[option])).toBe(0o600);
    }
  }
  expect(modeOf('tls')).toBe(0o700);
});
