/**
 * The claims of tokens as their providers document them, with the values of the examples there. A
 * real token may lack some of them.
 */
import type { Claims } from './tokens.ts';

export type Provider = {
  /** The algorithm with which the provider signs its tokens. */
  readonly algorithm: 'ES384' | 'RS256';
  /** Returns the documented claims. `changes` replaces claims; `undefined` leaves one out. */
  readonly claimsOf: (changes?: Claims) => Claims;
};

const documented =
  (claims: Claims): Provider['claimsOf'] =>
  (changes = {}) => ({ ...claims, ...changes });

/** The providers, by the id of their issuer in docs/access.md. */
export const providers = {
  /**
   * https://docs.github.com/en/actions/concepts/security/openid-connect#understanding-the-oidc-token
   */
  github: {
    algorithm: 'RS256',
    claimsOf: documented({
      jti: 'example-id',
      sub: 'repo:octo-org/octo-repo:environment:prod',
      environment: 'prod',
      aud: 'https://github.com/octo-org',
      ref: 'refs/heads/main',
      sha: 'example-sha',
      repository: 'octo-org/octo-repo',
      repository_owner: 'octo-org',
      actor_id: '12',
      repository_visibility: 'private',
      repository_id: '74',
      repository_owner_id: '65',
      run_id: 'example-run-id',
      run_number: '10',
      run_attempt: '2',
      runner_environment: 'github-hosted',
      actor: 'octocat',
      workflow: 'example-workflow',
      head_ref: '',
      base_ref: '',
      event_name: 'workflow_dispatch',
      enterprise: 'avocado-corp',
      enterprise_id: '2',
      ref_type: 'branch',
      job_workflow_ref: 'octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main',
      iss: 'https://token.actions.githubusercontent.com',
      nbf: 1632492967,
      exp: 1632493867,
      iat: 1632493567,
    }),
  },

  /** https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload */
  google: {
    algorithm: 'RS256',
    claimsOf: documented({
      iss: 'https://accounts.google.com',
      azp: '1234987819200.apps.googleusercontent.com',
      aud: '1234987819200.apps.googleusercontent.com',
      sub: '10769150350006150715113082367',
      at_hash: 'HK6E_P6Dh8Y93mRNtsDB1Q',
      hd: 'example.com',
      email: 'jsmith@example.com',
      email_verified: 'true',
      iat: 1353601026,
      exp: 1353604926,
      nonce: '0394852-3190485-2490358',
    }),
  },

  /** https://docs.gitlab.com/ci/secrets/id_token_authentication/#token-payload */
  gitlab: {
    algorithm: 'RS256',
    claimsOf: documented({
      namespace_id: '72',
      namespace_path: 'my-group',
      project_id: '20',
      project_path: 'my-group/my-project',
      user_id: '1',
      user_login: 'sample-user',
      user_email: 'sample-user@example.com',
      user_identities: [
        { provider: 'github', extern_uid: '2435223452345' },
        { provider: 'bitbucket', extern_uid: 'john.smith' },
      ],
      pipeline_id: '574',
      pipeline_source: 'push',
      job_id: '302',
      ref: 'feature-branch-1',
      ref_type: 'branch',
      ref_path: 'refs/heads/feature-branch-1',
      ref_protected: 'false',
      environment: 'test-environment2',
      environment_protected: 'false',
      deployment_tier: 'testing',
      runner_id: 1,
      runner_environment: 'self-hosted',
      sha: '714a629c0b401fdce83e847fc9589983fc6f46bc',
      jti: '235b3a54-b797-45c7-ae9a-f72d7bc6ef5b',
      iss: 'https://gitlab.example.com',
      iat: 1681395193,
      nbf: 1681395188,
      exp: 1681398793,
      sub: 'project_path:my-group/my-project:ref_type:branch:ref:feature-branch-1',
      aud: 'https://vault.example.com',
    }),
  },

  /**
   * https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/, "Schema for
   * service account private claims": the token is bound to a pod.
   */
  kubernetes: {
    algorithm: 'RS256',
    claimsOf: documented({
      aud: ['https://my-audience.example.com'],
      exp: 1729605240,
      iat: 1729601640,
      iss: 'https://my-cluster.example.com',
      jti: 'aed34954-b33a-4142-b1ec-389d6bbb4936',
      'kubernetes.io': {
        namespace: 'my-namespace',
        node: { name: 'my-node', uid: '646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1' },
        pod: { name: 'my-pod', uid: '5e0bd49b-f040-43b0-99b7-22765a53f7f3' },
        serviceaccount: {
          name: 'my-serviceaccount',
          uid: '14ee3fa4-a7e2-420f-9f9a-dbc4507c3798',
        },
      },
      nbf: 1729601640,
      sub: 'system:serviceaccount:my-namespace:my-serviceaccount',
    }),
  },

  /**
   * https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html.
   * The claim `aud` is there only if the application asked for a resource binding.
   */
  cognito: {
    algorithm: 'RS256',
    claimsOf: documented({
      sub: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
      device_key: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
      'cognito:groups': ['testgroup'],
      iss: 'https://cognito-idp.us-west-2.amazonaws.com/us-west-2_example',
      version: 2,
      client_id: 'xxxxxxxxxxxxexample',
      aud: 'https://api.example.com',
      origin_jti: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
      event_id: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
      token_use: 'access',
      scope: 'phone openid profile resourceserver.1/appclient2 email',
      auth_time: 1676313851,
      exp: 1676317451,
      iat: 1676313851,
      jti: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
      username: 'my-test-user',
    }),
  },

  /**
   * https://learn.microsoft.com/en-us/entra/identity-platform/access-tokens#token-formats, a token
   * of version 2.0. The page describes the claims `idp`, `roles`, `groups` and `wids` without
   * examples.
   */
  entra: {
    algorithm: 'RS256',
    claimsOf: documented({
      aud: '6e74172b-be56-4843-9ff4-e66a39bb12e3',
      iss: 'https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0',
      iat: 1537231048,
      nbf: 1537231048,
      exp: 1537234948,
      aio: 'AXQAi/8IAAAAtAaZLo3ChMif6KOnttRB7eBq4/DccQzjcJGxPYy/C3jDaNGxXd6wNIIVGRghNRnwJ1lOcAnNZcjvkoyrFxCttv33140RioOFJ4bCCGVuoCag1uOTT22222gHwLPYQ/uf79QX+0KIijdrmp69RctzmQ==',
      azp: '6e74172b-be56-4843-9ff4-e66a39bb12e3',
      azpacr: '0',
      name: 'Abe Lincoln',
      oid: '690222be-ff1a-4d56-abd1-7e4f7d38e474',
      preferred_username: 'abeli@microsoft.com',
      rh: 'I',
      scp: 'access_as_user',
      sub: 'HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ',
      tid: '72f988bf-86f1-41af-91ab-2d7cd011db47',
      uti: 'fqiBqXLPj0eQa82S-IYFAA',
      ver: '2.0',
    }),
  },

  /**
   * https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles, the Auth0 profile
   * with `permissions`.
   */
  auth0: {
    algorithm: 'RS256',
    claimsOf: documented({
      iss: 'https://my-domain.auth0.com/',
      sub: 'auth0|123456',
      aud: ['https://example.com/health-api', 'https://my-domain.auth0.com/userinfo'],
      azp: 'my_client_id',
      exp: 1311281970,
      iat: 1311280970,
      scope: 'openid profile read:patients read:admin',
      permissions: ['create:bar', 'create:foo', 'read:bar', 'read:foo'],
      my_custom_claim: 'my_custom_value',
    }),
  },

  /**
   * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_token_claims.html
   */
  aws: {
    algorithm: 'ES384',
    claimsOf: documented({
      iss: 'https://abc123-def456-ghi789-jkl012.tokens.sts.global.api.aws',
      aud: 'https://api.example.com',
      sub: 'arn:aws:iam::123456789012:role/DataProcessingRole',
      iat: 1700000000,
      exp: 1700000900,
      jti: 'xyz123-def456-ghi789-jkl012',
      'https://sts.amazonaws.com/': {
        aws_account: '123456789012',
        source_region: 'us-east-1',
        org_id: 'o-abc1234567',
        ou_path: 'o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/ou-ab12-22222222/',
        principal_tags: {
          environment: 'production',
          team: 'data-engineering',
          'cost-center': 'engineering',
        },
        lambda_source_function_arn: 'arn:aws:lambda:us-east-1:123456789012:function:process-data',
        request_tags: {
          'job-id': 'job-2024-001',
          priority: 'high',
          'data-classification': 'sensitive',
        },
      },
    }),
  },
} as const satisfies Record<string, Provider>;
