import { describe, expect, it } from '@jest/globals';
import { formatFieldError } from '../../machinery/field-error.ts';
import { ingresses } from './ingress.ts';
import type { Ingress } from './ingress.ts';

type Spec = NonNullable<Ingress['spec']>;
const backend = { service: { name: 'web', port: { number: 80 } } };
const ingress = (spec: Spec, annotations?: Record<string, string>): Ingress => ({
  metadata: { name: 'i', namespace: 'd', ...(annotations ? { annotations } : {}) },
  spec,
});
const errorsOf = (spec: Spec): string[] => ingresses.strategy.validate!(ingress(spec)).map(formatFieldError);
const pathOf = (path: object): Spec => ({ rules: [{ http: { paths: [{ backend, pathType: 'Prefix', ...path }] } }] });
const AT = 'spec.rules[0].http.paths[0]';

describe('ingresses', () => {
  it('need a backend or rules', () => {
    expect(errorsOf({ defaultBackend: backend })).toEqual([]);
    expect(errorsOf({})).toEqual(['spec: Invalid value: null: either `defaultBackend` or `rules` must be specified']);
    expect(errorsOf({ rules: [{ http: { paths: [] } }] })).toEqual(['spec.rules[0].http.paths: Required value']);
  });

  it.each([
    [{ path: '/a' }, []],
    [{ path: '', pathType: 'ImplementationSpecific' }, []],
    [{ path: 'a' }, [`${AT}.path: Invalid value: "a": must be an absolute path`]],
    [{ path: '/a//b' }, [`${AT}.path: Invalid value: "/a//b": must not contain '//'`]],
    [{ path: '/a/..' }, [`${AT}.path: Invalid value: "/a/..": cannot end with '/..'`]],
    [{ path: '/a', pathType: undefined }, [`${AT}.pathType: Required value: pathType must be specified`]],
    [
      { path: '/a', pathType: 'Regex' },
      [`${AT}.pathType: Unsupported value: "Regex": supported values: "Exact", "ImplementationSpecific", "Prefix"`],
    ],
  ])('check the path %j', (path, expected) => {
    expect(errorsOf(pathOf(path))).toEqual(expected);
  });

  it.each([
    [{}, ['Invalid value: "": resource or service backend is required']],
    [{ ...backend, resource: {} }, ['Invalid value: "": cannot set both resource and service backends']],
    [{ service: { name: 'a', port: {} } }, ['Required value: port name or number is required']],
    [
      { service: { name: 'a', port: { name: 'b', number: 1 } } },
      ['Invalid value: "": cannot set both port name & port number'],
    ],
  ])('check the backend %j', (one, expected) => {
    expect(errorsOf({ defaultBackend: one as Spec['defaultBackend'] } as Spec)).toEqual(
      expected.map((message) => `spec.defaultBackend: ${message}`),
    );
  });

  it('check hosts, of rules and of certificates', () => {
    const messages = errorsOf({
      rules: [{ host: '10.0.0.1' }, { host: '*.a.com' }, { host: 'a.*.com' }],
      tls: [{ hosts: ['*.a.com', 'A'], secretName: 'S' }],
      ingressClassName: 'C',
    });
    expect(messages.map((message) => message.slice(0, 70))).toEqual([
      expect.stringContaining('spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name'),
      expect.stringContaining('spec.rules[2].host: Invalid value: "a.*.com": a wildcard DNS-1123'),
      expect.stringContaining('spec.tls[0].hosts[1]: Invalid value: "A"'),
      expect.stringContaining('spec.tls[0].secretName: Invalid value: "S"'),
      expect.stringContaining('spec.ingressClassName: Invalid value: "C"'),
    ]);
  });

  it('say their class in one way', () => {
    const both = ingress({ defaultBackend: backend, ingressClassName: 'b' }, { 'kubernetes.io/ingress.class': 'a' });
    expect(ingresses.strategy.validate!(both).map(formatFieldError)).toEqual([
      'annotations.kubernetes.io/ingress.class: Invalid value: "a": must match `ingressClassName` when both are specified',
    ]);
    expect(ingresses.strategy.validateUpdate!(both, both)).toEqual([]);
  });

  it('keep what was stored before the rules were made', () => {
    const old = ingress({
      defaultBackend: { service: { name: '1web', port: { number: 80 } } },
      rules: [{ host: '*.a.com', http: { paths: [{ path: 'x', pathType: 'Exact', backend }] } }],
      tls: [{ secretName: 'Not_A_Name' }],
    });
    expect(ingresses.strategy.validate!(old)).toHaveLength(2);
    expect(ingresses.strategy.validateUpdate!(old, old)).toEqual([]);
    expect(ingresses.strategy.validateUpdate!(old, ingress({ defaultBackend: backend }))).toHaveLength(2);
  });

  it('check the addresses of the status', () => {
    const next: Ingress = {
      ...ingress({ defaultBackend: backend }),
      status: { loadBalancer: { ingress: [{ ip: 'x' }, { hostname: '10.0.0.1' }, { hostname: 'a.com' }] } },
    };
    expect(ingresses.strategy.status!.validateUpdate!(next, next).map(formatFieldError)).toEqual([
      expect.stringContaining('status.loadBalancer.ingress[0].ip: Invalid value: "x": must be a valid IP address'),
      'status.loadBalancer.ingress[1].hostname: Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
    ]);
  });

  it('show class, hosts, addresses and ports', () => {
    const cells = (object: Ingress): unknown[] =>
      ingresses.additionalPrinterColumns.slice(0, 4).map(({ cell }) => cell(object, 0));
    expect(cells(ingress({ defaultBackend: backend }))).toEqual(['<none>', '*', '', '80']);
    const rules = ['a', 'b', 'c', 'd', 'e'].map((host) => ({ host }));
    const status = { loadBalancer: { ingress: [{ ip: '10.0.0.2' }, { hostname: 'lb' }, { ip: '10.0.0.1' }] } };
    expect(cells({ ...ingress({ ingressClassName: 'n', rules, tls: [{}] }), status })).toEqual([
      'n',
      'a,b,c + 2 more...',
      '10.0.0.1,10.0.0.2,lb',
      '80, 443',
    ]);
  });
});
