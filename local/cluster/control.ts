/**
 * Lets another terminal control the cluster that runs on a folder. The folder holds a Unix domain
 * socket, which only the folder's owner can reach. The command is sent as JSON; the answer, as JSON
 * too, is the output of the command or its error.
 */
import { rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import * as v from 'valibot';
import { codeOf, failure, isFailure, sentenceOf } from '../../system/failures.ts';
import { type Command, parseCommand } from './commands.ts';

export type Control = { readonly close: () => Promise<void> };

const reply = v.union([v.object({ printed: v.string() }), v.object({ refused: v.string() })]);
type Reply = v.InferOutput<typeof reply>;

/**
 * The longest path of a Unix domain socket, in bytes. Systems allow 108 bytes, some only 104,
 * including the final zero byte.
 */
const pathBytesMax = 103;
const messageBytesMax = 65_536;

const socketOf = (folder: string): string => {
  const path = join(folder, 'control');
  if (Buffer.byteLength(path) <= pathBytesMax) return path;
  throw failure(
    `the path of the cluster's folder ${folder} is too long for a socket in it: set VAULT_DATA_DIR to a shorter one`,
  );
};

/**
 * Reads until the other side ends, and leaves this side open for the answer. An async iterator
 * would close it.
 */
const textOf = (socket: Socket): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.length > messageBytesMax) socket.destroy(new Error('the message is too long'));
    });
    socket.once('end', () => resolve(text)).once('error', reject);
  });

const answer = async (text: string, run: (command: Command) => Promise<string>): Promise<Reply> => {
  try {
    return { printed: await run(parseCommand(text)) };
  } catch (error) {
    if (isFailure(error)) return { refused: sentenceOf(error) };
    throw error;
  }
};

/**
 * Accepts commands for the cluster in this folder, which this process must have locked. `report` is
 * called with one line for an error that the sender of the command did not cause.
 */
export const startControl = async (
  folder: string,
  run: (command: Command) => Promise<string>,
  report: (line: string) => void,
): Promise<Control> => {
  const path = socketOf(folder);
  rmSync(path, { force: true });
  const take = async (socket: Socket): Promise<void> => {
    try {
      socket.end(JSON.stringify(await answer(await textOf(socket), run)));
    } catch (error) {
      report(`a command failed: ${sentenceOf(error)}`);
      socket.destroy();
    }
  };
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    void take(socket.on('error', () => undefined));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(path, resolve);
  });
  return { close: () => new Promise((resolve) => server.close(() => resolve())) };
};

/**
 * Sends a command to the cluster that runs on the folder. Returns the command's output; throws the
 * sentence of its error.
 */
export const sendCommand = async (folder: string, command: Command): Promise<string> => {
  const socket = connect({ path: socketOf(folder), allowHalfOpen: true });
  try {
    socket.end(JSON.stringify(command));
    const answered = v.parse(reply, JSON.parse(await textOf(socket)));
    if ('printed' in answered) return answered.printed;
    throw failure(answered.refused);
  } catch (error) {
    if (isFailure(error)) throw error;
    const isAbsent = ['ENOENT', 'ECONNREFUSED'].includes(codeOf(error) ?? '');
    throw failure(
      isAbsent
        ? `no cluster runs on the folder ${folder}: npm run cluster starts one`
        : `the cluster on the folder ${folder} gave no answer (${sentenceOf(error)})`,
      { cause: error },
    );
  }
};
