/** Performs requests like `fetch`, but with older modules of Node: loading `fetch` takes 40 ms. */
import { once } from 'node:events';
import { type IncomingMessage, request as overHttp, type RequestOptions } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { type Exchange, isUntrusted } from '../../client/sending.ts';
import { codeOf } from '../../system/failures.ts';

/** Which HTTPS servers are trusted. */
export type Trust = {
  /**
   * The certificates (PEM) of the only trusted authorities or servers. The default is Node's list.
   */
  readonly ca?: string | undefined;
  /**
   * Finds the certificate of a server that is trusted without an authority. The host name in the
   * certificate, and its expiry, do not matter.
   */
  readonly findCertificate?: ((url: string) => Promise<string | undefined>) | undefined;
};

/** Performs a request. The body is sent only to a trusted server. */
type Send = (url: string, options: RequestOptions, body?: string) => Promise<IncomingMessage>;

export const createExchange = (trust: Trust): Exchange => {
  const overTls = tlsSender(trust);
  return async (url, { method, headers: asked, body, signal }) => {
    // Without `Content-Length`, Node would send the body of a DELETE as if it were the next
    // request.
    const length = body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) };
    const headers = { ...asked, ...length };
    const send = url.startsWith('https:') ? overTls : sender(overHttp);
    // The error of an aborted request does not say why it was aborted, but its signal does.
    const failed = (cause: unknown) =>
      signal.aborted ? signal.reason : new Error('no answer', { cause });
    const response = await send(url, { method, headers, signal }, body).catch((cause) => {
      throw failed(cause);
    });
    const { statusCode: status = 0, headers: got } = response;
    const get = (name: string) => {
      const value = got[name];
      return value === undefined ? null : String(value);
    };
    return { status, headers: { get, has: (name) => name in got }, body: bodyOf(response, failed) };
  };
};

async function* bodyOf(response: IncomingMessage, failed: (cause: unknown) => unknown) {
  try {
    for await (const chunk of response) yield chunk as Uint8Array;
  } catch (cause) {
    throw failed(cause);
  }
}

const sender =
  (start: typeof overHttp): Send =>
  (url, options, body) =>
    new Promise((resolve, reject) => {
      const asked = start(url, options);
      asked.once('response', resolve);
      asked.on('error', (error) => {
        // The server may close an idle connection at the moment at which it is used again. A GET
        // can then be sent once more.
        const isIdleEnd = asked.reusedSocket && codeOf(error) === 'ECONNRESET';
        if (isIdleEnd && options.method === 'GET') resolve(sender(start)(url, options, body));
        else reject(error);
      });
      asked.end(body);
    });

/**
 * Sends to a server whose certificate an authority has signed, or that shows the certificate which
 * `findCertificate` has found for it.
 */
const tlsSender = ({ ca, findCertificate }: Trust): Send => {
  let found: string | undefined;
  return async (url, options, body) => {
    const { request } = await import('node:https');
    const send = sender(request);
    // `allowPartialTrustChain` lets `ca` contain the certificate of a server itself, without that
    // of the authority that has signed it.
    const authorities = ca === undefined ? {} : { ca, allowPartialTrustChain: true };
    const byAuthority = () => send(url, { ...options, ...authorities }, body);
    const byCertificate = async (certificate: string) => {
      const socket = await connectTo(url, certificate, options.signal);
      return await send(url, { ...options, createConnection: () => socket }, body);
    };
    const find = async (error: unknown) => {
      found = await findCertificate?.(url);
      if (found === undefined) throw error;
      return await byCertificate(found);
    };
    const anew = () => ifUntrusted(byAuthority(), find);
    // The certificate that was found before may have been renewed. If the server shows another one,
    // the search begins anew.
    return await (found === undefined ? anew() : ifUntrusted(byCertificate(found), anew));
  };
};

const ifUntrusted = <Result>(
  first: Promise<Result>,
  second: (error: unknown) => Promise<Result>,
): Promise<Result> =>
  first.catch((error) => {
    if (isUntrusted(codeOf(error))) return second(error);
    throw error;
  });

/**
 * Connects to a server that shows exactly this certificate. Throws `CERT_NOT_RECORDED` for any
 * other certificate, before the caller sends the request.
 */
const connectTo = async (
  url: string,
  certificate: string,
  signal: AbortSignal | undefined,
): Promise<TLSSocket> => {
  const { X509Certificate } = await import('node:crypto');
  const { connect } = await import('node:tls');
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  // The comparison below replaces the check that is switched off here.
  const socket = connect({ host, port: Number(port || 443), rejectUnauthorized: false });
  try {
    await once(socket, 'secureConnect', { signal });
    const shown = socket.getPeerX509Certificate()?.fingerprint256;
    if (shown === new X509Certificate(certificate).fingerprint256) return socket;
    throw Object.assign(new Error('another certificate'), { code: 'CERT_NOT_RECORDED' });
  } catch (error) {
    socket.destroy();
    throw error;
  }
};
