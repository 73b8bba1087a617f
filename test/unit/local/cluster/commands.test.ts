import { describe, expect, it } from '@jest/globals';
import {
  commandLine,
  parseCommand,
  readCommand as readAsked,
} from '../../../../local/cluster/commands.ts';
import { readCommandLine } from '../../../../local/process/program.ts';

const readCommand = (args: readonly string[]) =>
  readAsked(readCommandLine(commandLine, args) ?? { words: [], options: {} });

const actions = ['kill', 'stop', 'start', 'pause', 'resume', 'isolate', 'heal', 'wipe'];

describe('the command line of a cluster', () => {
  it('holds no command if a cluster is to be started', () => {
    expect(readCommand([])).toBeUndefined();
  });

  it('asks for the status as a table or as JSON', () => {
    expect(readCommand(['status'])).toEqual({ action: 'status', json: false });
    expect(readCommand(['status', '--json'])).toEqual({ action: 'status', json: true });
  });

  it.each(actions)('accepts %s with a node, and passes it on as JSON', (action) => {
    const command = readCommand([action, '2']);
    expect(command).toEqual({ action, target: 2 });
    expect(parseCommand(JSON.stringify(command))).toEqual(command);
  });

  it.each([
    ['burn', '1'],
    ['kill', '0'],
    ['kill', '4'],
    ['kill', 'two'],
    ['kill', 'key'],
    ['kill', '1', '2'],
    ['status', '1'],
  ])('rejects wrong words and repeats them: %s %s %s', (...args) => {
    const words = args.filter((arg) => typeof arg === 'string');
    expect(() => readCommand(words)).toThrow(
      `it does not know "${words.join(' ')}"; --help shows how it is used`,
    );
  });

  it.each(actions)('says that the node is missing after %s', (action) => {
    expect(() => readCommand([action])).toThrow('the number of the node is missing;');
  });

  it.each([
    [['kill', '1', '--json'], '--json belongs to status'],
    [['--json'], '--json belongs to status'],
    [['status', '--renew'], '--renew belongs to init'],
    [['--nodes', 'a'], '--nodes belongs to init'],
  ])('rejects an option of another command: %j', (args, sentence) => {
    expect(() => readCommand(args)).toThrow(sentence);
  });

  it.each([
    '',
    '{}',
    '{"action":"kill"}',
    '{"action":"kill","target":"../1"}',
    '{"action":"exec"}',
  ])('rejects a malformed message: %s', (text) => {
    expect(() => parseCommand(text)).toThrow();
  });
});
