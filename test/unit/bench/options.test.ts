import { describe, expect, it } from '@jest/globals';
import { readCommandLine } from '../../../local/program.ts';
import { operations } from '../../bench/operations.ts';
import { commandLine, readOptions as readAsked } from '../../bench/options.ts';
import { axes } from '../../bench/scale/points.ts';

const readOptions = (args: readonly string[]) =>
  readAsked(readCommandLine(commandLine, args) ?? { words: [], options: {} });

describe('the command line of the bench', () => {
  it('measures one node by itself: everything, with 1 client and with 16', () => {
    expect(readOptions([])).toMatchObject({ command: 'one-node', operations, clients: [1, 16] });
  });

  it('measures what it is told', () => {
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

  it('takes a peer with its addresses', () => {
    const at = 'http://127.0.0.1:8200,http://127.0.0.1:8202';
    expect(readOptions(['fresh', '--peer', 'bao.json', '--at', at])).toMatchObject({
      peer: { description: 'bao.json', urls: at.split(',') },
    });
  });

  it('grows everything, or what it is told', () => {
    expect(readOptions(['scale'])).toMatchObject({ command: 'scale', axes, plots: undefined });
    const args = ['scale', '--only', 'versions,value', '--json', 'a', '--plots', 'b'];
    expect(readOptions(args)).toEqual({
      command: 'scale',
      axes: ['versions', 'value'],
      json: 'a',
      plots: 'b',
    });
  });

  it('prices what the vault does', () => {
    expect(readOptions(['cost'])).toEqual({ command: 'cost' });
  });

  it('compares two files', () => {
    expect(readOptions(['--compare', 'a', 'b'])).toEqual({ command: 'compare', files: ['a', 'b'] });
  });

  it.each([
    ['another word', ['quickly']],
    ['two words', ['cluster', 'fresh']],
    ['an operation that is none', ['--operations', 'get,put']],
    ['no clients', ['--clients', '0']],
    ['too many clients', ['--clients', '65']],
    ['half a client', ['--clients', '1.5']],
    ['no time', ['--seconds', '0']],
    ['all day', ['--seconds', '86400']],
    ['a peer that is nowhere', ['--peer', 'bao.json']],
    ['an address of nobody', ['--at', 'http://127.0.0.1:8200']],
    ['an address that is none', ['--peer', 'bao.json', '--at', '8200']],
    ['an axis that is none', ['scale', '--only', 'depth']],
    ['one file to compare', ['--compare', 'a']],
    ['an option that it does not know', ['--fast']],
  ])('refuses %s', (_, args) => {
    expect(() => readOptions(args)).toThrow(expect.objectContaining({ exitCode: 2 }));
  });
});
