/** Does what the page does in a session with `dsvault console`, but without a browser. */
import {
  deriveKey,
  purposeOfAnswer,
  type SharedSecret,
  seal,
  unseal,
} from '../../cli/console/sealing.ts';
import type { Answer } from '../../cli/console/server.ts';

/** Splits the code of a launcher file into its id and its secret. */
export const passOf = (code: string): SharedSecret => {
  const [id = '', secret = ''] = code.split('.');
  return { id, secret };
};

/**
 * Seals a request for this path as the page does. `unsealed` decrypts its answers, one on each
 * line.
 */
export const sealedRequest = async (
  { id, secret }: SharedSecret,
  path: string,
  asked: unknown = {},
) => {
  const key = await deriveKey(secret);
  const body = await seal(key, asked, path);
  return {
    headers: { 'X-Console-Session': id },
    body,
    unsealed: async (text: string): Promise<readonly Answer[]> => {
      const lines = text.split('\n').slice(0, -1);
      const answers = lines.map((line, part) =>
        unseal(key, new Uint8Array(Buffer.from(line, 'base64')), purposeOfAnswer(body, part)),
      );
      return (await Promise.all(answers)) as Answer[];
    },
  };
};

/**
 * Opens a session with the console at `url`. In the result, `act` runs an action by its name and
 * returns the first answer. A message of status 102 is none: it only says whom the action is
 * waiting for.
 */
export const openConsoleSession = async (url: string, code: string) => {
  const post = async (pass: SharedSecret, path: string, asked?: unknown): Promise<Answer> => {
    const { headers, body, unsealed } = await sealedRequest(pass, path, asked);
    const sent = { method: 'POST', headers: { Origin: url, ...headers }, body };
    const reply = await fetch(`${url}${path}`, sent);
    const answers = await unsealed(await reply.text());
    const answer = answers.find(({ status }) => status !== 102);
    return answer ?? { status: reply.status, body: null };
  };
  const pass = (await post(passOf(code), '/session')).body as SharedSecret;
  return { pass, act: (name: string, asked?: unknown) => post(pass, `/actions/${name}`, asked) };
};
