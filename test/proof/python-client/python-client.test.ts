/**
 * A client in Python that openapi-python-client generates from docs/openapi.yaml, against `npm
 * start`. Such a client sends every default of the document, and parses each reply as its schema
 * says.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { ensureEnvironment } from '../../../local/containers/python.ts';
import { freshFolder } from '../../support/local-process.ts';
import { useVault } from '../../support/running-vault.ts';

type Played = { readonly status: number; readonly type: string; readonly content: object };

const here = join(process.cwd(), 'test/proof/python-client');
const requirements = join(here, 'requirements.txt');
const vault = useVault();
let replies: Readonly<Record<string, Played>>;

beforeAll(async () => {
  const programs = await ensureEnvironment('openapi-python-client', requirements, () => undefined);
  const client = join(freshFolder(), 'client');
  // Without its folder on the PATH, the generator does not find ruff, with which it formats.
  const env = { ...process.env, PATH: `${programs}:${process.env['PATH']}` };
  const run = (program: string, args: readonly string[], input = '') =>
    execFileSync(join(programs, program), args, { env, input, encoding: 'utf8', stdio: 'pipe' });
  const files = ['--path', 'docs/openapi.yaml', '--output-path', client];
  run('openapi-python-client', ['generate', ...files]);
  const played = run('python', [join(here, 'play.py'), client, vault.baseUrl()], vault.token());
  replies = JSON.parse(played);
});

it('client/README.md names the release of the generator that this file tries', () => {
  const [pinned] = /^openapi-python-client==\S+/m.exec(readFileSync(requirements, 'utf8')) ?? [];
  expect(readFileSync('client/README.md', 'utf8')).toContain(`pip install ${pinned}\n`);
});

describe('in a client generated in Python,', () => {
  it.each<[step: string, status: number, type: string, content: object]>([
    ['create', 201, 'WrittenVersion', { name: 'DB_PASSWORD', version: 1 }],
    ['create repeated', 201, 'WrittenVersion', { name: 'DB_PASSWORD', version: 1 }],
    ['create again', 409, 'SecretExistsProblem', { code: 'secret_exists' }],
    ['update', 200, 'WrittenVersion', { version: 2 }],
    ['update of an old version', 412, 'VersionConflictProblem', { currentVersion: 2 }],
    ['get', 200, 'SecretVersion', { value: 'hunter3', version: 2, validTo: null }],
    ['get the first', 200, 'SecretVersion', { value: 'hunter2', version: 1, note: 'by Python' }],
    ['get a missing one', 404, 'NotFoundProblem', { code: 'not_found' }],
    ['history', 200, 'VersionPage', { versions: [{ version: 2 }, { version: 1 }] }],
    [
      'history with values',
      200,
      'VersionPage',
      { versions: [{ value: 'hunter3' }, { value: 'hunter2' }] },
    ],
    ['names with details', 200, 'NamePage', { secrets: [{ name: 'DB_PASSWORD', version: 2 }] }],
    ['encrypt', 200, 'EnvReply', { content: 'KEY=secret(API_KEY)\n' }],
    ['encrypt again', 409, 'SecretExistsProblem', { errors: [{ line: 1, name: 'API_KEY' }] }],
    ['dry run', 200, 'EnvReply', { content: 'A=secret(A)\nB=s3cr3t\n' }],
    ['get after the dry run', 404, 'NotFoundProblem', {}],
    ['submit', 200, 'EnvReply', { content: 'A=secret(A)\nB=s3cr3t\n', created: [{ name: 'A' }] }],
    ['expand', 200, 'ExpandEnvReply', { content: 'A=a\nDB=hunter2\n' }],
    ['expand the same', 200, 'UnchangedReply', { unchanged: true }],
    ['expand a missing one', 404, 'NotFoundProblem', { errors: [{ line: 1, name: 'MISSING' }] }],
    ['expand a malformed line', 422, 'InvalidEnvProblem', { errors: [{ line: 1 }] }],
    ['get with a wrong token', 401, 'UnauthenticatedProblem', { code: 'unauthenticated' }],
  ])('%s returns %i as %s', (step, status, type, content) => {
    expect(replies[step]).toMatchObject({ status, type, content });
  });
});
