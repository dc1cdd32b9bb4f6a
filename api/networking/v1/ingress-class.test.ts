import { describe, expect, it } from '@jest/globals';
import { formatFieldError } from '../../machinery/field-error.ts';
import { ingressClasses } from './ingress-class.ts';
import type { IngressClass } from './ingress-class.ts';

type Spec = NonNullable<IngressClass['spec']>;
const ingressClass = (spec?: Spec): IngressClass => ({ metadata: { name: 'c' }, ...(spec ? { spec } : {}) });
const errorsOf = (spec?: Spec): string[] => ingressClasses.strategy.validate!(ingressClass(spec)).map(formatFieldError);

describe('ingress classes', () => {
  it('need a controller that looks like a path under a domain', () => {
    expect(errorsOf({ controller: 'example.com/controller' })).toEqual([]);
    expect(errorsOf()).toEqual(['spec.controller: Required value']);
    expect(errorsOf({ controller: 'nginx' })).toEqual([
      'spec.controller: Invalid value: "nginx": must be a domain-prefixed path (such as "acme.io/foo")',
    ]);
    expect(errorsOf({ controller: 'Example.com/a' })[0]).toContain('a lowercase RFC 1123 subdomain');
    expect(errorsOf({ controller: 'example.com/a b' })).toEqual([
      `spec.controller: Invalid value: "a b": Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')`,
    ]);
    expect(errorsOf({ controller: `example.com/${'a'.repeat(250)}` })).toEqual([
      'spec.controller: Too long: may not be more than 250 bytes',
    ]);
  });

  it('take the controller for good', () => {
    const next = ingressClass({ controller: 'example.com/b' });
    expect(
      ingressClasses.strategy.validateUpdate!(next, ingressClass({ controller: 'example.com/a' })).map(
        formatFieldError,
      ),
    ).toEqual(['spec.controller: Invalid value: "example.com/b": field is immutable']);
  });

  it('check the reference to parameters', () => {
    const errors = (parameters: object): string[] =>
      errorsOf({ controller: 'example.com/a', parameters: parameters as Spec['parameters'] } as Spec);
    expect(errors({ apiGroup: 'a.b', kind: 'K', name: 'n', scope: 'Cluster' })).toEqual([]);
    expect(errors({ kind: 'K', name: 'n', scope: 'Namespace', namespace: 'd' })).toEqual([]);
    expect(errors({ apiGroup: 'A', kind: '', name: 'a/b', scope: 'Other' })).toEqual([
      expect.stringContaining('spec.parameters.apiGroup: Invalid value: "A": a lowercase RFC 1123 subdomain'),
      'spec.parameters.kind: Required value',
      `spec.parameters.name: Invalid value: "a/b": may not contain '/'`,
      'spec.parameters.scope: Unsupported value: "Other": supported values: "Cluster", "Namespace"',
    ]);
    expect(errors({ kind: 'K', name: 'n', scope: 'Namespace' })).toEqual([
      "spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'",
    ]);
    expect(errors({ kind: 'K', name: 'n', scope: 'Cluster', namespace: 'd' })).toEqual([
      "spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'",
    ]);
  });

  it('default the scope of parameters to the cluster', () => {
    const object = ingressClass({ controller: 'example.com/a', parameters: { kind: 'K', name: 'n' } });
    ingressClasses.strategy.default!(object);
    expect(object.spec!.parameters!.scope).toBe('Cluster');
  });

  it('show controller and parameters', () => {
    const cells = (spec: Spec): unknown[] =>
      ingressClasses.additionalPrinterColumns.slice(0, 2).map(({ cell }) => cell(ingressClass(spec), 0));
    expect(cells({ controller: 'e/c' })).toEqual(['e/c', '<none>']);
    expect(cells({ controller: 'e/c', parameters: { apiGroup: 'g', kind: 'K', name: 'n' } })).toEqual(['e/c', 'K.g/n']);
  });
});
