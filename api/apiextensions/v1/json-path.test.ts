/** What the paths of printer columns find. */
import { describe, expect, it } from '@jest/globals';
import { compileJsonPath } from './json-path.ts';

const OBJECT = {
  metadata: { name: 'one', annotations: { 'example.com/note': 'here', 'a=b': 'odd' } },
  spec: { ports: [80, 443, 8080], nested: { deep: { name: 'two' } } },
  status: {
    conditions: [
      { type: 'Ready', status: 'True', count: 3 },
      { type: 'Stalled', status: 'False', count: 1 },
    ],
  },
};

it.each<[string, unknown[]]>([
  ['.metadata.name', ['one']],
  ['{.metadata.name}', ['one']],
  ['$.metadata.name', ['one']],
  [String.raw`.metadata.annotations.example\.com/note`, ['here']],
  [`.metadata.annotations['example.com/note']`, ['here']],
  ['.metadata.annotations.a=b', ['odd']],
  ['.spec.ports[0]', [80]],
  ['.spec.ports[-1]', [8080]],
  ['.spec.ports[0:2]', [80, 443]],
  ['.spec.ports[*]', [80, 443, 8080]],
  ['.status.conditions[?(@.type=="Ready")].status', ['True']],
  [`.status.conditions[?(@.type=='Ready')].status`, ['True']],
  ['.status.conditions[?(@.type == "Stalled")].status', ['False']],
  ['.status.conditions[?(@.type!="Ready")].type', ['Stalled']],
  ['.status.conditions[?(@.count>=2)].type', ['Ready']],
  ['.status.conditions[?(@.count<2)].type', ['Stalled']],
  ['.status.conditions[?(@.count)].type', ['Ready', 'Stalled']],
  ['.status.conditions[?(@.type=="Gone")].status', []],
  ['.status.nosuch.field', []],
  ['.spec..name', ['two']],
])('%s', (path, expected) => {
  expect(compileJsonPath(path)(OBJECT)).toEqual(expected);
});

describe('refuses', () => {
  it.each(['.spec.ports[', '.spec.ports[?(@.a=="b")', '.status.conditions[?(@.type==)].x', '.a[?(type=="b")]'])(
    '%s',
    (path) => {
      expect(() => compileJsonPath(path)).toThrow(/unexpected text/);
    },
  );
});
