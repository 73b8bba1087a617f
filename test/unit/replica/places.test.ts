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
  const cluster = '{"cluster":"node-1=a,node-3=b"}';

  it('takes the first that one of the others gives', async () => {
    const { place, asked, refusals } = asking([cluster]);
    expect(await place).toBe('node-1=a,node-3=b');
    expect(asked).toEqual([[1, '/place', '{"node":3}']]);
    expect(refusals).toEqual([]);
  });

  it('names the member that it has lost, as it is told, and asks for nothing in place of another one', async () => {
    const { place, asked, refusals } = asking(['{"member":"7"}', '{"member":"8"}', cluster]);
    expect(await place).toBe('node-1=a,node-3=b');
    expect(asked.map(([node, _, body]) => [node, body])).toEqual([
      [1, '{"node":3}'],
      [1, '{"node":3,"instead":"7"}'],
      [2, '{"node":3}'],
    ]);
    expect(refusals).toEqual(['the member is 8 by now']);
  });

  it('asks all the others, again and again, and tells why there is none', async () => {
    const silent = new Error('it is silent');
    const busy = new Error('it is not in the log itself');
    const { place, asked, refusals } = asking([silent, busy, cluster]);
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

it('a node that is asked for a place in the log gives none while it has none itself', async () => {
  const given: number[] = [];
  const onGiven = async (node: number) => void given.push(node);
  const give = createPlaceGiver({ config: configOf(1), findMember: () => undefined, onGiven });
  const told = give('{"node":3}', {} as ServerResponse);
  await expect(told).rejects.toThrow('it is not in the log itself');
  expect(given).toEqual([]);
});
