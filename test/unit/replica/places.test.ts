import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import type { AskPeer } from '../../../local/replica/peers.ts';
import { askForPlace, createPlaceGiver } from '../../../local/replica/places.ts';
import { configOf } from '../../support/peers.ts';

describe('a node that asks for a place in the log', () => {
  /** Peers that answer in turn, by these; what they were asked, and what the node was told of refusals. */
  const asking = (answers: readonly (string | Error)[], signal = new AbortController().signal) => {
    const rest = [...answers];
    const asked: (readonly [node: number, path: string, body: string | undefined])[] = [];
    const refusals: string[] = [];
    const ask: AskPeer = async (node, _, path, { body }) => {
      asked.push([node, path, body]);
      const answer = rest.shift() ?? new Error('it is silent');
      if (answer instanceof Error) throw answer;
      return Readable.from([Buffer.from(answer)]) as IncomingMessage;
    };
    const onRefused = (why: string) => void refusals.push(why);
    const place = askForPlace({ node: 3, ask, others: [1, 2], onRefused, signal });
    return { place, asked, refusals };
  };
  const body = '{"node":3}';

  it('takes the first that one of the others gives', async () => {
    const { place, asked, refusals } = asking(['node-1=a,node-3=b']);
    expect(await place).toBe('node-1=a,node-3=b');
    expect(asked).toEqual([[1, '/place', body]]);
    expect(refusals).toEqual([]);
  });

  it('asks all the others, again and again, and tells why there is none', async () => {
    const silent = new Error('it is silent');
    const busy = new Error('it is not in the log itself');
    const { place, asked, refusals } = asking([silent, busy, 'node-1=a,node-3=b']);
    expect(await place).toBe('node-1=a,node-3=b');
    expect(asked.map(([node]) => node)).toEqual([1, 2, 1]);
    expect(refusals).toEqual(['it is silent', 'it is not in the log itself']);
  });

  it('gives up when it is closed', async () => {
    const closing = new AbortController();
    const { place } = asking([], closing.signal);
    closing.abort();
    await expect(place).rejects.toThrow('The operation was aborted');
  });
});

describe('a node that is asked for a place in the log', () => {
  const give = (findMember: () => string | undefined, response: Partial<ServerResponse>) => {
    const given: number[] = [];
    const onGiven = async (node: number) => void given.push(node);
    const answer = createPlaceGiver({ config: configOf(1), findMember, onGiven });
    return { given, told: answer('{"node":3}', response as ServerResponse) };
  };

  it('gives none while it has none itself', async () => {
    const { given, told } = give(() => undefined, { destroyed: false });
    await expect(told).rejects.toThrow('it is not in the log itself');
    expect(given).toEqual([]);
  });

  it('gives none to who has given up waiting', async () => {
    const { given, told } = give(() => '127.0.0.1:9', { destroyed: true });
    await expect(told).rejects.toThrow('nobody waits for it any more');
    expect(given).toEqual([]);
  });
});
