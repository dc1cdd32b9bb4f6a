import { expect, it } from '@jest/globals';
import { customColumns } from './custom-columns.ts';
import type { CustomResourceDefinitionVersion } from './types.ts';

const object = {
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  metadata: { name: 'w' },
  spec: { hosts: ['a', 'b'], selector: { y: '<2>', x: { b: 1, a: [true, null] } }, size: 3, ports: [80, 443] },
};

it.each([
  ['.spec.hosts', '["a","b"]'],
  ['.spec.selector', String.raw`{"x":{"a":[true,null],"b":1},"y":"\u003c2\u003e"}`],
  ['.spec.size', '3'],
  ['.spec.ports[*]', '80'],
  ['.spec.missing', null],
])('a column of text shows what is at %s as client-go prints it', (jsonPath, shown) => {
  const version = { additionalPrinterColumns: [{ name: 'c', type: 'string', jsonPath }] };
  const [column] = customColumns(version as unknown as CustomResourceDefinitionVersion);
  expect(column!.cell(object, 0)).toBe(shown);
});
