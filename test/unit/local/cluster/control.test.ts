import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Command } from '../../../../local/cluster/commands.ts';
import { type Control, sendCommand, startControl } from '../../../../local/cluster/control.ts';
import { failure } from '../../../../system/failures.ts';
import { freshFolder } from '../../../support/local-process.ts';

const status: Command = { action: 'status', json: true };
const controls: Control[] = [];
const reported: string[] = [];
const start = async (run: (command: Command) => Promise<string>): Promise<string> => {
  const folder = freshFolder();
  controls.push(await startControl(folder, run, (line) => reported.push(line)));
  return folder;
};
afterEach(async () => {
  for (const { close } of controls.splice(0)) await close();
  reported.length = 0;
});

/** Sends a text, and returns the answer unchanged. */
const sendText = (folder: string, text: string): Promise<string> =>
  new Promise((resolve) => {
    let answered = '';
    connect({ path: join(folder, 'control') })
      .on('data', (chunk) => {
        answered += chunk;
      })
      .on('error', () => undefined)
      .once('close', () => resolve(answered))
      .end(text);
  });

describe('the socket of a cluster', () => {
  it('runs a command and returns the text to print', async () => {
    const folder = await start(async (command) => `${JSON.stringify(command)}\nand more`);
    expect(await sendCommand(folder, status)).toBe(`${JSON.stringify(status)}\nand more`);
  });

  it('returns one sentence if a command fails', async () => {
    const folder = await start(async () => {
      throw failure('node 2 runs already');
    });
    await expect(sendCommand(folder, { action: 'start', target: 2 })).rejects.toThrow(
      /^node 2 runs already$/,
    );
    expect(reported).toEqual([]);
  });

  it('reports an internal error in the output of the cluster, and a missing answer to the caller', async () => {
    const folder = await start(async () => {
      throw new TypeError('a bug');
    });
    await expect(sendCommand(folder, status)).rejects.toThrow(/gave no answer/);
    expect(reported).toEqual(['a command failed: a bug']);
  });

  it('ignores text that is not a command, and continues', async () => {
    const done: Command[] = [];
    const folder = await start(async (command) => String(done.push(command)));
    const tooLong = JSON.stringify(status) + ' '.repeat(70_000);
    for (const text of ['', 'kill 1', '{"action":"exec","target":1}', tooLong]) {
      expect(await sendText(folder, text)).toBe('');
    }
    expect(reported).toHaveLength(4);
    expect(done).toEqual([]);
    expect(await sendCommand(folder, status)).toBe('1');
  });

  it('replaces the socket that a killed run left behind', async () => {
    const folder = await start(async () => 'the first');
    const report = () => undefined;
    controls.push(await startControl(folder, async () => 'the second', report));
    expect(await sendCommand(folder, status)).toBe('the second');
  });

  it('fails with a user-facing error in a folder with a long path', async () => {
    const folder = join(freshFolder(), 'x'.repeat(120));
    const started = startControl(folder, async () => '', Object);
    await expect(started).rejects.toThrow(/is too long for a socket in it: set VAULT_DATA_DIR/);
    await expect(sendCommand(folder, status)).rejects.toThrow(/is too long/);
  });
});
