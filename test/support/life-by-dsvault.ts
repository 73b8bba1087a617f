import { expect } from '@jest/globals';
import { openDsvault } from './dsvault.ts';

/**
 * Takes a secret through its life with `dsvault`: creates, deletes and restores it, and destroys
 * its first value. The commands go to the vault's addresses in turn.
 */
export const liveByDsvault = async (
  name: string,
  addresses: readonly string[],
  token: string,
): Promise<void> => {
  let turn = 0;
  const run = async (...args: readonly string[]) => {
    const dsvault = openDsvault({
      DSVAULT_ADDR: addresses[turn++ % addresses.length],
      DSVAULT_TOKEN: token,
    });
    const { code, stdout, stderr } = await dsvault.run(args);
    return { code, text: `${stdout}${stderr}` };
  };
  const done = async (...args: readonly string[]): Promise<string> => {
    const { code, text } = await run(...args);
    expect({ args, code, text }).toMatchObject({ code: 0 });
    return text;
  };
  await done('create', name, '--generate', '32', '--note', 'for the invoices');
  const value = await done('get', name);
  await done('delete', name, '--note', 'nobody needs it');
  const missing = { code: 3, text: expect.stringContaining('not_found') };
  expect(await run('get', name)).toMatchObject(missing);
  expect(await done('list', '--deleted')).toContain(name);
  await done('restore', name, '--note', 'needed after all');
  expect(await done('get', name)).toBe(value);
  await done('destroy', `${name}@1`);
  const told = await done('history', name);
  for (const part of ['destroyed', 'nobody needs it', 'needed after all']) {
    expect(told).toContain(part);
  }
};
