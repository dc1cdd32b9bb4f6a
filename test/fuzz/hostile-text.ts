/** What hostile clients write: texts, numbers, selectors, expressions, patterns and paths. */
import type { Choices } from '../choices.ts';

/**
 * Stands in a value for what would be too long to print, or what JavaScript's values cannot hold; becomes text when the
 * body is encoded: `NUMBER` a number's text, `DEEP` so many lists, `LONG` so many letters, `MANY` so many keys, `ITEMS`
 * so many items.
 */
export function placeholder(what: 'NUMBER' | 'DEEP' | 'LONG' | 'MANY' | 'ITEMS', argument: string | number): string {
  return `\u0001${what}:${argument}\u0001`;
}

const PLACEHOLDERS = /"\\u0001(NUMBER|DEEP|LONG|MANY|ITEMS):([^"\\]*)\\u0001"/g;

/** JSON with every placeholder replaced. */
export function encodeHostile(value: unknown): string {
  return (JSON.stringify(value) ?? 'null').replace(PLACEHOLDERS, (_match, what: string, argument: string) => {
    const count = Number(argument);
    switch (what) {
      case 'DEEP':
        return '['.repeat(count) + ']'.repeat(count);
      case 'LONG':
        return `"${'a'.repeat(count)}!"`;
      case 'MANY':
        return `{${Array.from({ length: count }, (_, i) => `"k${i}":"v"`).join()}}`;
      case 'ITEMS':
        return `[${Array.from({ length: count }, (_, i) => `{"name":"n${i}"}`).join()}]`;
      default:
        return argument;
    }
  });
}

const TEXTS = [
  '', ' ', '-', '.', '..', '/', '../../etc/passwd', '%00', '%', '\u0000', '\n', '\ud800', '\udfff\ud800', '\ufeff', '🙂', 'ß',
  '__proto__', 'constructor', 'toString', 'hasOwnProperty', 'null', 'true', '0', '-1', '1e999', 'NaN', 'A'.repeat(64), 'a'.repeat(254),
  'a/b', 'a/b/c', 'example.com/x', 'kubernetes.io/x', '*', '**', '${x}', '$(x)', '{{.x}}', '1.2.3.4', '::1', '300.1.1.1/99',
  '10.0.0.0/8', '2026-01-01T00:00:00Z', '2026-13-45T99:99:99Z', '0000-00-00T00:00:00Z', 'sample', 'default', 'kube-system',
  'system:masters', '9223372036854775808', '1.5', '1Ei', '-1e-99', '1e2147483647', '0x10', '+5', '99%', '100%', '-5%', '1001%', 'http',
  'cpu', 'pods', 'v1', 'apps/v1', 'Pod', 'Delete', 'Always', 'None', 'TCP', '* * * * *', '*/0 * * * *', '99 99 99 99 99', 'TZ=x * * * * *',
  '@every 1s', '9999999999-99999999999/1 * * * *',
]; // prettier-ignore

const NUMBERS = [
  '0', '-0', '1', '-1', '0.5', '1e3', '1.0', '2147483647', '2147483648', '-2147483649', '4294967296', '9007199254740993',
  '9223372036854775807', '9223372036854775808', '-9223372036854775809', '18446744073709551616', '1e100', '1e400', '-1e400', '1e-400',
]; // prettier-ignore

/** Any value, of any type, that is not what was expected. */
export function hostileValue(choices: Choices): unknown {
  return choices.weighted<() => unknown>([
    [6, () => choices.pick(TEXTS)],
    [4, () => placeholder('NUMBER', choices.pick(NUMBERS))],
    [3, () => null],
    [2, () => choices.chance(0.5)],
    [2, () => []],
    [2, () => ({})],
    [1, () => [null]],
    [1, () => [[]]],
    [1, () => [{}]],
    [1, () => ({ '': null })],
    [
      1,
      () =>
        Object.fromEntries([
          ['__proto__', { polluted: 'yes' }],
          ['constructor', {}],
        ]),
    ],
    [1, () => placeholder('LONG', choices.pick([1_000, 30_000, 300_000]))],
    [1, () => placeholder('MANY', choices.pick([100, 2_000, 10_000]))],
    [1, () => placeholder('ITEMS', choices.pick([100, 1_000, 10_000]))],
    [0.5, () => placeholder('DEEP', choices.pick([20, 200, 600, 20_000]))],
  ])();
}

export const hostileText = (choices: Choices): string => choices.pick(TEXTS);

const SELECTORS = [
  'app=web', 'app', '!app', 'app in (a,b)', 'app notin ()', 'app in (', 'a==b=c', '=', ',', ',,,', 'a b', 'a>1', 'a<x', 'a gt 1',
  'metadata.name=sample', 'metadata.name!=x', 'metadata.namespace=default', 'spec.nodeName=', 'status.phase!=Running', 'nothing.here=1',
  'metadata.name=a\\,b\\=c\\', 'a=\\', '__proto__=x', 'constructor', 'spec.color=red', '\u0000', 'ß=ß', '(((((', 'in in (in)', 'notin notin (notin)',
]; // prettier-ignore

export function hostileSelector(choices: Choices): string {
  if (choices.chance(0.1)) return Array.from({ length: choices.pick([100, 5_000]) }, (_, i) => `k${i}!=v`).join();
  if (choices.chance(0.05)) return `a in (${'x,'.repeat(20_000)})`;
  if (choices.chance(0.05)) return '('.repeat(20_000);
  return choices.pick(SELECTORS);
}

const QUERIES: Readonly<Record<string, readonly string[]>> = {
  resourceVersion: ['0', '1', '-1', 'x', '', '00', '5', '1e3', '18446744073709551616', '9007199254740993'],
  resourceVersionMatch: ['Exact', 'NotOlderThan', 'x', ''],
  limit: ['1', '0', '-1', '9223372036854775807', '9223372036854775808', 'x', '1.5', ''],
  continue: [
    'x',
    'eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiIvIn0',
    'e30',
    'bnVsbA',
    'W10',
    '%00',
    'eyJydiI6LTF9',
    'MQ',
  ],
  timeoutSeconds: ['0', '1', '-1', 'x', '99999999999999999999'],
  watch: ['true', '1', '0', 'x', ''],
  allowWatchBookmarks: ['true', 'x'],
  sendInitialEvents: ['true', 'false', 'x'],
  dryRun: ['All', 'x', '', 'All,All'],
  fieldManager: ['fuzz', '', 'x'.repeat(129), '\u0000', 'ä'],
  fieldValidation: ['Strict', 'Warn', 'Ignore', 'x'],
  force: ['true', 'false', 'x', ''],
  pretty: ['true', '1', 'x'],
  propagationPolicy: ['Orphan', 'Background', 'Foreground', 'x'],
  gracePeriodSeconds: ['0', '-1', '1', 'x', '9223372036854775808'],
  orphanDependents: ['true', 'x'],
  includeObject: ['None', 'Metadata', 'Object', 'x'],
  __proto__x: ['1'],
  constructor: ['1'],
};

/** `a=b&c=d`, percent-encoded or not. */
export function hostileQuery(choices: Choices): string {
  const parts: string[] = [];
  for (let count = choices.below(3); count >= 0; count--) {
    const name = choices.pick([
      ...Object.keys(QUERIES),
      'labelSelector',
      'fieldSelector',
      'labelSelector',
      'fieldSelector',
    ]);
    const isSelector = name.endsWith('Selector');
    const value = isSelector ? hostileSelector(choices) : choices.pick(QUERIES[name]!);
    parts.push(`${name.replace('__x', '__')}=${encodeURIComponent(value.replace(/[\ud800-\udfff]/g, '?'))}`);
  }
  return parts.join('&');
}

export const PATTERNS = [
  '^(a+)+$', '(a|a)*b', '^(([a-z])+.)+[A-Z]([a-z])+$', '(x{1000}){1000}', 'x{0,1000}', '(?:a?){50}a{50}', '(', '[', '*', '\\', '(?=a)',
  '\\1(a)', '(?P<n>a)', '\\p{L}+', '[^]', '^.*a.*a.*a.*a.*a.*$', '(a*)*(a*)*(a*)*b', '((((((((((a{10}){10}){10}))))))))', '\u0000', '',
  '^[a-z]([-a-z0-9]*[a-z0-9])?$', '(.*)(.*)(.*)(.*)(.*)(.*)(.*)[^a]', '(?i)(?s)(?m).', '(?:(?:(?:a{1,100}){1,100}){1,100})',
]; // prettier-ignore

const NESTED = (depth: number): string =>
  depth === 0 ? 'true' : `[1,2,3,4,5,6,7,8,9].all(x${depth}, ${NESTED(depth - 1)})`;
const MAPPED = (depth: number): string =>
  depth === 0 ? '[1]' : `[1,2,3,4,5,6,7,8].map(x${depth}, ${MAPPED(depth - 1)})`;

export const EXPRESSIONS = [
  'true', 'false', 'self', '', '(', ')', 'self.x', 'self == oldSelf', 'self.spec.tags.all(a, self.spec.tags.all(b, a == b || a != b))', '1/0', '1 % 0',
  '9223372036854775807 + 1', '"a" + 1', NESTED(3), NESTED(7), MAPPED(3), MAPPED(8), '['.repeat(500), '('.repeat(3_000) + '1' + ')'.repeat(3_000),
  '!'.repeat(5_000) + 'true', '-'.repeat(5_000) + '1', Array(2_000).fill('true').join(' && '), Array(2_000).fill('1').join('+'), 'a'.repeat(20_000),
  '"' + 'x'.repeat(20_000) + '".matches("(x+x+)+y")', 'object.metadata.name.matches(object.metadata.name)', 'object.metadata.name.startsWith("x")',
  'size(object.metadata.labels) > 0', 'has(object.spec)', 'request.operation == "CREATE"', 'variables.x', 'params.x', 'authorizer.group("").resource("pods").check("get").allowed()',
  'object.spec.containers.all(c, object.spec.containers.all(d, object.spec.containers.all(e, c == d || d == e || true)))',
  'self.metadata.name.split("").map(x, x + x).join().split("").map(x, x + x).join() != ""', '[1].map(x, x).filter(x, x > 0).exists_one(x, x == 1)',
  'quantity("1e999999999").isGreaterThan(quantity("1"))', 'duration("9999999999h") > duration("1h")', 'timestamp("9999-12-31T23:59:59Z") + duration("1h") > timestamp("0001-01-01T00:00:00Z")',
  'b"\\xff" == b"\\xff"', '"\\u0000" == ""', '"%s%d%f".format(["a"])', '"%2147483647s".format(["a"]) == ""', '"%.2147483647f".format([1.0]) == ""', '{"a": {"b": [1]}}.a.b[0] == 1', '__proto__', 'self.__proto__', 'constructor',
  'url("http://x").getHost() == ""', 'ip("1.2.3.4").family() == 4', 'cidr("0.0.0.0/0").containsIP("::1")', 'semver("1.2.3").major() == 1', 'sets.contains([1], [1])', '[3,2,1].sort() == [1,2,3]',
  'optional.of(1).orValue(2) == 1', 'self.?a.orValue("") == ""', '"a".replace("", "xxxxxxxxxx").replace("", "xxxxxxxxxx").replace("", "xxxxxxxxxx").replace("", "xxxxxxxxxx").size() > 0', 'Object{}', '[JSONPatch{op: "add", path: "/metadata/labels/x", value: "y"}]', 'dyn([]).all(x, x)',
]; // prettier-ignore

export const JSON_PATHS = [
  '.spec', '.spec.a', '..', '..x', '.spec..x', '.spec[*]', '.spec.list[*].a[*].b', '.spec.list[?(@.a==1)]', '.spec.list[?(@.a>"x")].b', '.spec.list[0:100000000]',
  '.spec.list[-1]', '.spec.list[::0]', '.spec.list[999999999999999999999]', "['spec']", '.spec["a"]', '{.a}', '{range .a}{end}', '.', '', '$', '@', '.a.b.c.d.e.f.g', '.__proto__', '.constructor.constructor',
  '.metadata.creationTimestamp', '.metadata.labels.*', '.*.*.*.*', '..*', '..[*]..[*]..[*]', `${'..[*]'.repeat(30)}`, `${'.a'.repeat(3_000)}`, '[?(@', '[(', ".spec.list[?(@.a=='x' && @.b)]",
]; // prettier-ignore

const DOTTED = (text: string): boolean => text.includes('.');
/** Texts by the field that they are written for. */
export function textForField(choices: Choices, field: string): string | undefined {
  if (/pattern|regex/i.test(field)) return choices.pick(PATTERNS);
  if (/rule|expression|condition/i.test(field)) return choices.pick(EXPRESSIONS);
  if (/jsonpath|fieldpath|replicaspath/i.test(field)) return choices.pick(JSON_PATHS);
  if (field === 'resourceVersion') return choices.pick(QUERIES['resourceVersion']!);
  if (/labelselector/i.test(field)) return hostileSelector(choices);
  if (DOTTED(field)) return undefined;
  return undefined;
}
