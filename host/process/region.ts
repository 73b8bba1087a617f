/**
 * Returns the AWS Region of the KMS and the DynamoDB that a program on this machine uses:
 * `AWS_REGION`, or else `AWS_DEFAULT_REGION`, or else us-east-1.
 */
export const regionIn = (environment: NodeJS.ProcessEnv): string =>
  environment['AWS_REGION'] || environment['AWS_DEFAULT_REGION'] || 'us-east-1';
