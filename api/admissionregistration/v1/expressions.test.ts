import { describe, expect, it } from '@jest/globals';
import type { ExpressionUse } from './expressions.ts';
import { ExpressionCompiler } from './expressions.ts';

const problemOf = (text: string, use: ExpressionUse, compiler = new ExpressionCompiler({ hasParams: false })): string =>
  compiler.compile(text, use).problem ?? '';

describe('expressions', () => {
  it.each<[string, ExpressionUse]>([
    ["object.spec.replicas > 1 && request.operation == 'CREATE'", 'matchCondition'],
    ["request.userInfo.groups.exists(g, g == 'a') && has(request.subResource)", 'validation'],
    ["namespaceObject.metadata.labels['a'] == 'b'", 'validation'],
    ["authorizer.group('').resource('pods').check('get').allowed()", 'validation'],
    ["authorizer.requestResource.check('get').allowed()", 'matchCondition'],
    ["'too many: ' + string(object.spec.replicas)", 'messageExpression'],
    ["has(object.spec) ? 'a' : 'b'", 'auditAnnotation'],
    ["[JSONPatch{op: 'add', path: '/a/' + jsonpatch.escapeKey('b/c'), value: 1}]", 'jsonPatch'],
    [
      "Object{metadata: Object.metadata{labels: {'a': 'b'}}, spec: Object.spec{containers: [Object.spec.containers{name: 'c'}]}}",
      'applyConfiguration',
    ],
  ])('%s is a %s', (text, use) => expect(problemOf(text, use)).toBe(''));

  it.each<[string, ExpressionUse, string]>([
    ['1 + 1', 'validation', 'must evaluate to bool'],
    ['1', 'auditAnnotation', 'must evaluate to one of [string null]'],
    ['object.', 'matchCondition', 'compilation failed: ERROR: <input>:1:8: Syntax error'],
    ['params.a', 'validation', "undeclared reference to 'params'"],
    ['variables.a', 'matchCondition', "undeclared reference to 'variables'"],
    [
      "authorizer.path('/').check('get').allowed() ? '' : 'a'",
      'messageExpression',
      "undeclared reference to 'authorizer'",
    ],
    ['request.nothing', 'validation', "undefined field 'nothing'"],
    ["[JSONPatch{nothing: 'a'}]", 'jsonPatch', "undefined field 'nothing'"],
  ])('%s is no %s', (text, use, problem) => expect(problemOf(text, use)).toContain(problem));

  it('see the variables before them, with their types', () => {
    const compiler = new ExpressionCompiler({ hasParams: true });
    expect(compiler.addVariable('max', 'int(params.max)').problem).toBeUndefined();
    expect(compiler.addVariable('twice', 'variables.max * 2').problem).toBeUndefined();
    expect(problemOf('object.spec.replicas < variables.twice', 'validation', compiler)).toBe('');
    expect(problemOf('variables.twice', 'validation', compiler)).toBe('must evaluate to bool');
    expect(problemOf('variables.other', 'validation', compiler)).toContain("undefined field 'other'");
  });
});
