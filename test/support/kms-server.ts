/**
 * Serves a key in a file over KMS's own HTTP protocol, for tests that need a KMS outside the
 * process of the vault or put a hostile connection in front of it. Signatures are not checked.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import {
  followMasterKey,
  identityIn,
  type KeyState,
  makeMasterKey,
  setKeyState,
} from '../../host/kms/key-file.ts';
import { uncheckedKey } from '../../host/single/dynamodb-elsewhere.ts';
import { answerWith, type KmsAnswer } from './kms-answer.ts';

export type KmsServer = {
  readonly endpoint: string;
  readonly keyArn: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly file: string;
  readonly answer: KmsAnswer;
  readonly setState: (state: KeyState) => void;
  readonly close: () => Promise<void>;
};

/** Makes the key in the folder if it is missing, and serves it on any free port. */
export const startKms = async ({ folder }: { readonly folder: string }): Promise<KmsServer> => {
  const file = join(folder, 'kms.json');
  makeMasterKey(file);
  const key = followMasterKey(file, identityIn(file));
  const answer = answerWith(key);
  const server = createServer(async (request, response) => {
    const target = String(request.headers['x-amz-target']);
    const text = (await buffer(request)).toString('utf8');
    const { status, body } = await answer(target.slice(target.indexOf('.') + 1), JSON.parse(text));
    response.writeHead(status, {
      'Content-Type': 'application/x-amz-json-1.1',
      'x-amzn-RequestId': randomUUID(),
    });
    response.end(JSON.stringify(body));
  });
  // Never close idle connections: a client on a busy machine may reuse one just as it is being
  // closed.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    keyArn: key.arn,
    credentials: uncheckedKey,
    file,
    answer,
    setState: (state) => setKeyState(file, state),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
