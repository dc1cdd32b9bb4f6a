/** The text of an expression: places in it, and what is written of problems with it. */
import type { Issue, Issues } from './cel.ts';
import { codePointCount } from './values.ts';

/** Where the whole text is what is wrong. */
export const NOWHERE = -1;

/** A problem at an offset of the text, or NOWHERE. */
export interface Problem {
  readonly at: number;
  readonly message: string;
}

/** Thrown inside the lexer and the parser; `compile` turns it into issues. */
export class SyntaxProblem extends Error {
  readonly at: number;

  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

const LONGEST_SNIPPET = 16_384;
const MOST_ISSUES = 100;
/** Many problems in one long line would show it as many times. */
const LONGEST_TEXT = 64 * 1024;

/** Issues in the order of the text, as cel-go writes them (`common/error.go` ToDisplayString). */
export function issuesOf(text: string, problems: readonly Problem[]): Issues {
  const shown = [...problems].sort((a, b) => a.at - b.at).slice(0, MOST_ISSUES);
  const lines = new Lines(text);
  const list = shown.map((problem) => lines.place(problem));
  const displays: string[] = [];
  let length = 0;
  for (const issue of list) {
    if (length <= LONGEST_TEXT) {
      displays.push(lines.display(issue));
      length += displays.at(-1)?.length ?? 0;
    }
  }
  return { list, text: displays.join('\n') };
}

/** The lines of a text, taken apart into characters when one is shown. */
class Lines {
  readonly #lines: readonly string[];
  readonly #starts: readonly number[];
  readonly #points = new Map<number, readonly string[]>();

  constructor(text: string) {
    this.#lines = text.split('\n');
    let offset = 0;
    this.#starts = this.#lines.map((line) => {
      const start = offset;
      offset += line.length + 1;
      return start;
    });
  }

  place(problem: Problem): Issue {
    if (problem.at === NOWHERE) {
      return { line: -1, column: 0, message: problem.message };
    }
    const index = this.#starts.findLastIndex((start) => start <= problem.at);
    const before = (this.#lines[index] ?? '').slice(0, problem.at - (this.#starts[index] ?? 0));
    return { line: index + 1, column: codePointCount(before) + 1, message: problem.message };
  }

  display(issue: Issue): string {
    const head = `ERROR: <input>:${issue.line}:${issue.column}: ${issue.message}`;
    const points = this.#pointsOf(issue.line - 1);
    if (issue.line < 1 || points.length > LONGEST_SNIPPET) {
      return head;
    }
    const pad = Array.from({ length: issue.column - 1 }, (_, index) => (isWide(points[index]) ? '．' : '.'));
    const mark = isWide(points[issue.column - 1]) ? '＾' : '^';
    return `${head}\n | ${points.join('')}\n | ${pad.join('')}${mark}`;
  }

  #pointsOf(index: number): readonly string[] {
    const before = this.#points.get(index);
    const points = before ?? [...(this.#lines[index] ?? '').replaceAll('\t', ' ')];
    this.#points.set(index, points);
    return points;
  }
}

/** Whether it takes more than one byte. */
function isWide(point: string | undefined): boolean {
  return point !== undefined && point > '\u007F';
}
