import { describe, expect, it } from '@jest/globals';
import { createNodeState } from '../../../../host/node/state.ts';

const start = () => {
  const lines: string[] = [];
  return { lines, state: createNodeState(2, (line) => void lines.push(line)) };
};

describe('the state of a node', () => {
  it('causes one line in the log for each change', () => {
    const { lines, state } = start();
    state.change('waiting', 'it waits for node 1');
    state.change('waiting', 'it waits for node 1');
    state.change('waiting', 'it waits for node 3');
    state.change('serving');
    state.change('serving');
    expect(lines).toEqual([
      'node 2 is waiting: it waits for node 1',
      'node 2 is waiting: it waits for node 3',
      'node 2 serves',
    ]);
    expect([state.state(), state.reason()]).toEqual(['serving', null]);
  });

  it('admits requests while the node serves, and otherwise says at once why it does not', async () => {
    const { state } = start();
    expect(await state.admit()).toBe('this node is waiting: it starts');
    state.change('serving');
    expect(await state.admit()).toBeUndefined();
    state.change('joining', 'its files are old');
    expect(await state.admit()).toBe('this node is joining: its files are old');
  });

  it.each([
    ['a new leader is elected', 'no-majority'],
    ['the node catches up', 'catching-up'],
  ] as const)('holds requests while %s', async (_, passing) => {
    const { state } = start();
    state.change(passing, 'it passes by itself');
    const admitted = [state.admit(), state.admit()];
    state.change('serving');
    expect(await Promise.all(admitted)).toEqual([undefined, undefined]);
  });

  it('refuses requests if no leader is elected in time', async () => {
    const { state } = start();
    state.change('no-majority', 'no majority is there');
    expect(await state.admit()).toBe('this node is no-majority: no majority is there');
  });

  it('stays diverged whatever else happens, until it rejoins', async () => {
    const { state } = start();
    state.change('diverged', 'its data differ from those of node 1');
    for (const next of ['serving', 'no-majority', 'joining', 'catching-up'] as const) {
      state.change(next, 'x');
    }
    expect(await state.admit()).toBe('this node is diverged: its data differ from those of node 1');
    state.change('diverged', 'its data differ from those of node 3');
    expect(state.reason()).toBe('its data differ from those of node 3');
  });

  it('changes from diverged to catching-up when the node rejoins, and only then to serving', async () => {
    const { lines, state } = start();
    state.change('diverged', 'its data differ');
    state.rejoin();
    const caught = 'catching-up: its copy equals a majority of the copies';
    expect(await state.admit()).toBe(`this node is ${caught}`);
    state.rejoin();
    state.change('serving');
    expect(lines.slice(1)).toEqual([`node 2 is ${caught}`, 'node 2 serves']);
  });

  it('stays serving if a node that has not diverged is told to rejoin', () => {
    const { lines, state } = start();
    state.change('serving');
    state.rejoin();
    expect([state.state(), lines]).toEqual(['serving', ['node 2 serves']]);
  });

  it('has a promise that resolves when the node serves for the first time', async () => {
    const { state } = start();
    state.change('serving');
    await state.serving;
    state.change('no-majority', 'x');
    await state.serving;
  });
});
