import { describe, expect, it } from '@jest/globals';
import { parseCommand, readCommand } from '../../../../local/cluster/commands.ts';

const actions = ['kill', 'stop', 'start', 'pause', 'resume', 'isolate', 'heal', 'wipe'];

describe('the commands to a cluster', () => {
  it('are none where a cluster is to be started', () => {
    expect(readCommand([])).toBeUndefined();
  });

  it('ask for the status as a table or as JSON', () => {
    expect(readCommand(['status'])).toEqual({ action: 'status', json: false });
    expect(readCommand(['status', '--json'])).toEqual({ action: 'status', json: true });
  });

  it.each(actions)('%s names a node, and travels as JSON', (action) => {
    const command = readCommand([action, '2']);
    expect(command).toEqual({ action, target: 2 });
    expect(parseCommand(JSON.stringify(command))).toEqual(command);
  });

  it('may name the process of the master key, which has no peers and no copy to fetch', () => {
    expect(readCommand(['kill', 'key'])).toEqual({ action: 'kill', target: 'key' });
    for (const action of ['isolate', 'heal', 'wipe']) {
      expect(() => readCommand([action, 'key'])).toThrow(/^use: npm run cluster/);
    }
  });

  it.each([
    ['burn', '1'],
    ['kill'],
    ['kill', '0'],
    ['kill', '4'],
    ['kill', 'two'],
    ['kill', '1', '2'],
    ['kill', '1', '--json'],
    ['status', '1'],
    ['--json'],
  ])('are refused with the usage: %s %s %s', (...args) => {
    expect(() => readCommand(args.filter((arg) => typeof arg === 'string'))).toThrow(
      /^use: npm run cluster/,
    );
  });

  it('are refused with what is wrong about an option that is none', () => {
    expect(() => readCommand(['status', '--xml'])).toThrow(/Unknown option '--xml'/);
  });

  it.each([
    '',
    '{}',
    '{"action":"kill"}',
    '{"action":"kill","target":"../1"}',
    '{"action":"exec"}',
  ])('are not taken from another text: %s', (text) => {
    expect(() => parseCommand(text)).toThrow();
  });
});
