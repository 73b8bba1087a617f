/**
 * `front-relay.ts NODE_FOLDER HOST PORT`: lets a node's front, which listens within the node only, be reached from
 * outside while a test runs. What cannot be passed on is cut off.
 */
import { connect, createServer } from 'node:net';
import { findRunning } from '../../local/running.ts';

const [folder = '', host, port] = process.argv.slice(2);
createServer((client) => {
  const endpoint = findRunning(folder)?.dynamodbEndpoint;
  if (endpoint === undefined) return client.destroy();
  const front = connect(Number(new URL(endpoint).port), '127.0.0.1');
  const end = () => {
    client.destroy();
    front.destroy();
  };
  client.on('error', end).on('close', end);
  front.on('error', end).on('close', end);
  return void client.pipe(front).pipe(client);
}).listen(Number(port), host);
