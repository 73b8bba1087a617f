import { describe, expect, it } from '@jest/globals';
import { flameGraphOf } from '../../../bench/flame.ts';
import type { Profile } from '../../../bench/profiles.ts';

type Made = {
  readonly name: string;
  readonly url?: string;
  readonly line?: number;
  /** The microseconds that the function takes by itself. */
  readonly own?: number;
  readonly calls?: readonly Made[];
};

/** A profile as V8 writes it, with one sample of each function that takes time by itself. */
const profileOf = (...calls: readonly Made[]): Profile => {
  const nodes: Profile['nodes'][number][] = [];
  const samples: number[] = [];
  // Before the first sample there is only the start.
  const timeDeltas = [7];
  let next = 1;
  const add = ({ name, url = '', line = 1, own, calls: callees = [] }: Made): number => {
    const id = next++;
    if (own !== undefined) {
      samples.push(id);
      timeDeltas.push(own);
    }
    const callFrame = { functionName: name, url, lineNumber: line - 1 };
    nodes.push({ id, callFrame, children: callees.map(add) });
    return id;
  };
  add({ name: '(root)', calls });
  return { nodes, samples, timeDeltas };
};

const source = (file: string) => `file:///home/local/vault/${file}`;
const about = { operation: 'get', kind: 'node', clients: 16 };
const graphOf = (...profiles: readonly Profile[]) => flameGraphOf(profiles, about);

/** The frames as they are drawn: what each says, and where it is. */
const framesOf = (svg: string) =>
  [
    ...svg.matchAll(
      /<g class="(\w+)"><title>(.*?)<\/title><rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"/g,
    ),
  ].map(([, place, title = '', ...numbers]) => {
    const [x = Number.NaN, y = Number.NaN, width = Number.NaN] = numbers.map(Number);
    return { place, title, x, y, width };
  });
const titlesOf = (svg: string) => framesOf(svg).map(({ title }) => title);

describe('a flame graph', () => {
  it('gives a function the width of its time with its callees, above its caller', () => {
    const callee = { name: 'callee', own: 600 };
    const [caller, called, other] = framesOf(
      graphOf(
        profileOf({ name: 'caller', own: 200, calls: [callee] }, { name: 'other', own: 200 }),
      ),
    );
    expect([caller?.title, called?.title]).toEqual(['caller, 80.0 %', 'callee, 60.0 %']);
    // Frames are half a pixel apart, so their widths are exact only to that.
    expect((called?.width ?? 0) / (caller?.width ?? 0)).toBeCloseTo(0.75, 2);
    expect((other?.width ?? 0) / (caller?.width ?? 0)).toBeCloseTo(0.25, 2);
    expect(called?.x).toBe(caller?.x);
    expect(called?.y).toBeLessThan(caller?.y ?? 0);
    expect(other?.y).toBe(caller?.y);
    expect(other?.x).toBeCloseTo((caller?.x ?? 0) + (caller?.width ?? 0), -1);
  });

  it('merges the calls of a function in a process and across processes', () => {
    const url = source('functions/get-secret.ts');
    const one = profileOf(
      { name: 'turn', calls: [{ name: 'handler', url, own: 100 }] },
      { name: 'turn', calls: [{ name: 'handler', url, own: 200 }] },
    );
    const two = profileOf({ name: 'turn', own: 400, calls: [{ name: 'handler', url, own: 300 }] });
    expect(titlesOf(graphOf(one, two))).toEqual([
      'turn, 100 %',
      'handler functions/get-secret.ts:1, 60.0 %',
    ]);
  });

  it('distinguishes functions of one name by their file and line', () => {
    const of = (file: string, line: number) => ({ name: '', url: source(file), line, own: 100 });
    const svg = graphOf(
      profileOf(
        of('local/kms/server.ts', 3),
        of('local/kms/server.ts', 9),
        of('local/bin/key.ts', 3),
      ),
    );
    expect(titlesOf(svg)).toEqual([
      '(anonymous) local/bin/key.ts:3, 33.3 %',
      '(anonymous) local/kms/server.ts:3, 33.3 %',
      '(anonymous) local/kms/server.ts:9, 33.3 %',
    ]);
  });

  it('leaves out idle time', () => {
    const svg = graphOf(profileOf({ name: '(idle)', own: 9_000 }, { name: 'work', own: 100 }));
    expect(titlesOf(svg)).toEqual(['work, 100 %']);
  });

  it('leaves out functions of less than 0.3 %, and counts their time', () => {
    const callees = [
      { name: 'just', own: 30 },
      { name: 'short', own: 29 },
    ];
    const svg = graphOf(profileOf({ name: 'work', own: 9_941, calls: callees }));
    expect(titlesOf(svg)).toEqual(['work, 100 %', 'just, 0.300 %']);
  });

  it('orders frames by name, whatever was called first', () => {
    const [a, b] = [
      { name: 'a', own: 100 },
      { name: 'b', own: 500 },
    ];
    expect(graphOf(profileOf(b, a))).toBe(graphOf(profileOf(a, b)));
    expect(framesOf(graphOf(profileOf(b, a))).map(({ x }) => x)).toEqual([10, expect.any(Number)]);
    expect(titlesOf(graphOf(profileOf(b, a)))).toEqual(['a, 16.7 %', 'b, 83.3 %']);
  });

  it('escapes special characters in names', () => {
    const svg = graphOf(profileOf({ name: '<b>&', own: 100 }));
    expect(titlesOf(svg)).toEqual(['&lt;b>&amp;, 100 %']);
    expect(svg).toContain('>&lt;b>&amp;</text>');
  });

  it('cuts a name that is longer than its frame, and keeps it whole in the tooltip', () => {
    const name = 'aNameOfThirtyFiveCharactersOrMore12';
    const svg = graphOf(profileOf({ name, own: 100 }, { name: 'x', own: 900 }));
    expect(titlesOf(svg)).toContain(`${name}, 10.0 %`);
    expect(svg).toContain('>aNameOfThirtyFive…</text>');
  });

  it('shows only the file of an anonymous function in a narrow frame', () => {
    const made = { name: '', url: source('functions/http/endpoint.ts'), own: 150 };
    const svg = graphOf(profileOf(made, { name: 'x', own: 850 }));
    expect(titlesOf(svg)).toContain('(anonymous) functions/http/endpoint.ts:1, 15.0 %');
    expect(svg).toContain('>http/endpoint.ts</text>');
  });

  it('colours functions by their origin', () => {
    const files = {
      a: source('functions/http/endpoint.ts'),
      b: source('local/host/gateway.ts'),
      c: source('node_modules/@smithy/core/dist-cjs/index.js'),
      d: source('node_modules/@aws-sdk/client-kms/dist-cjs/index.js'),
      e: source('node_modules/jose/dist/index.js'),
      f: source('node_modules/other/functions/index.js'),
      g: 'node:net',
      h: '',
    };
    const made = Object.entries(files).map(([name, url]) => ({ name, url, own: 100 }));
    const svg = graphOf(profileOf({ name: '(garbage collector)', own: 200 }, ...made));
    const classes = framesOf(svg).map(({ place }) => place);
    const [gc, ours, local, smithy, sdk, jose, other, node, engine] = classes;
    expect([smithy, jose, node]).toEqual([sdk, other, engine]);
    expect(new Set([gc, ours, local, sdk, other, node]).size).toBe(6);
    for (const entry of ['functions/ 10.0 %', 'local/ 10.0 %', 'AWS SDK 20.0 %']) {
      expect(svg).toContain(`>${entry}</text>`);
    }
    for (const entry of [
      'other packages 20.0 %',
      'Node itself 20.0 %',
      'garbage collector 20.0 %',
    ]) {
      expect(svg).toContain(`>${entry}</text>`);
    }
  });

  it('states what was measured, and the speed if that is known', () => {
    const profile = profileOf({ name: 'work', own: 100 });
    const title = 'get: processor time of 2 × node, clients: 16';
    expect(graphOf(profile, profile)).toContain(`>${title}</text>`);
    const svg = flameGraphOf([profile, profile], { ...about, perSecond: 478.2 });
    expect(svg).toContain(`>${title}, 478 operations a second</text>`);
  });

  it('stays small however much was called, and keeps the widest frames', () => {
    const deep = (levels: number, name: string): Made =>
      levels === 0 ? { name, own: 100 } : { name, calls: [deep(levels - 1, name)] };
    const towers = Array.from({ length: 100 }, (_, index) => deep(30, `${index}`.repeat(200)));
    const svg = graphOf(profileOf(...towers, { name: 'z', own: 200 }));
    expect(titlesOf(svg).filter((title) => title.startsWith('z'))).toHaveLength(1);
    expect(framesOf(svg)).toHaveLength(400);
    expect(Buffer.byteLength(svg)).toBeLessThan(150_000);
  });

  it('stays empty for a program that did nothing', () => {
    const svg = graphOf(profileOf({ name: '(idle)', own: 100 }));
    expect(titlesOf(svg)).toEqual([]);
    expect(svg).not.toContain('NaN');
  });
});
