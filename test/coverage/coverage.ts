/**
 * Makes docs/coverage.md: which rows and conformance behaviours are shown by tests that passed. A test shows a row by
 * its id in its title (`[A10]`, `[conformance: ConfigMap, from environment field]`, `[walkthrough T2]`). Pure: files
 * are read and written by `main.ts`.
 */
import { ABSENT_BEHAVIOURS, ABSENT_FEATURES, PARTIAL_FEATURES } from './slice.ts';

/** One test of jest's JSON report. */
export interface TestResult {
  fullName: string;
  status: string;
}

export interface Feature {
  id: string;
  name: string;
}

export interface Behaviour {
  owner: string;
  name: string;
}

export interface CoverageInput {
  features: readonly Feature[];
  behaviours: readonly Behaviour[];
  tests: readonly TestResult[];
}

export interface CoveragePage {
  markdown: string;
  /** Ids in titles that name nothing. */
  unknownIds: string[];
}

/** Lines `a<TAB>b`; those that begin with `#` are comments. */
export function parsePairs(text: string): [string, string][] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const tab = line.indexOf('\t');
      return [line.slice(0, tab), line.slice(tab + 1)];
    });
}

/** What a title claims to show: `A10`, `conformance: …`, `walkthrough T2`. */
export function idsOf(title: string): string[] {
  return [...title.matchAll(/\[((?:[A-Z]\d+)|(?:conformance: [^\]]+)|(?:walkthrough [A-Z]\d+))\]/g)].map(
    ([, id]) => id!,
  );
}

/** Id → titles of the tests that passed, each once, wherever it ran; one that failed or was skipped shows nothing. */
export function shownBy(tests: readonly TestResult[]): Map<string, string[]> {
  const shown = new Map<string, Set<string>>();
  for (const { fullName, status } of tests) {
    if (status !== 'passed') continue;
    for (const id of idsOf(fullName)) shown.set(id, (shown.get(id) ?? new Set()).add(withoutIds(fullName)));
  }
  return new Map([...shown].map(([id, titles]) => [id, [...titles].sort()]));
}

function withoutIds(title: string): string {
  return title.replace(/\s*\[(?:[A-Z]\d+|(?:conformance:|walkthrough) [^\]]+)\]/g, '').trim();
}

/** Why a behaviour is not in this slice; undefined when it is. */
export function reasonAgainst({ owner, name }: Behaviour): string | undefined {
  return ABSENT_BEHAVIOURS.find((rule) => (rule.owner ?? owner) === owner && rule.match.test(name))?.reason;
}

/** The page, the same for the same tests whatever their order. */
export function coveragePage({ features, behaviours, tests }: CoverageInput): CoveragePage {
  const shown = shownBy(tests);
  const known = new Set([...features.map(({ id }) => id), ...behaviours.map(({ name }) => `conformance: ${name}`)]);
  const walkthroughs = [...shown.keys()].filter((id) => id.startsWith('walkthrough ')).sort(byNumber);
  const isShown = (id: string): boolean => shown.has(id);
  // What a test shows is in the slice, whatever the rules say of the others of its name.
  const reasonOf = (behaviour: Behaviour): string | undefined =>
    isShown(`conformance: ${behaviour.name}`) ? undefined : reasonAgainst(behaviour);
  const inSlice = behaviours.filter((behaviour) => reasonOf(behaviour) === undefined);
  const markdown = [
    '# Coverage',
    '',
    'Made by `node bin/coverage.mjs` after `npm run test:all` from the titles of the tests that passed in that run; never edited by hand.',
    'A row counts as shown only when such a test names it; what is in the slice and not shown may work all the same.',
    '',
    '| | all | in this slice | shown by a test that passed |',
    '|---|---|---|---|',
    `| features | ${features.length} | ${features.filter(({ id }) => !(id in ABSENT_FEATURES)).length} | ${features.filter(({ id }) => isShown(id)).length} |`,
    `| conformance behaviours (v1.36) | ${behaviours.length} | ${inSlice.length} | ${behaviours.filter(({ name }) => isShown(`conformance: ${name}`)).length} |`,
    '',
    '## Features',
    '',
    '| row | feature | slice | shown by |',
    '|---|---|---|---|',
    ...features.map(({ id, name }) => row([id, name, sliceOfFeature(id), titles(shown.get(id))])),
    '',
    '## Walkthroughs',
    '',
    '| check | shown by |',
    '|---|---|',
    ...walkthroughs.map((id) => row([id.replace('walkthrough ', ''), titles(shown.get(id))])),
    '',
    '## Conformance behaviours',
    '',
    '| owner | behaviour | slice | shown by |',
    '|---|---|---|---|',
    ...behaviours.map((behaviour) => {
      const reason = reasonOf(behaviour);
      const slice = reason === undefined ? 'in' : `out: ${reason}`;
      return row([behaviour.owner, behaviour.name, slice, titles(shown.get(`conformance: ${behaviour.name}`))]);
    }),
    '',
  ].join('\n');
  const unknownIds = [...shown.keys()].filter((id) => !known.has(id) && !isWalkthrough(id)).sort();
  return { markdown, unknownIds };
}

/** The checks of the walkthroughs are T1 to T30, their scenarios S1 to S19. */
function isWalkthrough(id: string): boolean {
  return /^walkthrough (T([1-9]|[12]\d|30)|S([1-9]|1\d))$/.test(id);
}

function sliceOfFeature(id: string): string {
  if (id in ABSENT_FEATURES) return `out: ${ABSENT_FEATURES[id]}`;
  return id in PARTIAL_FEATURES ? `in part: ${PARTIAL_FEATURES[id]}` : 'in';
}

const MAX_TITLES = 3;

function titles(all: readonly string[] | undefined): string {
  if (all === undefined) return '';
  const rest = all.length > MAX_TITLES ? [`and ${all.length - MAX_TITLES} more`] : [];
  return [...all.slice(0, MAX_TITLES), ...rest].join('; ');
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ').replaceAll('<', '&lt;')).join(' | ')} |`;
}

function byNumber(left: string, right: string): number {
  return left.localeCompare(right, 'en', { numeric: true });
}
