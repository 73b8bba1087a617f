/**
 * The list prices of AWS in US dollars for the Region us-east-1, without any free allowance, each in its first tier,
 * and the quotas that bind. Prices of other stores are here for comparison.
 *
 * `source` sets the price but shows its numbers only to a browser, so `seen` names a page with the number in its text
 * and that page's date. All were looked up on 2026-11-24. Other Regions cost up to a quarter more.
 */
export type Price = {
  readonly usd: number;
  /** `usd` buys this many of `unit`. */
  readonly per: number;
  readonly unit: string;
  readonly source: string;
  readonly seen: string;
};

const million = 1_000_000;
const dynamodb = 'https://aws.amazon.com/dynamodb/pricing/on-demand/';
const kms = 'https://aws.amazon.com/kms/pricing/';
const lambda = 'https://aws.amazon.com/lambda/pricing/';
const gateway = 'https://aws.amazon.com/api-gateway/pricing/';
const cloudwatch = 'https://aws.amazon.com/cloudwatch/pricing/';
const secretsManager = 'https://aws.amazon.com/secrets-manager/pricing/';
const systemsManager = 'https://aws.amazon.com/systems-manager/pricing/';

export const prices = {
  writeUnits: {
    usd: 0.625,
    per: million,
    unit: 'write request units',
    source: dynamodb,
    seen: 'https://airbyte.com/data-engineering-resources/dynamodb-pricing (2025-07)',
  },
  readUnits: {
    usd: 0.125,
    per: million,
    unit: 'read request units',
    source: dynamodb,
    seen: 'https://airbyte.com/data-engineering-resources/dynamodb-pricing (2025-07)',
  },
  /** The first 25 GB of an account are free, which is not counted here. */
  tableStorage: {
    usd: 0.25,
    per: 1,
    unit: 'GB-months of table and index',
    source: dynamodb,
    seen: 'https://aws.amazon.com/dynamodb/pricing/ (an earlier text of it)',
  },
  /** Charged for the size of the table without its indexes. */
  pointInTimeRecovery: {
    usd: 0.2,
    per: 1,
    unit: 'GB-months of table',
    source: dynamodb,
    seen: 'a public cost estimate that cites the source (2026)',
  },
  /** The price rises by two dollars in total after the second yearly rotation. */
  masterKey: {
    usd: 1,
    per: 1,
    unit: 'key-months',
    source: kms,
    seen: 'https://cloudburn.io/blog/aws-kms-pricing (2026-03)',
  },
  /** The first 20,000 a month are free, which is not counted here. */
  masterKeyCalls: {
    usd: 0.03,
    per: 10_000,
    unit: 'KMS requests',
    source: kms,
    seen: 'https://cloudburn.io/blog/aws-kms-pricing (2026-03)',
  },
  invocations: {
    usd: 0.2,
    per: million,
    unit: 'Lambda requests',
    source: lambda,
    seen: 'https://go-cloud.io/aws-lambda-pricing (2026)',
  },
  /** The price on arm64, the default of template.yaml; x86_64 costs 25 % more. */
  computing: {
    usd: 0.0000133334,
    per: 1,
    unit: 'GB-seconds',
    source: lambda,
    seen: 'https://git.mcrn.ar/mariano/lambda_local_runner, docs/lambdas-md/lambda-13-cost.md (2026-05)',
  },
  gatewayRequests: {
    usd: 3.5,
    per: million,
    unit: 'REST API requests',
    source: gateway,
    seen: 'https://go-cloud.io/aws-api-gateway-pricing (2026)',
  },
  transferOut: {
    usd: 0.09,
    per: 1,
    unit: 'GB to the internet',
    source: gateway,
    seen: 'https://www.apigatewaycost.com/aws (2026)',
  },
  logIngestion: {
    usd: 0.5,
    per: 1,
    unit: 'GB of logs',
    source: cloudwatch,
    seen: 'https://www.factualminds.com/blog/amazon-cloudwatch-pricing-metrics-logs-alarms-dashboards/ (2026)',
  },
  logStorage: {
    usd: 0.03,
    per: 1,
    unit: 'GB-months of logs',
    source: cloudwatch,
    seen: 'https://cloudburn.io/blog/amazon-cloudwatch-pricing (2026-02)',
  },
  /** One metric for each name and set of dimensions that reports within an hour, custom and detailed alike. */
  metrics: {
    usd: 0.3,
    per: 1,
    unit: 'metric-months',
    source: cloudwatch,
    seen: 'https://signoz.io/guides/cloudwatch-pricing (2026-02)',
  },
  secretsManagerSecrets: {
    usd: 0.4,
    per: 1,
    unit: 'secret-months',
    source: secretsManager,
    seen: 'https://hivebook.wiki/wiki/aws-secrets-manager-rotated-secrets-dynamic-db-credentials-kms (2026)',
  },
  secretsManagerCalls: {
    usd: 0.05,
    per: 10_000,
    unit: 'Secrets Manager API calls',
    source: secretsManager,
    seen: 'https://hivebook.wiki/wiki/aws-secrets-manager-rotated-secrets-dynamic-db-credentials-kms (2026)',
  },
  /** A standard parameter (4 KB, 10,000 of them, 40 reads a second) costs nothing. */
  advancedParameters: {
    usd: 0.05,
    per: 1,
    unit: 'advanced parameter-months',
    source: systemsManager,
    seen: 'https://stevekinney.com/courses/aws-frontend/parameter-store-vs-secrets-manager (2026)',
  },
  /** For advanced parameters, and for standard ones above 40 reads a second. SecureString also calls KMS. */
  parameterCalls: {
    usd: 0.05,
    per: 10_000,
    unit: 'Parameter Store API interactions',
    source: systemsManager,
    seen: 'https://techoral.com/aws/aws-parameter-store-vs-secrets.html (2026)',
  },
} as const satisfies Readonly<Record<string, Price>>;

/** The price of this many units in US dollars. */
export const costOf = ({ usd, per }: Price, units: number): number => (units / per) * usd;

/** The quotas that end growth. */
export const quotas = {
  /**
   * Units a second of one partition of a table, and so of one secret, whose head and versions share a partition key.
   * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
   */
  partitionReadUnits: 3_000,
  partitionWriteUnits: 1_000,
  /**
   * Units a second of one on-demand table, unless raised.
   * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
   */
  tableUnits: 40_000,
  /**
   * Decrypt and GenerateDataKey calls a second of all keys of an account in a Region, unless raised: first the lowest
   * quota of all Regions, then six other Regions, then us-east-1, us-west-2 and eu-west-1.
   * https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html
   */
  masterKeyCalls: { lowest: 10_000, middle: 20_000, highest: 100_000 },
  /**
   * Secrets of an account in a Region:
   * https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
   */
  secretsManagerSecrets: 500_000,
  /** Parameters of an account in a Region: https://docs.aws.amazon.com/general/latest/gr/ssm.html */
  standardParameters: 10_000,
  advancedParameters: 100_000,
} as const;
