/** The AWS Region of a KMS or a DynamoDB that a program on this machine uses. */

export const presetRegion = 'us-east-1';

/** Returns the Region that the environment names, if it names one. */
export const regionIn = (environment: NodeJS.ProcessEnv): string | undefined =>
  environment['AWS_REGION'] || environment['AWS_DEFAULT_REGION'] || undefined;
