import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  replaceFile,
  replaceUnchanged,
  requireReplaceable,
  requireWritable,
  targetOf,
} from '../../../cli/output/private-files.ts';
import { freshFolder } from '../../support/local-process.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = freshFolder();
  file = join(folder, 'app.env');
});
const read = (path: string) => readFileSync(path, 'utf8');

describe('a file that a command replaces', () => {
  it('keeps its mode if it exists, and is private if it is new', () => {
    writeFileSync(file, 'old');
    chmodSync(file, 0o640);
    replaceUnchanged(requireReplaceable(file), 'new', 'old');
    expect([read(file), statSync(file).mode & 0o777]).toEqual(['new', 0o640]);
    const out = join(folder, 'out');
    replaceFile(requireWritable(out), 'new');
    expect([read(out), statSync(out).mode & 0o777]).toEqual(['new', 0o600]);
    expect(readdirSync(folder)).toEqual(['app.env', 'out']);
  });

  it('is refused at once if its folder is missing or if it is a folder itself, and nothing is written', () => {
    expect(() => requireWritable(join(folder, 'none', 'out'))).toThrow(/cannot write .*ENOENT/);
    expect(() => requireWritable(folder)).toThrow('is not a file that can be replaced');
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('a file that somebody saves while a command rewrites it', () => {
  const changed = (path: string) =>
    `${path} was changed meanwhile and stays as it is; run the command again`;
  beforeEach(() => {
    writeFileSync(file, 'A=1\n');
    symlinkSync('app.env', join(folder, 'link'));
  });

  it.each([
    ['with --in-place', 'app.env', { inPlace: true }],
    ['with --in-place by a link', 'link', { inPlace: true }],
    ['with --out and the same path', 'app.env', { out: 'app.env' }],
    ['with --out and a link to it', 'app.env', { out: 'link' }],
  ] as const)('keeps what was saved: %s', (_, name, flags) => {
    const out = 'out' in flags ? join(folder, flags.out) : undefined;
    const target = targetOf(join(folder, name), { ...flags, out });
    const before = readdirSync(folder);
    writeFileSync(file, 'A=1\nB=2\n');
    expect(() => target && replaceUnchanged(target, 'A=x\n', 'A=1\n')).toThrow(
      changed(out ?? join(folder, name)),
    );
    expect(read(file)).toBe('A=1\nB=2\n');
    expect(readdirSync(folder)).toEqual(before);
  });

  it('is not created again if somebody deleted it', () => {
    const target = requireReplaceable(file);
    renameSync(file, `${file}.moved`);
    expect(() => replaceUnchanged(target, 'A=x\n', 'A=1\n')).toThrow(changed(file));
    expect(readdirSync(folder)).toEqual(['app.env.moved', 'link']);
  });

  it('is compared at the last moment before the new file replaces it', () => {
    const target = requireReplaceable(file);
    // `replaceUnchanged` reads `mode` after it has written the draft, so here somebody changes the
    // file at the last moment.
    const late = {
      ...target,
      get mode() {
        writeFileSync(file, 'A=1\nB=2\n');
        return target.mode;
      },
    };
    expect(() => replaceUnchanged(late, 'A=x\n', 'A=1\n')).toThrow(changed(file));
    expect(read(file)).toBe('A=1\nB=2\n');
  });

  it('does not stop a command that writes to another file', () => {
    const out = join(folder, 'out');
    writeFileSync(out, 'older');
    const target = targetOf(file, { out });
    writeFileSync(file, 'A=1\nB=2\n');
    if (target) replaceUnchanged(target, 'A=x\n', 'A=1\n');
    expect([read(out), read(file)]).toEqual(['A=x\n', 'A=1\nB=2\n']);
  });
});

describe('the draft that a killed command left behind', () => {
  const drafts = () => readdirSync(folder).filter((name) => name !== 'app.env');
  beforeEach(() => {
    const script = `
      import { replaceFile } from ${JSON.stringify(resolve('cli/output/private-files.ts'))};
      const target = { file: ${JSON.stringify(file)}, get mode() { process.kill(process.pid, 'SIGKILL'); } };
      replaceFile(target, 'A=hunter2\\n');`;
    const ran = spawnSync(process.execPath, ['--input-type=module', '-e', script]);
    expect([ran.signal, String(ran.stderr)]).toEqual(['SIGKILL', '']);
    expect(drafts().map((name) => read(join(folder, name)))).toEqual(['A=hunter2\n']);
  });
  /** Renames the draft as if a process with this pid had made it. */
  const giveTo = (pid: number): string => {
    const [draft = ''] = drafts();
    const name = draft.replace(/-\d+-/, `-${pid}-`);
    renameSync(join(folder, draft), join(folder, name));
    return name;
  };

  it('has a name that ignore rules for .env* and *.env cover', () => {
    expect(drafts()).toEqual([expect.stringMatching(/^\.env\..*\.env$/)]);
  });

  it('is removed by the next command that writes into the folder', () => {
    requireWritable(file);
    expect(drafts()).toEqual([]);
  });

  it('is removed when the next file is written, even if the process that writes has the same pid', () => {
    giveTo(process.pid);
    replaceFile({ file, mode: 0o600 }, 'new');
    expect(drafts()).toEqual([]);
  });

  it('is kept while a process with its pid runs, but at most for a minute, because pids are reused', () => {
    const name = giveTo(process.ppid);
    requireWritable(file);
    expect(drafts()).toEqual([name]);
    const twoMinutesAgo = Date.now() / 1_000 - 120;
    utimesSync(join(folder, name), twoMinutesAgo, twoMinutesAgo);
    requireWritable(file);
    expect(drafts()).toEqual([]);
  });
});
