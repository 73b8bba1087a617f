/** The GitHub Action, built like a release, against a vault with an access policy. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { buildAction } from '../../action/build.ts';
import {
  linesOf,
  logOf,
  runStep,
  startTokenEndpoint,
  type TokenEndpoint,
} from '../support/actions-runner.ts';
import { githubPolicy, githubToken } from '../support/github-access.ts';
import { freshFolder } from '../support/local-process.ts';
import { serveWhile } from '../support/page-server.ts';
import { describeLocal, isLocal, useVault } from '../support/running-vault.ts';
import { issueToken } from '../support/tokens.ts';

const vault = useVault(() => githubPolicy());
const action = freshFolder();
let endpoint: TokenEndpoint;
const issued: string[] = [];

/** Values that a log, a workflow command or a GITHUB_ENV entry could misread. */
const values = {
  'app.PASSWORD': 'pass word%0A%25::add-mask::x',
  'app.KEY':
    '-----BEGIN KEY-----\r\nfirst-line\r\rsecond-line\n\n  third-line  \n-----END KEY-----\n',
  'app.TRAP': 'trap\nEOF\nNODE_OPTIONS=--require=x\n::error::y\nA<<B\n',
  'app.SHORT': '7',
  'app.NUL': 'c4n4ry\0value',
};
const file = `# the app
URL="postgres://app:secret(app.PASSWORD@1)@db/app"
KEY=secret(app.KEY)
TRAP=secret(app.TRAP)
SHORT=secret(app.SHORT)
EMPTY=
BLANK="  "
PLAIN=plain-value
`;
const variables = {
  URL: `postgres://app:${values['app.PASSWORD']}@db/app`,
  KEY: values['app.KEY'],
  TRAP: values['app.TRAP'],
  SHORT: '7',
  EMPTY: '',
  BLANK: '  ',
  PLAIN: 'plain-value',
};
/**
 * The texts that must not appear in a log: values from secrets, each of their lines, and the secret
 * that is only part of a value.
 */
const hidden = [
  variables.URL,
  variables.KEY,
  variables.TRAP,
  variables.SHORT,
  values['app.PASSWORD'],
]
  .flatMap((value) => [value, ...linesOf(value)])
  .filter((text) => text.trim() !== '');

const step = (
  given: Readonly<Record<string, string>>,
  files: Readonly<Record<string, string>> = { '.env': file },
  env: NodeJS.ProcessEnv = {},
  cancelAt?: string,
) =>
  runStep(action, {
    with: { addr: vault.baseUrl(), audience: 'vault', ...given },
    files,
    env: { ...endpoint.env, ...env },
    cancelAt,
  });
/** The workflow commands of a step except the masks, such as errors with their file and line. */
const told = ({ commands }: Awaited<ReturnType<typeof step>>) =>
  commands
    .filter(({ name }) => name !== 'add-mask')
    .map(({ name, properties, data }) => `${name} ${properties} ${data}`);

beforeAll(async () => {
  if (!isLocal) return;
  buildAction(action);
  endpoint = await startTokenEndpoint((aud) => {
    if (aud !== 'none') issued.push(githubToken({ aud }));
    return aud === 'none' ? '' : (issued.at(-1) ?? '');
  });
  const token = issueToken(vault.dataDir, { tenant: 'acme' });
  for (const [name, value] of Object.entries(values)) {
    const { status } = await vault.call('POST', '/v1/secrets', { token, body: { name, value } });
    expect(status).toBe(201);
  }
  // The file in these tests pins the version that the secret had before this update.
  const body = { value: 'a newer password' };
  await vault.call('PUT', '/v1/secrets/app.PASSWORD', { token, body });
});
afterAll(() => endpoint?.stop());

describeLocal('a step with the action', () => {
  it('runs a script with the variables, and its log shows no value', async () => {
    const print = `node -e '
      fs.writeFileSync("environment.json", JSON.stringify(process.env));
      console.log(Object.values(process.env).join("\\n"))'
      printf '%s\\n' "$URL" | grep -o 'pass word.*x'; false | cat; echo 'not reached'`;
    const { code, stdout, stderr, exported, workspace } = await step({ run: print });
    const environment = JSON.parse(readFileSync(join(workspace, 'environment.json'), 'utf8'));
    expect(environment).toMatchObject(variables);
    expect(Object.values(environment)).not.toContain(issued.at(-1));
    expect(
      Object.keys(environment).filter((name) => /^INPUT_|^ACTIONS_RUNTIME/.test(name)),
    ).toEqual([]);
    expect([code, stderr, exported.size]).toEqual([1, '', 0]);
    const [log, first = ''] = [logOf(stdout), hidden[0]];
    expect(stdout).toContain(first);
    expect(hidden.filter((text) => log.includes(text))).toEqual([]);
    expect(log).not.toContain('not reached');
  });

  it('hides each value and each of its lines before it prints anything else', async () => {
    const { stdout, commands } = await step({ run: 'echo begun' });
    const lines = linesOf(stdout);
    const before = lines.slice(0, lines.indexOf('begun'));
    expect(before.filter((line) => !line.startsWith('::add-mask::'))).toEqual([]);
    const masked = commands.map(({ data }) => data);
    expect(hidden.filter((text) => !masked.includes(text))).toEqual([]);
    expect(masked.filter((text) => text.trim() === '')).toEqual([]);
    expect(masked[0]).toBe(issued.at(-1));
  });

  it('leaves plain lines of the file as they are, so that DEBUG=1 hides nothing', async () => {
    const content = 'DEBUG=1\nKEY=secret(app.KEY)\nTEXT="a \\\\secret(app.KEY)"\n';
    const { stdout, commands } = await step({ run: 'echo "$DEBUG$TEXT $KEY"', content }, {});
    expect(logOf(stdout)).toMatch(/^1a secret\(app\.KEY\) \*\*\*$/m);
    expect(commands.map(({ data }) => data)).toContain(values['app.KEY']);
  });

  it('has one output, which names the versions that it has read and contains no value', async () => {
    const { outputs } = await step({ run: 'true' });
    const read = ['app.PASSWORD@1', 'app.KEY@1', 'app.TRAP@1', 'app.SHORT@1'];
    expect(JSON.parse(outputs.get('versions') ?? '')).toEqual(read);
    expect(outputs.size).toBe(1);
  });

  it('exports the variables only if it is asked to, exactly as they are', async () => {
    const { code, exported } = await step({ export: 'true' });
    expect([code, Object.fromEntries(exported)]).toEqual([0, variables]);
  });

  it('hides all values before it writes to GITHUB_ENV', async () => {
    const failed = await step({ export: 'true', run: 'echo begun' }, undefined, {
      GITHUB_ENV: action,
    });
    const { code, commands, stdout } = failed;
    expect([code, told(failed)]).toEqual([
      1,
      ['error  cannot write to GITHUB_ENV (EISDIR) (failed)'],
    ]);
    const masked = commands.slice(0, -1).map(({ data }) => data);
    expect(hidden.filter((text) => !masked.includes(text))).toEqual([]);
    expect(stdout).not.toContain('begun');
  });

  it('asks again while the endpoint for tokens is busy', async () => {
    endpoint.failWith(503, 429);
    const before = endpoint.asked.length;
    expect((await step({ run: 'true' })).code).toBe(0);
    expect(endpoint.asked.slice(before)).toEqual(['vault', 'vault', 'vault']);
  });

  it('requests a token whose audience is the address of the vault, unless an audience is given', async () => {
    const { code } = await step({ run: 'echo begun', audience: '' });
    expect([code, endpoint.asked.at(-1)]).toEqual([5, vault.baseUrl()]);
  });

  it('gives a script even the variables that are never exported', async () => {
    const content = 'PYTHONPATH=here\n';
    expect((await step({ run: 'test "$PYTHONPATH" = here', content }, {})).code).toBe(0);
  });

  it('passes the signal of a cancelled job on to the script, which decides how to end', async () => {
    const run = 'trap "exit 3" INT; echo ready; for i in {1..500}; do sleep 0.1; done';
    expect((await step({ run }, undefined, {}, 'ready')).code).toBe(3);
  });

  it('ends with the exit code of the script, or with 128 plus the number of the signal that ended the script', async () => {
    const codes = await Promise.all([step({ run: 'exit 42' }), step({ run: 'kill -9 $$' })]);
    expect(codes.map(({ code }) => code)).toEqual([42, 137]);
  });
});

describeLocal('the files of the action', () => {
  it('contain no third-party package, so no licence has to be shipped', () => {
    // esbuild marks each source file in the bundle with a comment that has its name.
    const sources = readFileSync(join(action, 'index.mjs'), 'utf8').match(/^\/\/ \S+\.\w+$/gm);
    expect(sources).toContain('// action/main.ts');
    expect(sources?.filter((source) => source.includes('node_modules'))).toEqual([]);
  });

  it('accept every input of the workflow in the documentation', async () => {
    const [, text = ''] =
      /^```yaml\n(.*?)^```$/ms.exec(readFileSync('docs/github-action.md', 'utf8')) ?? [];
    const { permissions, jobs } = parse(text);
    expect(permissions).toEqual({ contents: 'read', 'id-token': 'write' });
    const [, { with: given }] = jobs.deploy.steps;
    const { code, stderr } = await step({ ...given, addr: vault.baseUrl() });
    // The example's script does not exist here, so bash ends with 127.
    expect([code, stderr]).toEqual([127, expect.stringContaining('./deploy.sh')]);
  });
});

describeLocal('a step that cannot do its work', () => {
  const canary = 'c4n4ry-value';
  const noToken =
    'GitHub gives this job no token: add "id-token: write" to the permissions of the job.';
  type Case = {
    readonly given?: Readonly<Record<string, string>>;
    readonly files?: Readonly<Record<string, string>>;
    readonly env?: NodeJS.ProcessEnv;
    /** Status codes with which the token endpoint answers the first requests, one each. */
    readonly answers?: readonly number[];
    readonly code: number;
    readonly told: readonly unknown[];
  };

  const cases: Readonly<Record<string, Case>> = {
    'a job without the permission id-token: write': {
      env: { ACTIONS_ID_TOKEN_REQUEST_URL: '', ACTIONS_ID_TOKEN_REQUEST_TOKEN: '' },
      code: 5,
      told: [expect.stringContaining(noToken)],
    },
    'an endpoint that refuses the job': {
      env: { ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'another' },
      code: 5,
      told: ['error  GitHub gave no token: its answer was 401 (unauthenticated)'],
    },
    'an endpoint that sends the job to another address': {
      answers: [302],
      code: 5,
      told: ['error  GitHub gave no token: its answer was 302 (unauthenticated)'],
    },
    'an endpoint that stays busy': {
      answers: [503, 503, 503, 503],
      code: 7,
      told: ['error  GitHub gave no token: its answer was 503 (unreachable)'],
    },
    'an endpoint that answers without a token': {
      given: { audience: 'none' },
      code: 1,
      told: ['error  GitHub answered without a token (failed)'],
    },
    'a token that the policy of the vault does not accept': {
      given: { audience: 'another' },
      code: 5,
      told: [expect.any(String)],
    },
    'a line that is not an assignment': {
      files: { '.env': `A=${canary}\nB="x secret(web.KEY)"\nC='${canary}\n` },
      code: 6,
      told: [
        'error file=.env,line=3,col=3 the value has no closing quote: add it',
        expect.any(String),
      ],
    },
    'secrets that the policy hides': {
      files: { 'a,b:c.env': `A=${canary}\nB="x secret(web.KEY)"\nC=secret(app.NONE)\n` },
      given: { 'env-file': 'a,b:c.env' },
      code: 3,
      told: [
        'error file=a%2Cb%3Ac.env,line=2,col=6 web.KEY: the token sees no such secret or version: dsvault history web.KEY lists its versions',
        'error file=a%2Cb%3Ac.env,line=3,col=3 app.NONE: the token sees no such secret or version: dsvault history app.NONE lists its versions',
        expect.any(String),
      ],
    },
    'an error in the input content': {
      given: { content: `A=${canary}\nB=secret(app.NONE)\n` },
      code: 3,
      told: [
        'error  content, line 2: app.NONE: the token sees no such secret or version: dsvault history app.NONE lists its versions',
        expect.any(String),
      ],
    },
    'a name that may not be exported': {
      files: { '.env': `A=${canary}\n\nnode_options=--require=${canary}\n` },
      given: { export: 'true' },
      code: 6,
      told: [
        'error file=.env,line=3 node_options is not exported: an interpreter loads code by it',
      ],
    },
    'a value that no variable can hold': {
      files: { '.env': `A=${canary}\n\nB=secret(app.NUL)\n` },
      code: 6,
      told: ['error file=.env,line=3 the value of B contains a NUL, which no variable can'],
    },
    'a missing file': {
      files: {},
      code: 2,
      told: ['error  cannot read the file .env (ENOENT) (usage)'],
    },
    'a file that is not UTF-8': {
      given: { 'env-file': '/proc/self/exe' },
      code: 2,
      told: ['error  the file /proc/self/exe is not UTF-8 (usage)'],
    },
    'neither a script nor an export': {
      given: { run: '' },
      code: 2,
      told: ['error  nothing to do: give run, or export: true (usage)'],
    },
    'an export that is neither true nor false': {
      given: { export: canary },
      code: 2,
      told: ['error  the input export is true or false (usage)'],
    },
    'two files': {
      given: { 'env-file': '.env', content: `A=${canary}\n` },
      code: 2,
      told: ['error  give env-file or content, not both (usage)'],
    },
    'an address with a password': {
      given: { addr: `https://me:${canary}@vault.example.com` },
      code: 2,
      told: [expect.stringContaining('the address of the vault must be http:// or https://')],
    },
    'an address without https, where others could read the token': {
      given: { addr: 'http://vault.example.com' },
      code: 2,
      told: [expect.stringContaining('the address of the vault is not https://')],
    },
    'no address': {
      given: { addr: '' },
      code: 2,
      told: ['error  the input addr is missing: the address of the vault (usage)'],
    },
    'a file whose PATH has no bash': {
      given: { content: `PATH=/c4n4ry\n` },
      files: {},
      code: 1,
      told: ['error  bash cannot be run (ENOENT) (failed)'],
    },
    'a vault that cannot be reached': {
      given: { addr: 'http://127.0.0.1:2' },
      code: 7,
      told: [expect.any(String)],
    },
  };

  /** A step whose vault returns this text as the expanded file. */
  const stepWithAnswer = (content: string) => {
    const reply = { content, resolved: [], created: [], warnings: [], tag: 't' };
    return serveWhile(
      (_, response) =>
        response.setHeader('Content-Type', 'application/json').end(JSON.stringify(reply)),
      (port) => step({ run: 'echo begun', export: 'true', addr: `http://127.0.0.1:${port}` }),
    );
  };

  it('sets no variable at all if the vault returns one that the file does not have', async () => {
    const failed = await stepWithAnswer(JSON.stringify({ URL: canary, LD_PRELOAD: canary }));
    expect([failed.code, told(failed), failed.exported.size]).toEqual([
      1,
      ['error  the vault answered with variables that the file does not have (failed)'],
      0,
    ]);
    expect(failed.stdout).not.toMatch(/begun|c4n4ry/);
  });

  it('reports a defect without its message, which may quote a value', async () => {
    const failed = await stepWithAnswer(canary);
    expect([failed.code, failed.stderr]).toEqual([1, '']);
    expect(told(failed)).toEqual([
      expect.stringMatching(/^error {2}a defect of the action .*\n +at /),
    ]);
    expect(failed.stdout).not.toMatch(/begun|c4n4ry/);
  });

  it.each(Object.keys(cases))(
    'names the place of the error, repeats no value, and does nothing else: %s',
    async (what) => {
      const { given, files, env, answers = [], code, told: messages } = cases[what] as Case;
      endpoint.failWith(...answers);
      const failed = await step({ run: 'echo begun', ...given }, files, env);
      expect([failed.code, told(failed)]).toEqual([code, messages]);
      expect(failed.exported.size).toBe(0);
      const printed = linesOf(failed.stdout).filter((line) => !line.startsWith('::add-mask::'));
      expect(printed.join('\n') + failed.stderr).not.toMatch(/begun|c4n4ry/);
    },
  );
});
