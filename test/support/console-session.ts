/** The page's side of a session with `dsvault console`, without a browser. */
import {
  keyOf,
  purposeOfAnswer,
  type SharedSecret,
  seal,
  unseal,
} from '../../cli/console/sealing.ts';
import type { Answer } from '../../cli/console/server.ts';

/** The code of a launcher file as the id and the secret that it holds. */
export const passOf = (code: string): SharedSecret => {
  const [id = '', secret = ''] = code.split('.');
  return { id, secret };
};

/** A request as a page seals it for this path. `unsealed` reads the answers to it, one a line. */
export const sealedRequest = async (
  { id, secret }: SharedSecret,
  path: string,
  asked: unknown = {},
) => {
  const key = await keyOf(secret);
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

/** Opens a session of the console at `url`. `act` returns the answer of an action that answers once. */
export const openConsoleSession = async (url: string, code: string) => {
  const post = async (pass: SharedSecret, path: string, asked?: unknown): Promise<Answer> => {
    const { headers, body, unsealed } = await sealedRequest(pass, path, asked);
    const sent = { method: 'POST', headers: { Origin: url, ...headers }, body };
    const reply = await fetch(`${url}${path}`, sent);
    const [answer] = await unsealed(await reply.text());
    return answer ?? { status: reply.status, body: null };
  };
  const pass = (await post(passOf(code), '/session')).body as SharedSecret;
  return { pass, act: (name: string, asked?: unknown) => post(pass, `/actions/${name}`, asked) };
};
