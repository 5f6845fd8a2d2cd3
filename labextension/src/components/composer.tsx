/** Where the person writes: completion of mentions and commands, attachments, send and stop. */
import type { ReactNode } from 'react';
import React, { useEffect, useLayoutEffect, useRef, useState } from 'react';
import { readAttachment } from '../attachments';
import type { ISuggestion } from '../mentions';
import { accept, mentioned, stillFitting, suggest } from '../mentions';
import type { IAttachment } from '../tokens';
import { usePanel } from './context';
import { useSignals } from './hooks';

const LIST = 'jp-agent-suggestions';

/** What is half written, kept while its conversation is not in view. */
export interface IWritten {
  text: string;
  attached: IAttachment[];
}

/**
 * `onCommand` gets what was typed after a slash; it returns whether it knew the command.
 * `written` is where the composer begins, and it is kept up to date; `focused` says whether it
 * begins with the focus, which the composer before it had.
 */
export function Composer(props: {
  written: IWritten;
  focused: boolean;
  onCommand: (text: string) => boolean;
  children: ReactNode;
}): JSX.Element {
  const { sessions, trans } = usePanel();
  const session = sessions.current;
  useSignals(session?.changed);
  const { written } = props;
  const [{ text, attached }, draw] = useState({ ...written });
  const setText = (value: string): void => {
    written.text = value;
    draw({ ...written });
  };
  const setAttached = (value: IAttachment[]): void => {
    written.attached = value;
    draw({ ...written });
  };
  const [choices, setChoices] = useState<ISuggestion[]>([]);
  const [active, setActive] = useState(0);
  const [problem, setProblem] = useState('');
  const box = useRef<HTMLTextAreaElement>(null);
  const cursor = useRef<number | null>(null);
  const asked = useRef(0);

  const look = async (value: string): Promise<void> => {
    const turn = ++asked.current;
    const before = value.slice(0, box.current?.selectionStart ?? value.length);
    const found = await suggest(before, sessions, trans);
    if (turn === asked.current) {
      setChoices(found);
      setActive(0);
    }
  };
  const change = (value: string): void => {
    setText(value);
    setProblem('');
    const before = value.slice(0, box.current?.selectionStart ?? value.length);
    setChoices(stillFitting(choices, before));
    setActive(0);
    void look(value);
  };
  const pick = (choice: ISuggestion): void => {
    const made = accept(text, box.current?.selectionStart ?? text.length, choice);
    cursor.current = made.cursor;
    setText(made.text);
    setChoices([]);
    if (/[:/ ]$/.test(choice.insert) && !/@\S+ $/.test(choice.insert)) {
      void suggest(made.text.slice(0, made.cursor), sessions, trans).then(setChoices);
    }
    box.current?.focus();
  };
  const send = (value = text): void => {
    const query = value.trim();
    if (query.startsWith('/')) {
      if (props.onCommand(query.slice(1))) {
        setText('');
      } else {
        setProblem(trans.__('There is no command %1. /help lists them.', query.split(/\s/)[0]));
      }
      setChoices([]);
    } else if ((query || attached.length > 0) && session) {
      const all = [...attached, ...mentioned(query, sessions)];
      void session.ask(query || trans.__('See the attachment.'), all);
      setText(written.text === value ? '' : written.text); // a button's question leaves the draft
      setAttached([]);
      setChoices([]);
    }
  };
  const take = async (files: readonly File[]): Promise<void> => {
    for (const file of files) {
      try {
        const attachment = await readAttachment(file, trans);
        setAttached([...written.attached, attachment]);
      } catch (error) {
        setProblem((error as Error).message);
      }
    }
  };

  useLayoutEffect(() => {
    if (cursor.current !== null) {
      box.current?.setSelectionRange(cursor.current, cursor.current);
      cursor.current = null;
    }
    const node = box.current;
    if (node) {
      node.style.height = 'auto';
      node.style.height = `${Math.min(node.scrollHeight + 2, 240)}px`;
    }
  }, [text]);
  useEffect(() => {
    const drafted = (): void => {
      const draft = sessions.takeDraft();
      if (draft === null) {
        return;
      }
      if (draft.send) {
        send(draft.text);
        return;
      }
      const before = written.text;
      setText((before && !/\s$/.test(before) ? `${before} ` : before) + draft.text);
      box.current?.focus();
    };
    drafted();
    sessions.drafted.connect(drafted);
    return () => {
      sessions.drafted.disconnect(drafted);
    };
  });

  const onKeyDown = (event: React.KeyboardEvent): void => {
    const { key } = event;
    if (event.nativeEvent.isComposing) {
      return;
    }
    if (choices.length > 0) {
      if (key === 'ArrowDown' || key === 'ArrowUp') {
        event.preventDefault();
        const step = key === 'ArrowDown' ? 1 : choices.length - 1;
        setActive((active + step) % choices.length);
        return;
      }
      const exact = text.trim() === choices[active].insert.trim();
      if (key === 'Tab' || (key === 'Enter' && !event.shiftKey && !exact)) {
        event.preventDefault();
        pick(choices[active]);
        return;
      }
      if (key === 'Escape') {
        event.stopPropagation();
        setChoices([]);
        return;
      }
    }
    if (key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      send();
    }
  };
  const running = session?.running() ?? null;
  const usable = session !== null;
  return (
    <div
      className="jp-Agent-composer"
      onDragOver={event => {
        if (event.dataTransfer.types.includes('Files')) {
          event.preventDefault();
        }
      }}
      onDrop={event => {
        if (event.dataTransfer.files.length > 0) {
          event.preventDefault();
          void take([...event.dataTransfer.files]);
        }
      }}
    >
      {choices.length > 0 && <Suggestions choices={choices} active={active} onPick={pick} />}
      {problem && (
        <p className="jp-Agent-note jp-mod-failed" role="alert">
          {problem}
        </p>
      )}
      <Attached
        attached={attached}
        onRemove={i => setAttached(attached.filter((_, j) => j !== i))}
      />
      <textarea
        ref={box}
        className="jp-mod-styled"
        rows={2}
        value={text}
        autoFocus={props.focused}
        disabled={!usable}
        placeholder={
          usable
            ? trans.__('Ask about this notebook. @ mentions, / commands.')
            : trans.__('Open a notebook first.')
        }
        aria-label={trans.__('Message to the agent')}
        aria-autocomplete="list"
        aria-controls={choices.length > 0 ? LIST : undefined}
        aria-activedescendant={choices.length > 0 ? `${LIST}-${active}` : undefined}
        onChange={event => change(event.target.value)}
        onKeyDown={onKeyDown}
        onBlur={() => setChoices([])}
        onPaste={event => {
          if (event.clipboardData.files.length > 0) {
            event.preventDefault();
            void take([...event.clipboardData.files]);
          }
        }}
      />
      <div className="jp-Agent-send">
        {props.children}
        <div className="jp-Agent-buttons">
          {running && (
            <button
              className="jp-mod-styled jp-mod-warn jp-Agent-button"
              onClick={() => void session?.interrupt()}
            >
              {trans.__('Stop')}
            </button>
          )}
          <button
            className="jp-mod-styled jp-mod-accept jp-Agent-button"
            disabled={!usable || (!text.trim() && attached.length === 0)}
            onClick={() => send()}
          >
            {running ? trans.__('Queue') : trans.__('Send')}
          </button>
        </div>
      </div>
    </div>
  );
}

function Suggestions(props: {
  choices: ISuggestion[];
  active: number;
  onPick: (choice: ISuggestion) => void;
}): JSX.Element {
  const { trans } = usePanel();
  const chosen = useRef<HTMLLIElement>(null);
  useEffect(() => {
    void chosen.current?.scrollIntoView?.({ block: 'nearest' });
  }, [props.active]);
  return (
    <ul
      className="jp-Agent-suggestions"
      role="listbox"
      id={LIST}
      aria-label={trans.__('Suggestions')}
    >
      {props.choices.map((choice, i) => (
        <li
          key={choice.insert}
          ref={i === props.active ? chosen : undefined}
          id={`${LIST}-${i}`}
          role="option"
          aria-selected={i === props.active}
          onMouseDown={event => {
            event.preventDefault();
            props.onPick(choice);
          }}
        >
          <span>{choice.label}</span> <span className="jp-Agent-muted">{choice.detail}</span>
        </li>
      ))}
    </ul>
  );
}

function Attached(props: {
  attached: IAttachment[];
  onRemove: (index: number) => void;
}): JSX.Element | null {
  const { trans } = usePanel();
  if (props.attached.length === 0) {
    return null;
  }
  return (
    <ul className="jp-Agent-attached" aria-label={trans.__('Attachments')}>
      {props.attached.map((attachment, i) => (
        <li key={i}>
          {attachment.type === 'image' && (
            <img src={`data:${attachment.mime};base64,${attachment.data}`} alt="" />
          )}
          <span>{attachment.name}</span>
          <button
            className="jp-Agent-link"
            aria-label={trans.__('Remove %1', attachment.name)}
            onClick={() => props.onRemove(i)}
          >
            ×
          </button>
        </li>
      ))}
    </ul>
  );
}
