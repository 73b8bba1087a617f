import { describe, expect, it } from '@jest/globals';
import { operations } from '../../../bench/operations.ts';
import { commandLine, readOptions as readAsked } from '../../../bench/options.ts';
import { axes } from '../../../bench/scale/points.ts';
import { readCommandLine } from '../../../local/host/program.ts';

const readOptions = (args: readonly string[]) =>
  readAsked(readCommandLine(commandLine, args) ?? { words: [], options: {} });

describe('the command line of the bench', () => {
  it('measures by default one node, all operations, 1 client and 16', () => {
    expect(readOptions([])).toMatchObject({ command: 'one-node', operations, clients: [1, 16] });
  });

  it('measures the given operations with the given clients', () => {
    const args = ['cluster', '--operations', 'get,expand', '--clients', '8', '--seconds', '2.5'];
    expect(readOptions(args)).toMatchObject({
      command: 'cluster',
      operations: ['get', 'expand'],
      clients: [8],
      forMs: 2_500,
    });
  });

  it.each([
    ['one node', []],
    ['three', ['cluster']],
  ])('profiles %s into a folder', (_, words) => {
    expect(readOptions([...words, '--profile', 'p'])).toMatchObject({ profiles: 'p' });
    expect(readOptions(words)).toMatchObject({ profiles: undefined });
  });

  it('accepts a peer with its addresses', () => {
    const at = 'http://127.0.0.1:8200,http://127.0.0.1:8202';
    expect(readOptions(['fresh', '--peer', 'bao.json', '--at', at])).toMatchObject({
      peer: { description: 'bao.json', urls: at.split(',') },
    });
  });

  it('scales along all axes, or along the given ones', () => {
    expect(readOptions(['scale'])).toMatchObject({ command: 'scale', axes });
    const args = ['scale', '--only', 'versions,value', '--json', 'a'];
    expect(readOptions(args)).toEqual({
      command: 'scale',
      axes: ['versions', 'value'],
      json: 'a',
    });
  });

  it('selects the price tables', () => {
    expect(readOptions(['cost'])).toEqual({ command: 'cost' });
  });

  it('compares two files', () => {
    expect(readOptions(['--compare', 'a', 'b'])).toEqual({ command: 'compare', files: ['a', 'b'] });
  });

  it.each([
    ['another word', ['quickly']],
    ['two words', ['cluster', 'fresh']],
    ['an unknown operation', ['--operations', 'get,put']],
    ['no clients', ['--clients', '0']],
    ['too many clients', ['--clients', '65']],
    ['half a client', ['--clients', '1.5']],
    ['no time', ['--seconds', '0']],
    ['too much time', ['--seconds', '86400']],
    ['a peer without addresses', ['--peer', 'bao.json']],
    ['addresses without a peer', ['--at', 'http://127.0.0.1:8200']],
    ['an invalid address', ['--peer', 'bao.json', '--at', '8200']],
    ['an unknown axis', ['scale', '--only', 'depth']],
    ['one file to compare', ['--compare', 'a']],
    ['an unknown option', ['--fast']],
  ])('refuses %s', (_, args) => {
    expect(() => readOptions(args)).toThrow(expect.objectContaining({ exitCode: 2 }));
  });
});
