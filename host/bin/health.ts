/**
 * `node host/bin/health.ts` exits with 0 if the vault on `PORT` of this host is ready to serve, and
 * with 1 otherwise. Images use it as their health check. The request contains no secret, so any
 * certificate is accepted.
 */
import { get as overHttp } from 'node:http';
import { get as overHttps } from 'node:https';

const { PORT, VAULT_TLS_CERT: certificate } = process.env;
const [get, scheme] = certificate ? [overHttps, 'https'] : [overHttp, 'http'];
const url = `${scheme}://127.0.0.1:${PORT || 3000}/health?ready`;
get(url, { rejectUnauthorized: false, agent: false }, ({ statusCode }) => {
  process.exit(statusCode === 200 ? 0 : 1);
}).on('error', () => process.exit(1));
