import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { fieldPath, formatFieldError } from '../../../machinery/field-error.ts';
import { defaultPod, defaultPodTemplate } from './defaults.ts';
import type { Pod, PodTemplateSpec } from './types.ts';
import { validatePodCreate, validatePodTemplateSpec } from './validation.ts';

const BASE = { metadata: { name: 'web', namespace: 'default' }, spec: { containers: [{ name: 'a', image: 'a:1' }] } };

/** A right pod, with the fields of the YAML in its spec (and of `metadata:` in its metadata). */
function problems(yaml: string): string[] {
  const { metadata, ...spec } = parse(yaml) as Record<string, unknown>;
  const pod = structuredClone(BASE) as unknown as Pod;
  Object.assign(pod.metadata, metadata);
  Object.assign(pod.spec, spec);
  defaultPod(pod);
  return validatePodCreate(pod).map(formatFieldError);
}

/** As `problems`, of the first container. */
function containerProblems(yaml: string, spec = ''): string[] {
  const container = { ...BASE.spec.containers[0], ...(parse(yaml) as object) };
  return problems(`containers: [${JSON.stringify(container)}]\n${spec}`);
}

const C = 'spec.containers[0]';

describe('validatePodCreate()', () => {
  it('accepts a small pod', () => {
    expect(problems('{}')).toEqual([]);
  });

  it('survives a pod with nothing in it', () => {
    const pod = { metadata: {} } as Pod;
    defaultPod(pod);
    expect(validatePodCreate(pod).map(formatFieldError)).toEqual(['spec.containers: Required value']);
  });

  it.each([
    [
      'restartPolicy: Sometimes',
      ['spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"'],
    ],
    ['dnsPolicy: None', ['spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None']],
    [
      'dnsConfig: { nameservers: [1.1.1.300], searches: [a_b.example, "Bad!"] }',
      [
        'spec.dnsConfig.nameservers[0]: Invalid value: "1.1.1.300": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
        expect.stringMatching(/^spec.dnsConfig.searches\[1\]: Invalid value: "Bad!": a lowercase RFC 1123 subdomain/),
      ],
    ],
    [
      'activeDeadlineSeconds: 0',
      ['spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive'],
    ],
    ['hostname: a.b', ['spec.hostname: Invalid value: "a.b": must not contain dots']],
    [
      'nodeName: n\nschedulingGates: [{ name: a }]',
      ['spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared'],
    ],
    ['ephemeralContainers: [{ name: d, image: d }]', ['spec.ephemeralContainers: Forbidden: cannot be set on create']],
    [
      'tolerations: [{ operator: Equal }]',
      [
        'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"',
      ],
    ],
    [
      // As upstream without TaintTolerationComparisonOperators, which is alpha in 1.36.
      'tolerations: [{ key: a, operator: Gt, value: "5" }, { key: a, operator: Lt, value: "5" }]',
      [
        'spec.tolerations[0].operator: Unsupported value: "Gt": supported values: "Equal", "Exists"',
        'spec.tolerations[1].operator: Unsupported value: "Lt": supported values: "Equal", "Exists"',
      ],
    ],
    [
      'tolerations: [{ key: a, operator: Exists, value: x, effect: NoSchedule, tolerationSeconds: 5 }]',
      [
        'spec.tolerations[0].effect: Invalid value: "NoSchedule": effect must be \'NoExecute\' when `tolerationSeconds` is set',
        expect.stringContaining("value must be empty when `operator` is 'Exists'"),
      ],
    ],
    ['hostUsers: false\nhostPID: true', ['spec.HostPID: Forbidden: when `pod.Spec.HostUsers` is false']],
    [
      'securityContext: { runAsUser: -1, sysctls: [{ name: net.ipv4.ip_forward, value: "1" }] }\nhostNetwork: true',
      [
        'spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 4294967295, inclusive',
        'spec.securityContext.sysctls[0].name: Invalid value: "net.ipv4.ip_forward": may not be specified when \'hostNetwork\' is true',
      ],
    ],
    ['os: { name: windows }\nhostPID: true', ['spec.hostPID: Forbidden: cannot be set for a windows pod']],
    ['os: { name: plan9 }', ['spec.os.name: Unsupported value: "plan9": supported values: "linux", "windows"']],
    [
      'resourceClaims: [{ name: gpu }]',
      [
        'spec.resourceClaims[0]: Invalid value: {"name":"gpu"}: must specify one of: `resourceClaimName`, `resourceClaimTemplateName`',
      ],
    ],
    [
      'metadata: { annotations: { controller.kubernetes.io/pod-deletion-cost: "01" } }',
      [
        'metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "01": must be a 32bit integer',
      ],
    ],
    [
      'metadata: { annotations: { kubernetes.io/config.mirror: x } }',
      [
        'metadata.annotations[kubernetes.io/config.mirror]: Invalid value: "x": must set spec.nodeName if mirror pod annotation is set',
      ],
    ],
    [
      'resources: { requests: { cpu: 1m }, limits: { cpu: 1m, memory: 1Gi } }\ncontainers: [{ name: a, image: a, resources: { requests: { cpu: "2" } } }]',
      [
        'spec.resources.requests[cpu]: Invalid value: "1m": must be greater than or equal to aggregate container requests of 2',
      ],
    ],
    [
      'overhead: { cpu: 250m, unknown: 1 }',
      ['spec.overhead.limits[unknown]: Invalid value: "unknown": must be a standard resource for containers'],
    ],
  ])('%s', (yaml, expected) => {
    const found = problems(yaml);
    for (const text of expected) expect(found).toContainEqual(text);
  });

  it.each([
    ['name: ""', [`${C}.name: Required value`]],
    [
      'name: Bad_Name',
      [expect.stringMatching(/^spec.containers\[0\].name: Invalid value: "Bad_Name": a lowercase RFC 1123 label/)],
    ],
    ['image: ""', [`${C}.image: Required value`]],
    ['image: " a"', [`${C}.image: Invalid value: " a": must not have leading or trailing whitespace`]],
    [
      'imagePullPolicy: Maybe',
      [`${C}.imagePullPolicy: Unsupported value: "Maybe": supported values: "Always", "IfNotPresent", "Never"`],
    ],
    [
      'ports: [{ containerPort: 0 }, { containerPort: 70000, protocol: ICMP, name: http_1 }]',
      [
        `${C}.ports[0].containerPort: Required value`,
        `${C}.ports[1].name: Invalid value: "http_1": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)`,
        `${C}.ports[1].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive`,
        `${C}.ports[1].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"`,
      ],
    ],
    [
      'ports: [{ containerPort: 1, hostPort: 9 }, { containerPort: 2, hostPort: 9 }]',
      [`${C}.ports[1].hostPort: Duplicate value: "TCP//9"`],
    ],
    [
      'env: [{ name: a=b }, { name: X, value: v, valueFrom: { secretKeyRef: { name: s, key: k } } }, { name: Y, valueFrom: {} }]',
      [
        `${C}.env[0].name: Invalid value: "a=b": a valid environment variable name must consist only of printable ASCII characters other than '='`,
        `${C}.env[1].valueFrom: Invalid value: "": may not be specified when \`value\` is not empty`,
        expect.stringMatching(/^spec.containers\[0\].env\[2\].valueFrom: Invalid value: "": must specify one of/),
      ],
    ],
    [
      'env: [{ name: A, valueFrom: { fieldRef: { fieldPath: spec.hostname } } }, { name: B, valueFrom: { fieldRef: { fieldPath: status.phase } } }]',
      [
        `${C}.env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.hostname": error converting fieldPath: field label not supported: spec.hostname`,
        expect.stringMatching(
          /fieldRef.fieldPath: Unsupported value: "status.phase": supported values: "metadata.name"/,
        ),
      ],
    ],
    [
      'env: [{ name: A, valueFrom: { fieldRef: { fieldPath: "metadata.labels[\'a b\']" } } }]',
      [
        expect.stringMatching(
          /^spec.containers\[0\].env\[0\].valueFrom.fieldRef: Invalid value: "a b": name part must consist/,
        ),
      ],
    ],
    [
      'env: [{ name: A, valueFrom: { resourceFieldRef: { resource: limits.cpu, divisor: 1k } } }]',
      [
        `${C}.env[0].valueFrom.resourceFieldRef.divisor: Invalid value: "limits.cpu": only divisor's values 1m and 1 are supported with the cpu resource`,
      ],
    ],
    ['envFrom: [{}]', [`${C}.envFrom: Invalid value: "": must specify one of: \`configMapRef\` or \`secretRef\``]],
    [
      'volumeMounts: [{ name: none, mountPath: /a }, { name: none, mountPath: /a, subPath: ../b }]',
      [
        `${C}.volumeMounts[0].name: Not found: "none"`,
        `${C}.volumeMounts[1].name: Not found: "none"`,
        `${C}.volumeMounts[1].mountPath: Invalid value: "/a": must be unique`,
        `${C}.volumeMounts.subPath: Invalid value: "../b": must not contain '..'`,
      ],
    ],
    [
      'resources: { limits: { cpu: "1" }, requests: { cpu: "2" } }',
      [`${C}.resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1`],
    ],
    [
      'resources: { limits: { memory: -1 }, requests: { gpu: "1" } }',
      [
        `${C}.resources.limits[memory]: Invalid value: "-1": must be greater than or equal to 0`,
        `${C}.resources.requests[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified`,
        `${C}.resources.requests[gpu]: Invalid value: "gpu": must be a standard resource for containers`,
        `${C}.resources.requests[memory]: Invalid value: "-1": must be greater than or equal to 0`,
      ],
    ],
    [
      'resources: { requests: { example.com/gpu: 500m } }',
      [
        `${C}.resources.requests[example.com/gpu]: Invalid value: "500m": must be an integer`,
        `${C}.resources.limits: Required value: Limit must be set for non overcommitable resources`,
      ],
    ],
    [
      'resources: { limits: { hugepages-2Mi: 3Mi } }',
      [
        `${C}.resources.limits[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of 2Mi`,
        `${C}.resources.requests[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of 2Mi`,
        `${C}.resources: Forbidden: HugePages require cpu or memory`,
      ],
    ],
    [
      'resources: { requests: { cpu: lots } }',
      [
        `${C}.resources.requests[cpu]: Invalid value: "lots": quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`,
      ],
    ],
    [
      'resources: { claims: [{ name: x }] }',
      [`${C}.resources.claims[0]: Not found: "x": must be one of the names in pod.spec.resourceClaims which is empty`],
    ],
    ['livenessProbe: {}', [`${C}.livenessProbe: Required value: must specify a handler type`]],
    [
      'livenessProbe: { exec: { command: [a] }, tcpSocket: { port: 1 }, successThreshold: 2 }',
      [
        `${C}.livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type`,
        `${C}.livenessProbe.successThreshold: Invalid value: 2: must be 1`,
      ],
    ],
    [
      'readinessProbe: { httpGet: { port: toolongportname16, scheme: FTP }, periodSeconds: -1, terminationGracePeriodSeconds: 1 }',
      [
        `${C}.readinessProbe.httpGet.port: Invalid value: "toolongportname16": must be no more than 15 characters`,
        `${C}.readinessProbe.httpGet.scheme: Unsupported value: "FTP": supported values: "HTTP", "HTTPS"`,
        `${C}.readinessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0`,
        `${C}.readinessProbe.terminationGracePeriodSeconds: Invalid value: 1: must not be set for readinessProbes`,
      ],
    ],
    [
      'lifecycle: { preStop: { sleep: { seconds: 31 } }, stopSignal: SIGTERM }',
      [
        `${C}.lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)`,
        `${C}.lifecycle.stopSignal: Forbidden: may not be set for containers with empty \`spec.os.name\``,
      ],
    ],
    [
      'securityContext: { allowPrivilegeEscalation: false, privileged: true, procMount: Unmasked }',
      [
        `${C}.securityContext.procMount: Invalid value: "Unmasked": \`hostUsers\` must be false to use \`Unmasked\``,
        expect.stringContaining('cannot set `allowPrivilegeEscalation` to false and `privileged` to true'),
      ],
    ],
    [
      'securityContext: { seccompProfile: { type: Localhost }, appArmorProfile: { type: Loose } }',
      [
        `${C}.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost`,
        `${C}.securityContext.appArmorProfile.type: Unsupported value: "Loose": supported values: "Localhost", "RuntimeDefault", "Unconfined"`,
      ],
    ],
    [
      'restartPolicyRules: [{ action: Restart }]',
      [
        `${C}.restartPolicy: Required value: must specify restartPolicy when restart rules are used`,
        `${C}.restartPolicyRules[0].exitCodes: Required value: must be specified`,
      ],
    ],
    [
      'resizePolicy: [{ resourceName: disk, restartPolicy: NotRequired }]',
      [`${C}.resizePolicy: Unsupported value: "disk": supported values: "cpu", "memory"`],
    ],
  ])('container with %s', (yaml, expected) => {
    expect(containerProblems(yaml)).toEqual(expected);
  });

  it.each([
    [
      '{ name: v, emptyDir: {}, hostPath: { path: /a } }',
      ['spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type'],
    ],
    [
      '{ name: Bad_, emptyDir: { sizeLimit: -1 } }',
      [
        'spec.volumes[0].emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity',
        expect.stringMatching(/^spec.volumes\[0\].name: Invalid value: "Bad_"/),
      ],
    ],
    [
      '{ name: v, hostPath: { path: /a/../b, type: Folder } }',
      [
        'spec.volumes[0].hostPath.path: Invalid value: "/a/../b": must not contain \'..\'',
        'spec.volumes[0].hostPath.type: Unsupported value: "Folder": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"',
      ],
    ],
    [
      '{ name: v, secret: { defaultMode: 4096, items: [{ key: "", path: /etc }] } }',
      [
        'spec.volumes[0].secret.secretName: Required value',
        'spec.volumes[0].secret.defaultMode: Invalid value: 4096: must be a number between 0 and 0777 (octal), both inclusive',
        'spec.volumes[0].secret.items[0].key: Required value',
        'spec.volumes[0].secret.items[0].path: Invalid value: "/etc": must be a relative path',
      ],
    ],
    ['{ name: v, persistentVolumeClaim: {} }', ['spec.volumes[0].persistentVolumeClaim.claimName: Required value']],
    [
      '{ name: v, downwardAPI: { items: [{ path: a }, { path: b, resourceFieldRef: { resource: limits.cpu } }] } }',
      [
        'spec.volumes[0].downwardAPI: Required value: one of fieldRef and resourceFieldRef is required',
        'spec.volumes[0].downwardAPI.resourceFieldRef.containerName: Required value',
      ],
    ],
    ['{ name: v, csi: { driver: "" } }', ['spec.volumes[0].csi.driver: Required value']],
    [
      '{ name: v, nfs: { server: s, path: a } }',
      ['spec.volumes[0].nfs.path: Invalid value: "a": must be an absolute path'],
    ],
    [
      '{ name: v, gcePersistentDisk: { partition: 300 } }',
      [
        'spec.volumes[0].persistentDisk.pdName: Required value',
        'spec.volumes[0].persistentDisk.partition: Invalid value: 300: must be between 1 and 255, inclusive',
      ],
    ],
    ['{ name: v, ephemeral: {} }', ['spec.volumes[0].ephemeral.volumeClaimTemplate: Required value']],
    ['{ name: v, image: {} }', ['spec.volumes[0].image.reference: Required value']],
    [
      '{ name: v, projected: { sources: [{ serviceAccountToken: { path: t, expirationSeconds: 60 } }, { configMap: { name: c, items: [{ key: k, path: p }, { key: l, path: p }] } }, { secret: { name: s }, configMap: { name: c } }] } }',
      [
        'spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes',
        'spec.volumes[0].projected: Invalid value: "c": conflicting duplicate paths',
        'spec.volumes[0].projected.sources[2]: Forbidden: may not specify more than 1 volume type',
        'spec.volumes[0].projected.sources[0].serviceAccountToken: Forbidden: must not be specified when serviceAccountName is not set',
      ],
    ],
  ])('volume %s', (yaml, expected) => {
    const found = problems(`volumes: [${yaml}]`);
    expect(found).toHaveLength(expected.length);
    for (const text of expected) expect(found).toContainEqual(text);
  });

  it.each([
    [
      'nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } }',
      [
        'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term',
      ],
    ],
    [
      'nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 101, preference: { matchExpressions: [{ key: a, operator: In }] } }] }',
      [
        'spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 101: must be in the range 1-100',
        "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
      ],
    ],
    [
      'podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ matchLabelKeys: [a], topologyKey: "" }] }',
      [
        'spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].matchLabelKeys: Forbidden: must not be specified when labelSelector is not set',
        'spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Required value: can not be empty',
        expect.stringContaining('topologyKey: Invalid value: "": name part must be non-empty'),
        expect.stringContaining('topologyKey: Invalid value: "": name part must consist'),
      ],
    ],
  ])('affinity with %s', (yaml, expected) => {
    expect(problems(`affinity: { ${yaml} }`)).toEqual(expected);
  });

  it('checks topology spread constraints', () => {
    const found = problems(`
topologySpreadConstraints:
  - { maxSkew: 0, topologyKey: zone, whenUnsatisfiable: Never, minDomains: 1 }
  - { maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {} }
  - { maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {} }
`);
    const path = 'spec.topologySpreadConstraints';
    expect(found).toEqual([
      `${path}[0].maxSkew: Invalid value: 0: must be greater than zero`,
      `${path}[0].whenUnsatisfiable: Unsupported value: "Never": supported values: "DoNotSchedule", "ScheduleAnyway"`,
      `${path}[0].minDomains: Invalid value: 1: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not Never`,
      `${path}[2].{topologyKey, whenUnsatisfiable}: Duplicate value: "{zone, DoNotSchedule}"`,
    ]);
  });

  it('lets init containers have probes only as sidecars', () => {
    const probe = 'readinessProbe: { tcpSocket: { port: 1 } }';
    const found = problems(`
initContainers:
  - { name: plain, image: a:1, ${probe} }
  - { name: sidecar, image: a:1, restartPolicy: Always, ${probe} }
  - { name: a, image: a:1 }
`);
    expect(found).toEqual([
      'spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without restartPolicy=Always',
      'spec.initContainers[2].name: Duplicate value: "a"',
    ]);
  });

  it('wants annotations and fields to agree on profiles', () => {
    const found = problems(`
metadata: { annotations: { container.seccomp.security.alpha.kubernetes.io/a: unconfined } }
containers: [{ name: a, image: a, securityContext: { seccompProfile: { type: RuntimeDefault } } }]
`);
    expect(found).toEqual([
      `${C}.securityContext.seccompProfile.type: Forbidden: seccomp type in annotation and field must match`,
    ]);
  });
});

describe('validatePodTemplateSpec()', () => {
  const check = (yaml: string): string[] => {
    const template = parse(yaml) as PodTemplateSpec;
    defaultPodTemplate(template);
    return validatePodTemplateSpec(template, fieldPath('spec', 'template')).map(formatFieldError);
  };

  it('leaves to pods what only pods get', () => {
    const template = parse(`
spec:
  hostNetwork: true
  containers: [{ name: a, image: " a", ports: [{ containerPort: 80 }], resources: { limits: { cpu: 1 } } }]
`) as PodTemplateSpec;
    defaultPodTemplate(template);
    expect(template.metadata).toEqual({});
    expect(template.spec.enableServiceLinks).toBeUndefined();
    expect(template.spec.containers[0]!.ports).toEqual([{ containerPort: 80, protocol: 'TCP' }]);
    expect(template.spec.containers[0]!.resources).toEqual({ limits: { cpu: '1' } });
    expect(validatePodTemplateSpec(template, fieldPath('template'))).toEqual([]);
  });

  it('reports under the path of the template', () => {
    expect(
      check(
        '{ metadata: { labels: { a: "-" } }, spec: { containers: [], ephemeralContainers: [{ name: e, image: e }] } }',
      ),
    ).toEqual([
      expect.stringMatching(/^spec.template.labels: Invalid value: "-": a valid label must be/),
      'spec.template.spec.containers: Required value',
      'spec.template.spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template',
    ]);
  });
});
