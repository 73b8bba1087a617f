import { describe, expect, it } from '@jest/globals';
import { createCondition } from '../../../local/replica/condition.ts';

const start = () => {
  const lines: string[] = [];
  return { lines, condition: createCondition(2, (line) => void lines.push(line)) };
};

describe('the condition of a node', () => {
  it('is told once a change, in a sentence', () => {
    const { lines, condition } = start();
    condition.change('waiting', 'for node 1');
    condition.change('waiting', 'for node 1');
    condition.change('serving');
    condition.change('serving');
    expect(lines).toEqual(['node 2 is waiting: for node 1', 'node 2 serves']);
    expect([condition.state(), condition.reason()]).toEqual(['serving', null]);
  });

  it('admits requests while the node serves, and says at once why it does not', async () => {
    const { condition } = start();
    expect(await condition.admit()).toBe('this node is waiting: it starts');
    condition.change('serving');
    expect(await condition.admit()).toBeUndefined();
    condition.change('joining', 'its files are old');
    expect(await condition.admit()).toBe('this node is joining: its files are old');
  });

  it('lets requests wait for a new leader', async () => {
    const { condition } = start();
    condition.change('no-majority', 'no majority is there');
    const admitted = [condition.admit(), condition.admit()];
    condition.change('serving');
    expect(await Promise.all(admitted)).toEqual([undefined, undefined]);
  });

  it('does not let them wait for ever', async () => {
    const { condition } = start();
    condition.change('no-majority', 'no majority is there');
    const began = performance.now();
    expect(await condition.admit()).toBe('this node is no-majority: no majority is there');
    expect(performance.now() - began).toBeLessThan(2_300);
  });

  it('that it has diverged stays, whatever comes', async () => {
    const { condition } = start();
    condition.change('diverged', 'it differs from node 1');
    condition.change('serving');
    expect(await condition.admit()).toBe('this node is diverged: it differs from node 1');
  });

  it('that it differed passes when that is settled, and not before it has caught up', async () => {
    const { lines, condition } = start();
    condition.change('diverged', 'it differs from node 1');
    condition.rejoin('the difference is settled');
    expect(await condition.admit()).toBe('this node is catching-up: the difference is settled');
    condition.rejoin('again');
    condition.change('serving');
    expect(lines.slice(1)).toEqual([
      'node 2 is catching-up: the difference is settled',
      'node 2 serves',
    ]);
  });

  it('resolves when it serves for the first time', async () => {
    const { condition } = start();
    condition.change('serving');
    await condition.serving;
    condition.change('no-majority', 'x');
    await condition.serving;
  });
});
