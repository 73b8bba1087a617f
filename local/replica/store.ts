/** A node's own store, spoken to in its own protocol: no SDK, no retries, every reply as it is. */
import { Agent, request } from 'node:http';
import { reasonsOf, type WireReply } from './wire.ts';

export type RawReply = { readonly status: number; readonly text: string };

export type StoreClient = {
  /** Throws if the store gives no answer within 30 s; whether it did what was asked is then unknown. */
  readonly send: (operation: string, body: string) => Promise<RawReply>;
  /** The same, with the reply parsed. Throws also if it is no JSON object. */
  readonly call: (operation: string, body: object) => Promise<WireReply>;
  readonly close: () => void;
};

const silenceMs = 30_000;
/** dynoxide looks that a signature is there, and not at what it says. */
const signature = {
  'X-Amz-Date': '20260101T000000Z',
  Authorization:
    'AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, ' +
    'SignedHeaders=host, Signature=0',
};

/** Whether SQLite says, in its own words, that the file is damaged: that does not pass by itself. */
export const isDamage = (text: string): boolean =>
  text.includes('database disk image is malformed') || text.includes('file is not a database');

/** In a transaction it is a reason; an item that is given back may hold the same words. */
const tellsDamage = ({ status, text }: RawReply): boolean => {
  if (status === 200 || !isDamage(text)) return false;
  if (status >= 500) return true;
  return reasonsOf({ status, body: JSON.parse(text) }).some(
    ({ Code, Message = '' }) => Code === 'InternalError' && isDamage(Message),
  );
};

/**
 * `endpoint` is asked for each call: a store that is started again has another port. `onDamage` gets each answer by
 * which the store's file is damaged.
 */
export const createStoreClient = (
  endpoint: () => string,
  onDamage: (answer: string) => void = () => undefined,
): StoreClient => {
  const agent = new Agent({ keepAlive: true });
  const send = (operation: string, body: string): Promise<RawReply> =>
    new Promise((resolve, reject) => {
      const outgoing = request(
        endpoint(),
        {
          agent,
          method: 'POST',
          timeout: silenceMs,
          headers: {
            'Content-Type': 'application/x-amz-json-1.0',
            'Content-Length': Buffer.byteLength(body),
            'X-Amz-Target': `DynamoDB_20120810.${operation}`,
            ...signature,
          },
        },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
          incoming.on('end', () => {
            const { statusCode: status = 0 } = incoming;
            const text = Buffer.concat(chunks).toString('utf8');
            if (tellsDamage({ status, text })) onDamage(text);
            resolve({ status, text });
          });
          incoming.on('error', reject);
        },
      );
      outgoing.on('error', reject);
      outgoing.on('timeout', () => outgoing.destroy(new Error('the store is silent')));
      outgoing.end(body);
    });
  return {
    send,
    call: async (operation, body) => {
      const { status, text } = await send(operation, JSON.stringify(body));
      return { status, body: JSON.parse(text) };
    },
    close: () => agent.destroy(),
  };
};
