/**
 * The access key for a store that does not check it. The AWS client needs one, and without it would
 * look for the user's credentials and send them to that store.
 */
export const uncheckedKey = { accessKeyId: 'unchecked', secretAccessKey: 'unchecked' };
