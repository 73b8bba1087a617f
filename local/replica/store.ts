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

const damageWords = ['database disk image is malformed', 'file is not a database'];

/** SQLite's own words for a file that is damaged, which does not pass by itself, if the text has them. */
export const findDamage = (text: string): string | undefined =>
  damageWords.find((words) => text.includes(words));

/** In a transaction it is a reason; an item that is given back may hold the same words. */
const findDamageIn = ({ status, text }: RawReply): string | undefined => {
  const words = status === 200 ? undefined : findDamage(text);
  if (words === undefined || status >= 500) return words;
  const isReason = reasonsOf({ status, body: JSON.parse(text) }).some(
    ({ Code, Message = '' }) => Code === 'InternalError' && Message.includes(words),
  );
  return isReason ? words : undefined;
};

/**
 * `endpoint` is asked for each call: a store that is started again has another port. `onDamage` gets the words of
 * each answer by which the store's file is damaged, and nothing else of it: items may stand beside them.
 */
export const createStoreClient = (
  endpoint: () => string,
  onDamage: (words: string) => void = () => undefined,
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
            const words = findDamageIn({ status, text });
            if (words !== undefined) onDamage(words);
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
