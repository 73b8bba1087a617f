import { describe, expect, it } from '@jest/globals';
import { type Closer, closeAll } from '../../../../local/host/ending.ts';

describe('closeAll', () => {
  const closed: string[] = [];
  const part = (name: string, failure?: string): Closer => {
    return async () => {
      await new Promise(setImmediate);
      closed.push(name);
      if (failure !== undefined) throw new Error(failure);
    };
  };

  it('closes in reverse order, one after another, and only once', async () => {
    const closers = [part('lock'), part('store'), () => void closed.push('client')];
    await closeAll(closers);
    await closeAll(closers);
    expect(closed.splice(0)).toEqual(['client', 'store', 'lock']);
  });

  it('closes all even if some fail, and then throws the first error', async () => {
    const thrower = () => {
      throw new Error('no answer');
    };
    const closers = [part('lock'), part('store', 'it hangs'), thrower, part('client')];
    await expect(closeAll(closers)).rejects.toThrow('no answer');
    expect(closed.splice(0)).toEqual(['client', 'store', 'lock']);
  });
});
