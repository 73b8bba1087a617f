/**
 * A master key in a KMS, for a vault in this process. Import it only when it is needed, because it
 * loads the AWS client.
 */
import { KMSClient } from '@aws-sdk/client-kms';
import { clientOptions, trimmed } from '../../functions/aws/clients.ts';
import type { KeyService } from '../../functions/kms/key-service.ts';
import { createKmsKey } from '../../functions/kms/kms-key.ts';

/** Uses the key in this Region's KMS, or in the KMS at `endpoint`, with the user's credentials. */
export const openKmsKey = (
  masterKeyId: string,
  { region, endpoint }: { readonly region: string; readonly endpoint: string | undefined },
): KeyService =>
  createKmsKey(
    trimmed(new KMSClient({ ...clientOptions(), region, ...(endpoint && { endpoint }) })),
    masterKeyId,
  );
