/** The file in the editor. Edits exist nowhere else, so the user is asked before they are lost. */
import { useState } from 'preact/hooks';
import { useLeaving } from '../routes.ts';
import { contentOf, type EditorFile, readEditorFile } from './editor-file.ts';

const nothing: EditorFile = { text: '', eol: '\n' };

export type Editing = ReturnType<typeof useEditing>;

/**
 * Calls `onReplaced` with each file that replaces the one in the editor, and `onRefused` with the
 * reason why a file cannot be opened.
 */
export const useEditing = (
  onReplaced: (file: EditorFile) => void,
  onRefused: (why: string) => void,
) => {
  const [opened, setOpened] = useState(nothing);
  const [text, setText] = useState('');
  const [waiting, setWaiting] = useState<EditorFile>();
  const isUnsaved = text !== '' && text !== opened.text;
  const leaving = useLeaving(isUnsaved);

  const replace = (next: EditorFile) => {
    setWaiting(undefined);
    setOpened(next);
    setText(next.text);
    onReplaced(next);
  };
  const open = async (file: File | null | undefined) => {
    if (!file) return;
    const next = readEditorFile(new Uint8Array(await file.arrayBuffer()));
    if ('refusal' in next) onRefused(next.refusal);
    else if (isUnsaved) setWaiting(next);
    else replace(next);
  };
  return {
    text,
    setText,
    /** The file's content, with its own line endings. */
    content: contentOf(text, opened.eol),
    eol: opened.eol,
    endLinesWithLf: () => setOpened({ ...opened, eol: '\n' }),
    /** Opens a file. Asks first if that would lose unsaved text. */
    open,
    replace,
    replacing: waiting && { yes: () => replace(waiting), no: () => setWaiting(undefined) },
    leaving,
  };
};
