import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { manPageOf } from '../../cli/man-page.ts';
import { programFor } from '../../cli/program.ts';
import { freshFolder } from '../support/local-process.ts';

it('mandoc reads the man page of dsvault without a remark', async () => {
  const page = join(freshFolder(), 'dsvault.1');
  const edition = { version: '1.2.3', day: '2026-11-28' };
  writeFileSync(page, manPageOf(await programFor(), edition));
  const mandoc = spawnSync('mandoc', ['-T', 'lint', '-W', 'style', page], { encoding: 'utf8' });
  expect([mandoc.error, mandoc.stdout]).toEqual([undefined, '']);
});
