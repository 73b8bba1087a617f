import { createInterface } from 'node:readline';
import { failure } from '../../system/failures.ts';
import { shown } from '../../system/terminal-text.ts';

/** Whether the person at the terminal types `yes`. Anything else, and the end of the input, is a no. */
export const askYes = (question: string): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    terminal.once('SIGINT', () => {
      reject(failure('interrupted', { kind: 'interrupted' }));
      terminal.close();
    });
    terminal.once('close', () => {
      process.stderr.write('\n');
      resolve(false);
    });
    terminal.question(shown(question), (answer) => {
      resolve(answer.trim() === 'yes');
      terminal.close();
    });
  });
