/** The access key for a store that does not check it. The AWS client needs one. */
export const uncheckedKey = { accessKeyId: 'unchecked', secretAccessKey: 'unchecked' };

/**
 * The variables of a process whose store checks no credentials. Without them, the AWS client would
 * look for the user's credentials and send them to that store.
 */
export const noCredentials: Readonly<Record<string, string | undefined>> = {
  AWS_ACCESS_KEY_ID: uncheckedKey.accessKeyId,
  AWS_SECRET_ACCESS_KEY: uncheckedKey.secretAccessKey,
  AWS_SESSION_TOKEN: undefined,
  AWS_PROFILE: undefined,
};
