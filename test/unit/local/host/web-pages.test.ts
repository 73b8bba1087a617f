/** Requests of web pages are distinguished from those of other clients. */
import { expect, it } from '@jest/globals';
import { isForName, isFromPage } from '../../../../local/host/requests.ts';

it.each([
  ['https://a.example', true],
  ['http://127.0.0.1:3000', true],
  ['null', true],
  ['', true],
  [undefined, false],
])('a request with the origin %j comes from a web page: %j', (origin, expected) => {
  expect(isFromPage({ headers: { ...(origin !== undefined && { origin }) } })).toBe(expected);
});

it.each([
  ['127.0.0.1', false],
  ['127.0.0.1:8000', false],
  ['10.213.77.11:2380', false],
  ['[::1]:8000', false],
  ['a.example', true],
  ['a.example:8000', true],
  ['localhost', true],
  ['127.0.0.1.a.example', true],
  ['127.0.0.1@a.example', true],
  ['not a host', true],
  ['', true],
  [undefined, false],
])('a request whose Host is %j is for a name: %j', (host, expected) => {
  expect(isForName({ headers: { ...(host !== undefined && { host }) } })).toBe(expected);
});
