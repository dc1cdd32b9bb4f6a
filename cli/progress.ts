/** What a start tells its user: a line per step, with a mark that turns into a tick on a terminal. */
export interface Progress {
  /** Begins a step; the one before it is done. */
  step(text: string): void;
  /** A remark under the step. */
  note(text: string): void;
  done(): void;
  fail(): void;
}

export function createProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  const terminal = stream.isTTY === true;
  let current: string | undefined;
  const finish = (mark: string): void => {
    if (current === undefined) return;
    if (terminal) stream.write(`\r\u001b[2K${mark} ${current}\n`);
    current = undefined;
  };
  return {
    step(text) {
      finish('✓');
      current = text;
      stream.write(terminal ? `… ${text}` : `${text}\n`);
    },
    note(text) {
      if (terminal && current !== undefined) stream.write(`\r\u001b[2K  ${text}\n… ${current}`);
      else stream.write(`  ${text}\n`);
    },
    done: () => finish('✓'),
    fail: () => finish('✗'),
  };
}
