/** The records of the programs that `dsvault run` started. e2e/cli/scripts/ps.txt shows them. */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openRecord, readRecords } from '../../../cli/run/program-records.ts';
import { freshFolder } from '../../support/local-process.ts';
import { itAsRoot } from '../../support/needs.ts';

const about = { program: 'server', addr: 'http://a', tenant: 'acme' };
const versions = [{ name: 'A', version: 3, anchor: 'k3f9qzTb' }];
/** No process has a number as high as this one: the system allows up to 2 ** 22. */
const noPid = 2 ** 22 + 1;

describe('the record of a program', () => {
  let home: string;
  let folder: string;
  beforeEach(() => {
    home = freshFolder();
    process.env['XDG_CACHE_HOME'] = home;
    folder = join(home, 'dsvault/programs');
  });
  afterEach(() => {
    delete process.env['XDG_CACHE_HOME'];
  });

  const files = () =>
    existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
  const keep = (pid = process.pid) => {
    const record = openRecord(about);
    record.write(pid, versions);
    return record;
  };
  /** Changes the only record. */
  const change = (with_: object) => {
    const [file = ''] = files();
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), ...with_ }));
  };

  it('is private, and is kept until dsvault removes it', () => {
    const record = keep();
    const modes = [folder, ...files()].map((file) => statSync(file).mode & 0o777);
    expect(modes).toEqual([0o700, 0o600]);
    expect(readRecords()).toMatchObject([{ ...about, pid: process.pid, versions }]);
    record.write(process.pid, []);
    expect(readRecords()).toMatchObject([{ versions: [] }]);
    record.remove();
    expect(files()).toEqual([]);
  });

  it.each([
    ['has ended', { pid: noPid }],
    ['started at another time, so it is another process with the same pid', { start: 'earlier' }],
  ])('is removed by the next reader if the process %s', (_, changed) => {
    keep();
    change(changed);
    expect([readRecords(), files()]).toEqual([[], []]);
  });

  it.each([
    ['if the system did not tell when the process started', { start: null }, 1, 1],
    [
      'but is not shown if another machine that shares the home folder wrote it',
      { machine: 'b' },
      0,
      1,
    ],
    ['but is not shown if another release wrote it', { pid: '1' }, 0, 1],
  ])('stays %s', (_, changed, shown, kept) => {
    keep();
    change(changed);
    expect([readRecords().length, files().length]).toEqual([shown, kept]);
  });

  it('removes the records of ended programs when it is written', () => {
    keep();
    change({ pid: noPid });
    keep();
    expect(files()).toHaveLength(1);
  });

  it('is not written for a process that has ended', () => {
    keep(noPid);
    expect(files()).toEqual([]);
  });

  const expectUnused = () => {
    keep();
    expect(files()).toEqual([]);
    expect(readRecords).toThrow('is not private: remove it');
  };

  it.each<[string, () => void]>([
    [
      'is open to other users',
      () => {
        mkdirSync(folder, { recursive: true });
        chmodSync(folder, 0o770);
      },
    ],
    [
      'is a link',
      () => {
        mkdirSync(join(home, 'dsvault'));
        mkdirSync(join(home, 'elsewhere'), { mode: 0o700 });
        symlinkSync(join(home, 'elsewhere'), folder);
      },
    ],
  ])('is neither written nor read in a folder that %s', (_, make) => {
    make();
    expectUnused();
  });
  itAsRoot('is neither written nor read in a folder that is of another user', () => {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chownSync(folder, 12_345, 12_345);
    expectUnused();
  });

  const expectNoRecord = () => {
    keep().remove();
    expect([readRecords(), readdirSync(home)]).toEqual([[], []]);
  };
  it('is skipped without an error if no cache folder can be made', () => {
    process.env['XDG_CACHE_HOME'] = '/dev/null';
    expectNoRecord();
  });
  itAsRoot('is skipped without an error if the home is of another user', () => {
    chownSync(home, 12_345, 12_345);
    expectNoRecord();
  });
});
