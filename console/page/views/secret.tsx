import { useAsking } from '../asking.ts';
import { Instant, Refused, Value, Waiting } from '../parts.tsx';
import { ask } from '../session.ts';

/** One secret: its versions, each with its interval and its value on request. */
export const SecretView = ({ name }: { readonly name: string }) => {
  const { result, refusal, isWaiting } = useAsking(
    (signal) => ask('list-versions', { name, query: { limit: '100' } }, signal),
    [name],
  );
  return (
    <main>
      <h1>{name}</h1>
      <Refused refusal={refusal} />
      <Waiting isWaiting={isWaiting && result === undefined} />
      <table>
        <thead>
          <tr>
            {['Version', 'Valid from', 'Valid to', 'By', 'Note', 'Value'].map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {result?.versions.map(({ version, state, validFrom, validTo, createdBy, note }) => (
            <tr key={version}>
              <th scope="row">{version}</th>
              <td>
                <Instant at={validFrom} />
              </td>
              <td>{validTo === null ? 'now' : <Instant at={validTo} />}</td>
              <td>{createdBy}</td>
              <td>{note}</td>
              <td>
                {state === 'stored' ? (
                  <Value
                    label={`the value of version ${version}`}
                    read={() => readValue(name, version)}
                  />
                ) : (
                  state
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </main>
  );
};

const readValue = async (name: string, version: number): Promise<string> => {
  const { value, encoding } = await ask('get-secret', {
    name,
    query: { version: String(version) },
  });
  return encoding === 'utf8' ? value : `base64: ${value}`;
};
