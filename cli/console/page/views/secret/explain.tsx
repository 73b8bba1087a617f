import { useId, useRef, useState } from 'preact/hooks';
import type { ReplyOf } from '../../../../../client/types.ts';
import { scopes } from '../../../../../functions/model/types.ts';
import { ActionButton } from '../../buttons.tsx';
import { useCaller, useLack } from '../../caller.ts';
import { counted } from '../../counted.ts';
import { privateText } from '../../form-fields.tsx';
import { useAction } from '../../query-hooks.ts';
import { RefusalNotice } from '../../query-status.tsx';
import { ask } from '../../session.ts';
import { Table } from '../../table.tsx';

type Explanation = ReplyOf<'explain-secret'>;

/**
 * Explains what a caller may do with the secret, and why. The caller is the console's own token, or
 * any combination of scopes and names.
 */
export const Explain = ({ name }: { readonly name: string }) => {
  const lack = useLack('secrets:explain');
  const form = useRef<HTMLFormElement>(null);
  const [explanation, setExplanation] = useState<Explanation>();
  const doing = useAction();
  const caller = useCaller();
  const headingId = useId();
  const explain = (query: { readonly scopes?: string; readonly names?: string }) =>
    doing.begin(async (signal) =>
      setExplanation(await ask('explain-secret', { name, query }, signal)),
    );
  const explainOther = () => {
    const data = new FormData(form.current ?? undefined);
    const names = String(data.get('names')).replaceAll(/[\s,]+/g, ',');
    explain({ scopes: data.getAll('scopes').join(','), names });
  };
  return (
    <section aria-labelledby={headingId}>
      <h2 id={headingId}>Explain access</h2>
      <p class="row">
        <ActionButton onClick={() => explain({})} lacks={lack}>
          What may I do?
        </ActionButton>
      </p>
      {lack === undefined && (
        <details>
          <summary>As another caller</summary>
          <form
            ref={form}
            onSubmit={(event) => {
              event.preventDefault();
              explainOther();
            }}
          >
            <fieldset class="choice">
              <legend>Scopes</legend>
              {scopes.map((scope) => (
                <label key={scope}>
                  <input
                    type="checkbox"
                    name="scopes"
                    value={scope}
                    defaultChecked={caller?.scopes.includes(scope) ?? false}
                  />{' '}
                  {scope}
                </label>
              ))}
            </fieldset>
            <label class="field">
              Names <small>(names or beginnings such as app.*, separated by commas)</small>
              <input
                type="text"
                name="names"
                required
                defaultValue={caller?.names.join(', ') ?? '*'}
                {...privateText}
              />
            </label>
            <p>
              <button type="submit" disabled={doing.isBusy}>
                What may this caller do?
              </button>
            </p>
          </form>
        </details>
      )}
      <RefusalNotice refusal={doing.refusal} />
      <div role="status">{explanation && <ExplanationDetails {...explanation} />}</div>
    </section>
  );
};

const ExplanationDetails = (explanation: Explanation) => {
  const { name, masterKey, readCost, caller } = explanation;
  return (
    <>
      <p>
        A caller with {caller.scopes.join(', ')} and the names {caller.names.join(', ')}:
      </p>
      <Table
        label={`What the caller may do with ${name}`}
        columns={['Action', 'Allowed', 'Why']}
        rows={(['read', 'update', 'delete'] as const).map((action) => ({
          key: action,
          cells: [action, caller[action].allowed ? '✓ yes' : '✗ no', caller[action].why],
        }))}
      />
      <ul class="facts">
        <li>{stateOf(explanation)}</li>
        <li>{keySentences[masterKey.state]}</li>
        {masterKey.sealedCurrent === false && (
          <li>
            The current version is sealed with a different master key than the one in use now.
          </li>
        )}
        <li>
          One read costs {counted(readCost.storeCalls, 'call')} to the store,{' '}
          {counted(readCost.kmsCalls, 'call')} to the key service and{' '}
          {counted(readCost.units, 'unit')} of capacity.
        </li>
      </ul>
    </>
  );
};

const stateOf = ({ exists, deleted, current }: Explanation): string => {
  if (deleted) return `The secret is deleted. Version ${current?.version} is the deletion.`;
  return exists ? `The current version is ${current?.version}.` : 'The secret does not exist.';
};

const keySentences: Readonly<Record<Explanation['masterKey']['state'], string>> = {
  usable: 'The master key can be used now.',
  unusable: 'The master key cannot be used: it is disabled, unknown or denied.',
  unreachable: 'The key service cannot be reached now.',
};
