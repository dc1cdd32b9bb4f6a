import { describe, expect, it } from '@jest/globals';
import { formatFieldError } from '../../machinery/field-error.ts';
import { networkPolicies } from './network-policy.ts';
import type { NetworkPolicy } from './network-policy.ts';

type Spec = NonNullable<NetworkPolicy['spec']>;
const policy = (spec: Spec): NetworkPolicy => ({ metadata: { name: 'p', namespace: 'd' }, spec });
const errorsOf = (spec: Spec): string[] => networkPolicies.strategy.validate!(policy(spec)).map(formatFieldError);
const cidr = (text: string, ...except: string[]): Spec => ({
  podSelector: {},
  egress: [{ to: [{ ipBlock: { cidr: text, except } }] }],
});

describe('network policies', () => {
  it('say which directions they are for, and TCP where no protocol stands', () => {
    const both = policy({ podSelector: {}, ingress: [{ ports: [{ port: 80 }] }], egress: [{}] });
    networkPolicies.strategy.default!(both);
    expect(both.spec).toMatchObject({
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ ports: [{ port: 80, protocol: 'TCP' }] }],
    });
    const none = policy({ podSelector: {} });
    networkPolicies.strategy.default!(none);
    expect(none.spec!.policyTypes).toEqual(['Ingress']);
    const given = policy({ podSelector: {}, policyTypes: ['Egress'] });
    networkPolicies.strategy.default!(given);
    expect(given.spec!.policyTypes).toEqual(['Egress']);
  });

  it('check ports', () => {
    const ports = [
      { port: 80, endPort: 90, protocol: 'SCTP' },
      { port: 'http' },
      { protocol: 'ICMP' },
      { port: 0 },
      { port: 80, endPort: 70 },
      { port: 'http', endPort: 70 },
      { endPort: 70 },
      { port: 'Not a name' },
    ];
    const port = (i: number): string => `spec.ingress[0].ports[${i}]`;
    expect(errorsOf({ podSelector: {}, ingress: [{ ports }] })).toEqual([
      `${port(2)}.protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"`,
      `${port(3)}.port: Invalid value: 0: must be between 1 and 65535, inclusive`,
      `${port(4)}.endPort: Invalid value: 70: must be greater than or equal to \`port\``,
      `${port(5)}.endPort: Invalid value: 70: may not be specified when \`port\` is non-numeric`,
      `${port(6)}.endPort: Invalid value: 70: may not be specified when \`port\` is not specified`,
      `${port(7)}.port: Invalid value: "Not a name": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)`,
    ]);
  });

  it('check peers', () => {
    const block = { cidr: '10.0.0.0/8' };
    expect(errorsOf({ podSelector: {}, ingress: [{ from: [{}, { podSelector: {}, ipBlock: block }] }] })).toEqual([
      'spec.ingress[0].from[0]: Required value: must specify a peer',
      'spec.ingress[0].from[1]: Forbidden: may not specify both ipBlock and another peer',
    ]);
    expect(errorsOf({ podSelector: { matchLabels: { 'a b': 'c' } } })[0]).toContain('spec.podSelector.matchLabels');
    expect(errorsOf(cidr(''))).toEqual(['spec.egress[0].to[0].ipBlock.cidr: Required value']);
    expect(errorsOf(cidr('10.0.0.0'))[0]).toContain('must be a valid CIDR value');
    expect(errorsOf(cidr('10.0.0.0/8', '10.1.0.0/16'))).toEqual([]);
    expect(errorsOf(cidr('10.0.0.0/8', '10.0.0.0/8', '11.0.0.0/16'))).toEqual([
      'spec.egress[0].to[0].ipBlock.except[0]: Invalid value: "10.0.0.0/8": must be a strict subset of `cidr`',
      'spec.egress[0].to[0].ipBlock.except[1]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`',
    ]);
  });

  it('check policy types', () => {
    expect(errorsOf({ podSelector: {}, policyTypes: ['Sideways'] })).toEqual([
      'spec.policyTypes[0]: Unsupported value: "Sideways": supported values: "Ingress", "Egress"',
    ]);
    expect(errorsOf({ podSelector: {}, policyTypes: ['Ingress', 'Egress', 'Egress'] })).toEqual([
      'spec.policyTypes: Invalid value: ["Ingress","Egress","Egress"]: may not specify more than two policyTypes',
    ]);
  });

  it('warn of CIDRs that mean something else', () => {
    expect(networkPolicies.strategy.warnings!(policy(cidr('10.0.0.1/8')), undefined)).toEqual([
      'spec.egress[0].to[0].ipBlock.cidr: CIDR value "10.0.0.1/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.1/32"?)',
    ]);
  });

  it('keep label values that were stored before they were checked', () => {
    const bad = policy({ podSelector: { matchExpressions: [{ key: 'a', operator: 'In', values: ['not a value!'] }] } });
    const good = policy({ podSelector: {} });
    expect(networkPolicies.strategy.validateUpdate!(bad, bad)).toEqual([]);
    expect(networkPolicies.strategy.validateUpdate!(bad, good)).toHaveLength(1);
  });

  it('show the pods that they are for', () => {
    const [selector] = networkPolicies.additionalPrinterColumns;
    expect(selector!.cell(policy({ podSelector: { matchLabels: { app: 'a' } } }), 0)).toBe('app=a');
    expect(selector!.cell(policy({ podSelector: {} }), 0)).toBe('<none>');
  });
});
