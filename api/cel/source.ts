/** The text of an expression: places in it, and what is written of problems with it. */
import type { Issue, Issues } from './cel.ts';

/** A problem at an offset of the text. */
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

/** Issues in the order of the text, as cel-go writes them (`common/error.go` ToDisplayString). */
export function issuesOf(text: string, problems: readonly Problem[]): Issues {
  const lines = text.split('\n');
  const starts = lineStarts(lines);
  const placed = problems.map((problem) => place(problem, { lines, starts }));
  placed.sort((a, b) => a.line - b.line || a.column - b.column);
  const shown = placed.slice(0, MOST_ISSUES);
  return { list: shown, text: shown.map((issue) => display(issue, lines[issue.line - 1] ?? '')).join('\n') };
}

function lineStarts(lines: readonly string[]): number[] {
  const starts: number[] = [];
  let offset = 0;
  for (const line of lines) {
    starts.push(offset);
    offset += line.length + 1;
  }
  return starts;
}

function place(problem: Problem, source: { lines: readonly string[]; starts: readonly number[] }): Issue {
  let line = source.starts.length - 1;
  while (line > 0 && (source.starts[line] ?? 0) > problem.at) {
    line--;
  }
  const before = (source.lines[line] ?? '').slice(0, problem.at - (source.starts[line] ?? 0));
  return { line: line + 1, column: [...before].length + 1, message: problem.message };
}

function display(issue: Issue, line: string): string {
  const head = `ERROR: <input>:${issue.line}:${issue.column}: ${issue.message}`;
  const points = [...line.replaceAll('\t', ' ')];
  if (points.length > LONGEST_SNIPPET) {
    return head;
  }
  const pad = Array.from({ length: issue.column - 1 }, (_, index) => (isWide(points[index]) ? '．' : '.'));
  const mark = isWide(points[issue.column - 1]) ? '＾' : '^';
  return `${head}\n | ${points.join('')}\n | ${pad.join('')}${mark}`;
}

function isWide(point: string | undefined): boolean {
  return point !== undefined && new TextEncoder().encode(point).length > 1;
}
