/**
 * `stranger.ts HOST PORT tls|plain` sends a request to a port without a certificate, and prints all
 * bytes that come back.
 */
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

const [host = '', port = '', how] = process.argv.slice(2);
const address = { host, port: Number(port) };
const socket =
  how === 'tls' ? connectTls({ ...address, rejectUnauthorized: false }) : connect(address);
socket.on('data', (bytes) => process.stdout.write(bytes));
socket.on('error', (error) => process.stderr.write(`${error.message}\n`));
socket.write('GET /members HTTP/1.1\r\nHost: node\r\n\r\n');
