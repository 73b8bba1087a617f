import { describe, expect, it } from '@jest/globals';
import { nodeActions, parseCommand } from '../../../../local/cluster/commands.ts';

describe('parseCommand', () => {
  it.each([
    { action: 'status', json: true },
    ...nodeActions.map((action) => ({ action, target: 2 })),
  ])('reads %j', (command) => {
    expect(parseCommand(JSON.stringify(command))).toEqual(command);
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
