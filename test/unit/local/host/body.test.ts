import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { discardBody, readBody } from '../../../../local/host/requests.ts';

/** A request whose sender writes into it and is never done. */
const endless = () => {
  const stream = new PassThrough({ highWaterMark: 2 ** 30 });
  const request = Object.assign(stream, { headers: {}, complete: false });
  return { stream, request: request as unknown as IncomingMessage };
};

afterEach(() => {
  jest.useRealTimers();
});

describe('readBody', () => {
  it('stops reading as soon as the body is too long', async () => {
    const { stream, request } = endless();
    const read = readBody(request, 4);
    stream.write('hunt');
    stream.write('er2');
    expect(await read).toBe('too long');
    expect(stream.isPaused()).toBe(true);
    expect(stream.listenerCount('data')).toBe(0);
  });

  it('fails if the sender goes away in the middle', async () => {
    const { stream, request } = endless();
    const read = readBody(request, 4);
    stream.destroy();
    await expect(read).rejects.toThrow('the sender went away');
  });
});

describe('discardBody', () => {
  it('reads no further than 64 MiB', async () => {
    const { stream, request } = endless();
    let isDone = false;
    const done = discardBody(request).then(() => {
      isDone = true;
    });
    const block = Buffer.alloc(2 ** 20);
    for (let blocks = 0; blocks < 64; blocks += 1) stream.write(block);
    await new Promise((resolve) => setImmediate(resolve));
    expect(isDone).toBe(false);
    stream.write('a');
    await new Promise((resolve) => setImmediate(resolve));
    expect({ isDone, isPaused: stream.isPaused() }).toEqual({ isDone: true, isPaused: true });
    await done;
  });

  it('waits no longer than five seconds', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    const { stream, request } = endless();
    let isDone = false;
    const done = discardBody(request).then(() => {
      isDone = true;
    });
    await jest.advanceTimersByTimeAsync(4_999);
    expect(isDone).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect({ isDone, isPaused: stream.isPaused() }).toEqual({ isDone: true, isPaused: true });
    await done;
  });
});
