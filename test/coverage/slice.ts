/**
 * What this slice of the project leaves out, as rules with reasons: rows of features.txt by id, conformance behaviours
 * by name. The first rule that matches a behaviour decides. Everything not named here is in the slice.
 */

/** Rows that are in the slice in part, with what is missing. */
export const PARTIAL_FEATURES: Readonly<Record<string, string>> = {
  A5: 'CBOR is not spoken',
  A35: 'PodSecurity comes later',
  A37: 'OIDC and webhook come later',
  A46: 'coordinated leader election comes later',
  A48: 'flagz, statusz and tracing come later',
  W12: 'resources of pods as a whole are not resized; the vertical autoscaler is a project of its own',
  W15: 'claims are made from templates, reserved and cleaned up; nothing allocates devices yet',
  W16: 'scheduling gates only',
  N2: 'trafficDistribution comes later',
  N6: 'nftables only',
  N11: 'CNI plugins with the cri runtime only',
  V7: 'image volumes come later',
  V8: 'SELinux is not handled',
  K5: 'node-pressure eviction comes later',
  K7: 'AppArmor, SELinux and user namespaces come later',
  K10: 'static pods and most of the cadvisor metrics come later',
  K12: 'no evented PLEG; handlers of RuntimeClasses come later',
  T3: 'on an etcd of one’s own; a stacked store comes later',
  T10: 'requests, objects and the process only',
  T8: 'with definitions of that size, not with those projects’ own',
  D9: 'one node',
};

/** Rows that are not in the slice, with the reason. */
export const ABSENT_FEATURES: Readonly<Record<string, string>> = {
  A43: 'audit comes later',
  A44: 'a limit on requests in flight stands in for flow control',
  A45: 'encryption at rest comes later',
  A50: 'feature gates come later',
  A51: 'snapshot and restore come later',
  S12: 'the scheduler allocates no devices yet',
  N3: 'load balancers come later',
  N8: 'the kinds are served; what answers requests comes later',
  N9: 'the kind is served; its enforcement comes later',
  N10: 'one address family',
  N12: 'the Gateway API comes later',
  V6: 'CSI comes later',
  K6: 'resource managers and devices come later',
  T2: 'one machine',
  T5: 'Pod Security Admission comes later',
  T9: 'the dashboard comes later',
  T11: 'encryption at rest comes later',
  T12: 'simulated time for the whole cluster comes later',
  D1: 'image builds come later',
  D4: 'stacks come later',
  D5: 'stacks come later',
  D6: 'named volumes come later',
  D7: 'one machine',
  D10: 'the service verbs come later',
  D11: 'Ingress comes later',
};

export interface BehaviourRule {
  match: RegExp;
  owner?: string;
  reason: string;
}

/** Conformance behaviours outside the slice: `match` is tried on the name, `owner` (optional) on who owns it. */
export const ABSENT_BEHAVIOURS: readonly BehaviourRule[] = [
  { match: /^Priority and Fairness/, reason: 'flow control comes later' },
  { match: /^Conformance tests minimum number of nodes/, reason: 'one machine' },
  { match: /^Kubectl, guestbook/, reason: 'its images are on the internet' },
  { match: /^Ingress/, reason: 'what answers Ingresses comes later' },
  { match: /^(IPAddress|ServiceCIDR) API/, reason: 'one address family' },
  { match: /requesting existing RuntimeClass|Overhead field/, reason: 'handlers of RuntimeClasses come later' },
  { match: /^Image Volume/, reason: 'image volumes come later' },
  {
    match: /^CRUD operations for/,
    reason: 'what allocates claims comes later',
  },
  { match: /^CSIInlineVolumes/, reason: 'CSI comes later' },
];
