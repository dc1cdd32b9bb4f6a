import { describe, expect, it } from '@jest/globals';
import { createEnvironment } from '../environment.ts';
import { type AuthorizationCheck, AUTHORIZER_TYPE, authorizerValue } from './authorizer.ts';
import { JSON_PATCH_LIBRARY } from './json-patch.ts';
import { KUBERNETES_LIBRARIES } from './kubernetes.ts';

const environment = createEnvironment({
  variables: { authorizer: AUTHORIZER_TYPE },
  libraries: [...KUBERNETES_LIBRARIES, JSON_PATCH_LIBRARY],
});

function evaluate(text: string, activation: Record<string, unknown> = {}): unknown {
  const compiled = environment.compile(text);
  if (compiled.program === undefined) {
    throw new Error(compiled.issues.text);
  }
  return compiled.program.evaluate(activation).value;
}

describe('Kubernetes libraries hold', () => {
  it.each([
    // strings
    "'tacocat'.charAt(3) == 'o' && 'hello mellow'.indexOf('ello', 2) == 7 && 'hello mellow'.lastIndexOf('ello') == 7",
    "'日本語'.substring(1, 2) == '本' && '日本語😀x'.indexOf('x') == 4",
    "['a', 'b'].join('-') == 'a-b' && 'a,b,c'.split(',', 2) == ['a', 'b,c'] && 'abc'.split('') == ['a', 'b', 'c']",
    "'aaa'.replace('a', 'b', 2) == 'bba' && 'ab'.replace('', '-') == '-a-b-' && ' \\t x '.trim() == 'x'",
    "'TacoCÆt'.lowerAscii() == 'tacocÆt' && strings.quote('a\"b\\n') == '\"a\\\\\"b\\\\n\"'",
    "'%s is %d, %.2f, %x'.format(['n', dyn(5), 1234.5, 255]) == 'n is 5, 1,234.50, ff'",
    `'%s %e'.format([['a', dyn(1.5), 2, {'k': b'v'}], dyn(1052.032911275)]) == '["a", 1.500000, 2, {"k":b"v"}] 1.052033\u202f×\u202f10⁰³'`,
    // lists
    '[1, 2, 2].isSorted() && ![2, 1].isSorted() && [1.5, 2.5].sum() == 4.0 && [3, 1].min() == 1 && [3, 1].max() == 3',
    "['b', 'a', 'b'].indexOf('b') == 0 && ['b', 'a', 'b'].lastIndexOf('b') == 2 && [].sum() == 0",
    "[duration('1s'), duration('2s')].sum() == duration('3s')",
    '[3, 1, 2].sort() == [1, 2, 3] && [1, 2, 2].distinct() == [1, 2] && [1, 2].reverse() == [2, 1]',
    '[[1], [2, 3]].flatten() == [1, 2, 3] && lists.range(3) == [0, 1, 2] && [1, 2, 3].slice(1, 2) == [2]',
    "['ccc', 'a', 'bb'].sortBy(s, size(s)) == ['a', 'bb', 'ccc']",
    'sets.contains([1, 2, 3], [2]) && sets.equivalent([1, 1], [1]) && !sets.intersects([1], [2])',
    // folds with two variables
    "[1, 2].all(i, v, v == i + 1) && {'a': 1}.exists(k, v, k == 'a' && v == 1) && [5, 6].existsOne(i, v, i == 1)",
    "['a', 'b'].transformList(i, v, string(i) + v) == ['0a', '1b']",
    "{'a': 1, 'b': 2}.transformMap(k, v, v > 1, v * 10) == {'b': 20}",
    "{'a': 'x'}.transformMapEntry(k, v, {v: k}) == {'x': 'a'}",
    // optionals
    "{'a': 1}.?a.orValue(2) == 1 && {'a': 1}[?'b'].orValue(2) == 2 && !optional.none().hasValue()",
    'optional.of(3).optMap(x, x + 1).value() == 4 && optional.of(3).optFlatMap(x, optional.none()) == optional.none()',
    "[?optional.none(), ?optional.of(1)] == [1] && optional.ofNonZeroValue('') == optional.none()",
    "optional.of({'a': {'b': 1}}).a.b.value() == 1",
    // regex
    "'abc 123 def 456'.find('[0-9]+') == '123' && 'abc 123 def 456'.findAll('[0-9]+') == ['123', '456']",
    "'1 2 3'.findAll('[0-9]', 2) == ['1', '2'] && 'abc'.find('[0-9]') == ''",
    // URLs
    "url('https://user:pass@example.com:80/path?query=val#fragment').getHost() == 'example.com:80'",
    "url('https://[::1]:80/').getHostname() == '::1' && url('https://example.com/').getPort() == ''",
    "url('https://example.com/path with spaces/').getEscapedPath() == '/path%20with%20spaces/'",
    "url('https://example.com/path?k1=a&k2=b&k2=c').getQuery() == {'k1': ['a'], 'k2': ['b', 'c']}",
    "isURL('/absolute-path') && !isURL('https://a:b:c/') && !isURL('../relative-path') && url('/path').getScheme() == ''",
    // networks
    "ip('192.168.0.1').family() == 4 && ip('::1').isLoopback() && isIP('2001:db8::1') && !isIP('127.0.0.256')",
    "ip('192.168.0.1') == ip('192.168.0.1') && !isIP('::ffff:1.2.3.4') && !isIP('010.0.0.1') && !isIP('fe80::1%en0')",
    "!ip.isCanonical('2001:DB8::ABCD') && ip.isCanonical('2001:db8::abcd') && string(ip('::1')) == '::1'",
    "ip('192.168.0.1').isGlobalUnicast() && !ip('255.255.255.255').isGlobalUnicast() && ip('0.0.0.0').isUnspecified()",
    "cidr('192.168.0.0/24').containsIP('192.168.0.1') && !cidr('192.168.0.0/24').containsIP(ip('192.168.1.1'))",
    "cidr('192.168.0.0/16').containsCIDR('192.168.10.0/24') && !cidr('192.168.0.0/24').containsCIDR('192.168.0.0/23')",
    "cidr('192.168.0.1/24').masked() == cidr('192.168.0.0/24') && cidr('::1/128').prefixLength() == 128",
    "cidr('192.168.0.1/24').ip() == ip('192.168.0.1') && isCIDR('10.0.0.0/8') && !isCIDR('10.0.0.0/33')",
    "type(ip('1.2.3.4')) == net.IP && type(cidr('1.2.3.4/8')) == net.CIDR",
    // quantities
    "quantity('50k').add(quantity('20k')) == quantity('70k') && quantity('50k').sub(20000) == quantity('30k')",
    "quantity('200M').isGreaterThan(quantity('50k')) && quantity('50M').compareTo(quantity('50Mi')) == -1",
    "isQuantity('1.3Gi') && !isQuantity('1.3GiB') && quantity('1500m').asApproximateFloat() == 1.5",
    "!quantity('1500m').isInteger() && quantity('50k').asInteger() == 50000 && quantity('-3').sign() == -1",
    // named formats
    "!format.dns1123Label().validate('my-label').hasValue() && format.dns1123Label().validate('My_').value().size() == 1",
    "format.named('uuid').value().validate('nope').value() == ['does not match the UUID format']",
    "!format.named('unknown').hasValue() && !format.datetime().validate('2021-01-01T00:00:00Z').hasValue()",
    "!format.byte().validate('aGVsbG8=').hasValue() && format.date().validate('2021-13-01').hasValue()",
    // versions
    "semver('1.2.3').isLessThan(semver('1.10.0')) && semver('1.0.0-alpha.1').compareTo(semver('1.0.0')) == -1",
    "isSemver('1.0.0') && !isSemver('v1.0') && isSemver('v1.0', true) && semver('01.01.01', true) == semver('1.1.1')",
    "semver('1.2.3').major() == 1 && semver('1.2.3').minor() == 2 && semver('1.2.3').patch() == 3",
    // JSON patches
    "jsonpatch.escapeKey('k8s.io/a~b') == 'k8s.io~1a~0b'",
  ])('%s', (text) => {
    expect(evaluate(text)).toBe(true);
  });

  it.each([
    ["url('../x')", 'URL parse error during conversion from string: parse "../x": invalid URI for request'],
    ["quantity('x')", 'quantities must match the regular expression'],
    ['[].min()', 'min called on empty list'],
    ["ip('::ffff:1.2.3.4')", 'IPv4-mapped IPv6 address "::ffff:1.2.3.4" is not allowed'],
    ["'abc'.charAt(9)", 'index out of range: 9'],
    ['optional.none().value()', 'optional.none() dereference'],
    [
      "{'a': 1}.transformMapEntry(k, v, {'x': 1}).size() + {'a': 1, 'b': 1}.transformMapEntry(k, v, {'x': 1}).size()",
      "insert failed: key 'x' already exists",
    ],
  ])('%s fails', (text, message) => {
    expect(() => evaluate(text)).toThrow(message);
  });

  it('does not have what Kubernetes leaves out', () => {
    for (const text of ['cel.bind(x, 1, x)', 'math.abs(-1)', "base64.encode(b'x')", "'abc'.reverse()"]) {
      expect(environment.compile(text).issues).toBeDefined();
    }
  });
});

describe('authorizer', () => {
  it('asks what the expression says', () => {
    const asked: AuthorizationCheck[] = [];
    const authorizer = authorizerValue((check) => {
      asked.push(check);
      return { allowed: check.verb === 'get', reason: 'because' };
    });
    const text =
      "authorizer.group('apps').resource('deployments').subresource('scale').namespace('ns').name('x').check('get').allowed()" +
      " && !authorizer.serviceAccount('ns', 'sa').path('/healthz').check('post').allowed()";
    expect(evaluate(text, { authorizer })).toBe(true);
    expect(asked).toEqual([
      { group: 'apps', resource: 'deployments', subresource: 'scale', namespace: 'ns', name: 'x', verb: 'get' },
      { serviceAccount: { namespace: 'ns', name: 'sa' }, path: '/healthz', verb: 'post' },
    ]);
    expect(evaluate("authorizer.path('/x').check('get').reason()", { authorizer })).toBe('because');
    expect(() => evaluate("authorizer.path('').check('get').allowed()", { authorizer })).toThrow(
      'path must not be empty',
    );
  });

  it('costs so much that a call allows two checks', () => {
    const check = "authorizer.path('/x').check('get').allowed()";
    const { program } = environment.compile([check, check, check].map((part) => `!${part}`).join(' || '));
    const authorizer = authorizerValue(() => ({ allowed: true }));
    expect(() => program?.evaluate({ authorizer }, { costLimit: 1_000_000 })).toThrow('actual cost limit exceeded');
  });
});
