import { createInterface } from 'node:readline';
import { failure } from '../../system/failures.ts';
import { shown } from '../../system/terminal-text.ts';

/**
 * Whether the user types `yes` at the terminal. Anything else, including the end of the input,
 * means no.
 */
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
