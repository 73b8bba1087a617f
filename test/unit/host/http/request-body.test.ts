import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import {
  discardBody,
  isForName,
  isFromPage,
  readBody,
} from '../../../../host/http/request-body.ts';

/** A request whose sender keeps writing and never ends the body. */
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

  it('fails if the client disconnects in the middle of the body', async () => {
    const { stream, request } = endless();
    const read = readBody(request, 4);
    stream.destroy();
    await expect(read).rejects.toThrow('the sender went away');
  });
});

describe('discardBody', () => {
  const discard = () => {
    const { stream, request } = endless();
    const seen = { isDone: false };
    void discardBody(request).then(() => {
      seen.isDone = true;
    });
    return { stream, state: () => ({ ...seen, isPaused: stream.isPaused() }) };
  };
  const soon = () => new Promise((resolve) => setImmediate(resolve));

  it('reads at most 64 MiB of a body', async () => {
    const { stream, state } = discard();
    for (let blocks = 0; blocks < 64; blocks += 1) stream.write(Buffer.alloc(2 ** 20));
    await soon();
    expect(state()).toEqual({ isDone: false, isPaused: false });
    stream.write('a');
    await soon();
    expect(state()).toEqual({ isDone: true, isPaused: true });
  });

  it('waits at most five seconds for the end of a body', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    const { state } = discard();
    await jest.advanceTimersByTimeAsync(4_999);
    expect(state().isDone).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(state()).toEqual({ isDone: true, isPaused: true });
  });
});

it('isFromPage is true for a request with any Origin header', () => {
  for (const origin of ['https://a.example', 'http://127.0.0.1:3000', 'null', '']) {
    expect(isFromPage({ headers: { origin } })).toBe(true);
  }
  expect(isFromPage({ headers: {} })).toBe(false);
});

it('isForName is true for a Host header that is not an IP address, and false without a Host header', () => {
  for (const host of ['127.0.0.1', '127.0.0.1:8000', '10.213.77.11:2380', '[::1]:8000']) {
    expect([host, isForName({ headers: { host } })]).toEqual([host, false]);
  }
  const at = ['a.example', 'a.example:8000', 'localhost', '127.0.0.1.a.example'];
  for (const host of [...at, '127.0.0.1@a.example', 'not a host', '']) {
    expect([host, isForName({ headers: { host } })]).toEqual([host, true]);
  }
  expect(isForName({ headers: {} })).toBe(false);
});
