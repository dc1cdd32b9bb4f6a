import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'yaml';
import { pods } from '../pod.ts';
import { ephemeralContainersUpdate, resizeUpdate } from './subresource-updates.ts';
import type { Pod } from './types.ts';

const RICH = `
metadata: { name: web, labels: { a: b }, annotations: { container.apparmor.security.beta.kubernetes.io/a: unconfined } }
spec:
  nodeSelector: { disk: ssd }
  hostAliases: [{ ip: 1.2.3.4, hostnames: [x] }]
  dnsConfig: { nameservers: [1.1.1.1], searches: [a.b], options: [{ name: ndots, value: "5" }] }
  os: { name: linux }
  overhead: { cpu: 1m }
  resources: { limits: { cpu: "1" } }
  resourceClaims: [{ name: gpu, resourceClaimName: gpu }]
  readinessGates: [{ conditionType: x }]
  schedulingGates: [{ name: g }]
  tolerations: [{ key: a, operator: Exists, effect: NoExecute, tolerationSeconds: 1 }]
  topologySpreadConstraints: [{ maxSkew: 1, topologyKey: z, whenUnsatisfiable: DoNotSchedule, labelSelector: { matchLabels: { a: b } }, matchLabelKeys: [a] }]
  securityContext: { runAsUser: 1, sysctls: [{ name: a, value: b }], seccompProfile: { type: RuntimeDefault }, supplementalGroups: [1] }
  affinity:
    nodeAffinity:
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: a, operator: In, values: [b] }], matchFields: [{ key: metadata.name, operator: In, values: [n] }] }] }
      preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference: { matchExpressions: [{ key: a, operator: Exists }] } }]
    podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: { topologyKey: z, labelSelector: {}, namespaces: [x] } }] }
    podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: z, labelSelector: { matchExpressions: [{ key: a, operator: Exists }] }, mismatchLabelKeys: [a] }] }
  initContainers: [{ name: i, image: i, restartPolicy: Always }]
  ephemeralContainers: [{ name: e, image: e, targetContainerName: a }]
  containers:
    - name: a
      image: a:1
      ports: [{ containerPort: 80, hostPort: 80, hostIP: 1.2.3.4, name: http }]
      env: [{ name: A, valueFrom: { fieldRef: { fieldPath: metadata.name } } }, { name: B, valueFrom: { resourceFieldRef: { resource: limits.cpu } } }, { name: C, valueFrom: { secretKeyRef: { name: s, key: k } } }, { name: D, valueFrom: { fileKeyRef: { volumeName: v, path: p, key: k } } }]
      envFrom: [{ prefix: A, configMapRef: { name: c } }]
      resources: { limits: { cpu: "1", hugepages-2Mi: 2Mi }, claims: [{ name: gpu }] }
      resizePolicy: [{ resourceName: cpu, restartPolicy: NotRequired }]
      restartPolicy: Always
      restartPolicyRules: [{ action: Restart, exitCodes: { operator: In, values: [1] } }]
      livenessProbe: { httpGet: { port: 80, httpHeaders: [{ name: A, value: b }] } }
      readinessProbe: { grpc: { port: 80 } }
      startupProbe: { exec: { command: [a] } }
      lifecycle: { postStart: { tcpSocket: { port: 80 } }, preStop: { sleep: { seconds: 1 } }, stopSignal: SIGTERM }
      securityContext: { capabilities: { add: [X] }, appArmorProfile: { type: Localhost, localhostProfile: x }, windowsOptions: { runAsUserName: x } }
      volumeMounts: [{ name: v, mountPath: /v, subPathExpr: x, mountPropagation: None, recursiveReadOnly: Disabled }]
      volumeDevices: [{ name: pvc, devicePath: /dev/x }]
  volumes:
    - { name: v, emptyDir: { sizeLimit: 1Gi } }
    - { name: pvc, persistentVolumeClaim: { claimName: c } }
    - { name: p, projected: { sources: [{ configMap: { name: c, items: [{ key: k, path: p }] } }, { downwardAPI: { items: [{ path: d, fieldRef: { fieldPath: metadata.name } }] } }, { serviceAccountToken: { path: t } }, { clusterTrustBundle: { name: b, path: b } }, { podCertificate: { signerName: a.b/c, keyType: ED25519, keyPath: k } }] } }
    - { name: e, ephemeral: { volumeClaimTemplate: { spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } } } } }
    - { name: i, iscsi: { targetPortal: t, iqn: iqn.2001-04.com.example:x, lun: 1, initiatorName: iqn.2001-04.com.example:x } }
    - { name: q, quobyte: { registry: "a:1", volume: v } }
    - { name: f, fc: { targetWWNs: [a], lun: 1 } }
    - { name: x, flexVolume: { driver: d, options: { a: b } } }
    - { name: z, azureDisk: { diskName: a, diskURI: b, kind: Managed } }
    - { name: m, image: { reference: a } }
status:
  podIPs: [{ ip: 1.2.3.4 }, { ip: "::1" }]
  hostIPs: [{ ip: 1.2.3.4 }]
  conditions: [{ type: Ready, status: "True", observedGeneration: 1 }]
  containerStatuses: [{ name: a, ready: true, restartCount: 1, state: { running: {} }, lastState: { terminated: { exitCode: 1, finishedAt: x } }, resources: { requests: { cpu: 1 } }, user: { linux: { uid: 1, gid: 1, supplementalGroups: [1] } } }]
  initContainerStatuses: [{ name: i, state: { terminated: { exitCode: 1 } } }]
  resourceClaimStatuses: [{ name: gpu, resourceClaimName: x }]
`;

interface Place {
  holder: Record<string, unknown>;
  key: string;
}

function places(value: unknown): Place[] {
  if (typeof value !== 'object' || value === null) return [];
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap((key) => [{ holder, key }, ...places(holder[key])]);
}

/** A value of the same type that means nothing, or no value. */
function spoil({ holder, key }: Place, choice: number): void {
  const value = holder[key];
  if (Array.isArray(value)) holder[key] = choice % 2 === 0 ? [] : [...(value as unknown[]), ...(value as unknown[])];
  else if (typeof value === 'string') holder[key] = ['', 'x'.repeat(300), '../..', '%\u0000é', '__proto__'][choice % 5];
  else if (typeof value === 'number') holder[key] = [0, -1, 2 ** 40][choice % 3];
  else if (typeof value === 'object') holder[key] = {};
  if (choice % 3 === 0 && !Array.isArray(holder)) delete holder[key];
}

describe('the strategy of pods', () => {
  it('never throws, whatever is missing or senseless', () => {
    const { strategy } = pods;
    const context = { user: { name: 'u', groups: [] }, nowMs: 0, dryRun: false };
    const rich = parse(RICH) as Pod;
    const previous = structuredClone(rich);
    strategy.default!(previous);
    const total = places(rich).length;
    const change = fc.tuple(fc.nat({ max: total - 1 }), fc.nat({ max: 1000 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const pod = structuredClone(rich);
        const all = places(pod);
        for (const [index, choice] of changes) spoil(all[index]!, choice);
        if (pod.metadata === undefined) pod.metadata = {};
        strategy.default!(pod);
        for (const { cell } of pods.additionalPrinterColumns) cell(pod, 0);
        for (const read of Object.values(pods.selectableFields)) read(pod);
        strategy.validateUpdate!(pod, previous);
        strategy.warnings!(pod, undefined);
        for (const update of [strategy.status!, ephemeralContainersUpdate, resizeUpdate]) {
          const next = structuredClone(pod);
          update.prepareForUpdate!(next, previous, context);
          update.validateUpdate!(next, previous);
        }
        strategy.prepareForCreate!(pod, context);
        expect(Array.isArray(strategy.validate!(pod))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});
