/**
 * NetworkPolicy: which traffic may reach a set of pods and leave it (upstream: `pkg/apis/networking/validation`,
 * `ValidateNetworkPolicy`; `pkg/registry/networking/networkpolicy`).
 */
import type { V1NetworkPolicy } from '@kubernetes/client-node';
import { fieldPath, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import type { WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { warningsForCidr } from '../../machinery/validation-ip-strict.ts';
import { cidrContains, isValidCidr, parseCidr } from '../../machinery/validation-ip.ts';
import { invalidEach, isValidPortName, isValidPortNum, validateLabelSelector } from '../../machinery/validation.ts';
import type { LabelSelectorOptions } from '../../machinery/validation.ts';
import { ageColumn, selectorCell } from '../../table-cells.ts';

type PackageSpec = NonNullable<WireObject<V1NetworkPolicy>['spec']>;
type EgressRule = NonNullable<PackageSpec['egress']>[number];
type Peer = NonNullable<EgressRule['to']>[number];
type Port = NonNullable<EgressRule['ports']>[number];
type IpBlock = NonNullable<Peer['ipBlock']>;

/** The package calls a rule's `from` `_from`. */
type NetworkPolicySpec = Omit<PackageSpec, 'ingress'> & { ingress?: { from?: Peer[]; ports?: Port[] }[] };

export type NetworkPolicy = Omit<WireObject<V1NetworkPolicy>, 'spec'> & { spec?: NetworkPolicySpec };

const SPEC = fieldPath('spec');
const PROTOCOLS = ['TCP', 'UDP', 'SCTP'];
const POLICY_TYPES = ['Ingress', 'Egress'];

export const networkPolicies = defineResource<NetworkPolicy>({
  group: 'networking.k8s.io',
  version: 'v1',
  scope: 'Namespaced',
  names: { plural: 'networkpolicies', singular: 'networkpolicy', kind: 'NetworkPolicy', shortNames: ['netpol'] },
  schema: 'V1NetworkPolicy',
  additionalPrinterColumns: [
    {
      name: 'Pod-Selector',
      type: 'string',
      description: 'Pods that the policy is for',
      cell: ({ spec }) => selectorCell(spec?.podSelector),
    },
    ageColumn(),
  ],
  strategy: {
    default: defaultNetworkPolicy,
    validate: ({ spec }) => validateSpec(spec ?? {}, {}),
    validateUpdate: (next, previous) =>
      validateSpec(next.spec ?? {}, {
        // What was stored before values were checked may stay.
        allowInvalidLabelValue: validateLabelSelector(previous.spec?.podSelector, SPEC.child('podSelector')).length > 0,
      }),
    warnings: ({ spec }) => cidrWarnings(spec ?? {}),
    hasGeneration: true,
  },
});

/** `SetDefaults_NetworkPolicy…` of `pkg/apis/networking/v1/defaults.go`. */
function defaultNetworkPolicy(policy: NetworkPolicy): void {
  const { spec } = policy;
  if (spec == null) return;
  for (const { ports } of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
    for (const port of ports ?? []) port.protocol ??= 'TCP';
  }
  if ((spec.policyTypes ?? []).length > 0) return;
  spec.policyTypes = (spec.egress ?? []).length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
}

function validateSpec(spec: NetworkPolicySpec, options: LabelSelectorOptions): FieldError[] {
  const { podSelector, ingress = [], egress = [], policyTypes = [] } = spec;
  const errors = validateLabelSelector(podSelector, SPEC.child('podSelector'), options);
  ingress.forEach((rule, i) => {
    const path = SPEC.child('ingress').index(i);
    errors.push(...validatePorts(rule.ports, path), ...validatePeers(rule.from, path.child('from'), options));
  });
  egress.forEach((rule, i) => {
    const path = SPEC.child('egress').index(i);
    errors.push(...validatePorts(rule.ports, path), ...validatePeers(rule.to, path.child('to'), options));
  });
  const typesPath = SPEC.child('policyTypes');
  if (policyTypes.length > POLICY_TYPES.length) {
    return [...errors, invalid(typesPath, policyTypes, 'may not specify more than two policyTypes')];
  }
  policyTypes.forEach((type, i) => {
    if (!POLICY_TYPES.includes(type)) errors.push(notSupported(typesPath.index(i), type, POLICY_TYPES));
  });
  return errors;
}

function validatePorts(ports: readonly Port[] | undefined, rulePath: FieldPath): FieldError[] {
  return (ports ?? []).flatMap((port, i) => validatePort(port, rulePath.child('ports').index(i)));
}

function validatePort({ protocol, port, endPort }: Port, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  if (protocol !== undefined && !PROTOCOLS.includes(protocol)) {
    errors.push(notSupported(path.child('protocol'), protocol, PROTOCOLS));
  }
  const endPath = path.child('endPort');
  if (port == null) {
    const detail = 'may not be specified when `port` is not specified';
    return endPort === undefined ? errors : [...errors, invalid(endPath, endPort, detail)];
  }
  if (typeof port !== 'number') {
    if (endPort !== undefined) {
      errors.push(invalid(endPath, endPort, 'may not be specified when `port` is non-numeric'));
    }
    return [...errors, ...invalidEach(path.child('port'), port, isValidPortName(String(port)))];
  }
  errors.push(...invalidEach(path.child('port'), port, isValidPortNum(port)));
  if (endPort === undefined) return errors;
  if (endPort < port) errors.push(invalid(endPath, endPort, 'must be greater than or equal to `port`'));
  return [...errors, ...invalidEach(endPath, endPort, isValidPortNum(endPort))];
}

function validatePeers(
  peers: readonly Peer[] | undefined,
  path: FieldPath,
  options: LabelSelectorOptions,
): FieldError[] {
  return (peers ?? []).flatMap((peer, i) => validatePeer(peer, path.index(i), options));
}

function validatePeer(
  { podSelector, namespaceSelector, ipBlock }: Peer,
  path: FieldPath,
  options: LabelSelectorOptions,
): FieldError[] {
  const errors = [
    ...validateLabelSelector(podSelector, path.child('podSelector'), options),
    ...validateLabelSelector(namespaceSelector, path.child('namespaceSelector'), options),
  ];
  if (ipBlock) errors.push(...validateIpBlock(ipBlock, path.child('ipBlock')));
  const hasSelector = podSelector != null || namespaceSelector != null;
  if (!hasSelector && !ipBlock) errors.push(required(path, 'must specify a peer'));
  if (hasSelector && ipBlock) errors.push(forbidden(path, 'may not specify both ipBlock and another peer'));
  return errors;
}

function validateIpBlock({ cidr: text, except = [] }: IpBlock, path: FieldPath): FieldError[] {
  if (!text) return [required(path.child('cidr'))];
  const errors = isValidCidr(path.child('cidr'), text);
  const cidr = parseCidr(text);
  if (cidr === undefined) return errors;
  except.forEach((exceptText, i) => {
    const exceptPath = path.child('except').index(i);
    errors.push(...isValidCidr(exceptPath, exceptText));
    const inner = parseCidr(exceptText);
    if (inner === undefined) return;
    if (!cidrContains(cidr, inner.address) || cidr.prefixLength >= inner.prefixLength) {
      errors.push(invalid(exceptPath, exceptText, 'must be a strict subset of `cidr`'));
    }
  });
  return errors;
}

/** `networkPolicyWarnings` */
function cidrWarnings({ ingress = [], egress = [] }: NetworkPolicySpec): string[] {
  const warningsOf = (peers: readonly Peer[] | undefined, path: FieldPath): string[] =>
    (peers ?? []).flatMap(({ ipBlock }, i) => {
      if (!ipBlock) return [];
      const blockPath = path.index(i).child('ipBlock');
      return [
        ...warningsForCidr(blockPath.child('cidr'), ipBlock.cidr ?? ''),
        ...(ipBlock.except ?? []).flatMap((except, k) => warningsForCidr(blockPath.child('except').index(k), except)),
      ];
    });
  return [
    ...ingress.flatMap(({ from }, i) => warningsOf(from, SPEC.child('ingress').index(i).child('from'))),
    ...egress.flatMap(({ to }, i) => warningsOf(to, SPEC.child('egress').index(i).child('to'))),
  ];
}
