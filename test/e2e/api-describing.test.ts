/** `kubectl describe` of every kind that is served, with every kubectl release that is supported. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Cluster, NamespacedKubectl } from './harness.ts';
import { eventually, failed, kubectlIn, MINORS, startCluster } from './harness.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster(['--runtime', 'simulated', '--storage', 'memory']);
});
afterAll(() => cluster?.stop());

const OBJECTS = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}, annotations: {note: kept}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccountName: worker
      priority: 0
      tolerations: [{key: special, operator: Exists, effect: NoSchedule}]
      nodeSelector: {kubernetes.io/os: linux}
      initContainers: [{name: first, image: "init:1", command: ["true"]}]
      containers:
      - name: c
        image: "app:1"
        command: [run, --fast]
        args: [now]
        ports: [{containerPort: 8080, name: http}]
        env:
        - {name: PLAIN, value: text}
        - {name: FROM_MAP, valueFrom: {configMapKeyRef: {name: settings, key: a}}}
        - {name: FROM_SECRET, valueFrom: {secretKeyRef: {name: password, key: word, optional: true}}}
        - {name: WHERE, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
        envFrom: [{configMapRef: {name: settings}}]
        resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {memory: 32Mi}}
        livenessProbe: {httpGet: {path: /live, port: http}, periodSeconds: 7}
        readinessProbe: {exec: {command: [check]}, initialDelaySeconds: 1}
        volumeMounts: [{name: settings, mountPath: /etc/settings, readOnly: true}, {name: scratch, mountPath: /tmp}]
      volumes:
      - {name: settings, configMap: {name: settings}}
      - {name: scratch, emptyDir: {sizeLimit: 1Mi}}
      - {name: word, secret: {secretName: password, optional: true}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {a: "1"}
binaryData: {b: AAEC}
---
apiVersion: v1
kind: Secret
metadata: {name: password}
stringData: {word: hunter2}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: worker}
imagePullSecrets: [{name: password}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, sessionAffinity: ClientIP, ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: v1
kind: PodTemplate
metadata: {name: template}
template: {metadata: {labels: {app: other}}, spec: {containers: [{name: c, image: "app:2"}]}}
---
apiVersion: apps/v1
kind: ControllerRevision
metadata: {name: revision}
revision: 3
data: {any: thing}
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: held}
spec: {holderIdentity: me, leaseDurationSeconds: 15}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules: [{apiGroups: [apps], resources: [deployments], resourceNames: [web], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: worker}]
`;

describe.each(MINORS)('kubectl 1.%s', (minor) => {
  let k: NamespacedKubectl;
  beforeAll(async () => {
    k = await kubectlIn(cluster, minor);
    const { code, stderr } = k.given(OBJECTS, 'apply', '-f', '-');
    if (code !== 0) throw new Error(stderr);
    k.ok('wait', '--for=condition=Available', 'deployment/web', '--timeout=30s');
    await eventually('its endpoints', () => /Endpoints: +\d/.test(k.ok('describe', 'service', 'web')));
  });

  it.each<[string, RegExp[]]>([
    [
      'pod',
      [
        /^Name: +web-\S+$/m,
        /^Service Account: +worker$/m,
        /^Labels: +app=web\n +pod-template-hash=\S+$/m,
        /^Status: +Running$/m,
        /^Controlled By: +ReplicaSet\/web-\S+$/m,
        /^Init Containers:\n {2}first:\n/m,
        /^ {4}Command:\n {6}run\n {6}--fast\n {4}Args:\n {6}now$/m,
        /^ {4}Limits:\n {6}memory: +32Mi\n {4}Requests:\n {6}cpu: +10m\n {6}memory: +16Mi$/m,
        /^ {4}Liveness: +http-get http:\/\/:http\/live delay=0s timeout=1s period=7s #success=1 #failure=3$/m,
        /^ {4}Readiness: +exec \[check\] delay=1s timeout=1s period=10s #success=1 #failure=3$/m,
        /^ {4}Environment Variables from:\n {6}settings +ConfigMap +Optional: false$/m,
        /^ {6}PLAIN: +text$/m,
        /^ {6}FROM_MAP: +<set to the key 'a' of config map 'settings'> +Optional: false$/m,
        /^ {6}FROM_SECRET: +<set to the key 'word' in secret 'password'> +Optional: true$/m,
        /^ {6}WHERE: +\(v1:status\.podIP\)$/m,
        /^ {6}\/etc\/settings from settings \(ro\)$/m,
        /^ {6}\/var\/run\/secrets\/kubernetes\.io\/serviceaccount from kube-api-access-\S+ \(ro\)$/m,
        /^ {2}settings:\n {4}Type: +ConfigMap \(a volume populated by a ConfigMap\)\n {4}Name: +settings\n {4}Optional: +false$/m,
        /^ {4}Type: +EmptyDir \(a temporary directory that shares a pod's lifetime\)\n {4}Medium: *\n {4}SizeLimit: +1Mi$/m,
        /^QoS Class: +Burstable$/m,
        /^Node-Selectors: +kubernetes\.io\/os=linux$/m,
        /^Tolerations: +node\.kubernetes\.io\/not-ready:NoExecute op=Exists for 300s\n.*\n +special:NoSchedule op=Exists$/m,
        /^ {2}Normal +Scheduled +\S+ +default-scheduler +Successfully assigned m\d+\/web-\S+ to /m,
      ],
    ],
    [
      'deployment/web',
      [
        /^Annotations: +deployment\.kubernetes\.io\/revision: 1\n +note: kept$/m,
        /^Selector: +app=web$/m,
        /^Replicas: +1 desired \| 1 updated \| 1 total \| 1 available \| 0 unavailable$/m,
        /^ {2}Service Account: +worker$/m,
        /^ {2}Available +True +MinimumReplicasAvailable$/m,
        /^NewReplicaSet: +web-\S+ \(1\/1 replicas created\)$/m,
        /^ {2}Normal +ScalingReplicaSet +\S+ +deployment-controller +Scaled up replica set web-\S+ from 0 to 1$/m,
      ],
    ],
    [
      'replicaset',
      [
        /^Controlled By: +Deployment\/web$/m,
        /^Replicas: +1 current \/ 1 desired$/m,
        /^Pods Status: +1 Running \/ 0 Waiting/m,
      ],
    ],
    ['configmap/settings', [/^Data\n====\na:\n----\n1\n/m, /^BinaryData\n====\nb: 3 bytes$/m]],
    ['secret/password', [/^Type: +Opaque$/m, /^word: +7 bytes$/m]],
    ['serviceaccount/worker', [/^Image pull secrets: +password$/m]],
    [
      'service/web',
      [
        /^Selector: +app=web$/m,
        /^Port: +http +80\/TCP$/m,
        /^TargetPort: +http\/TCP$/m,
        /^Endpoints: +[\d.]+:8080$/m,
        /^Session Affinity: +ClientIP$/m,
        /^Internal Traffic Policy: +Cluster$/m,
      ],
    ],
    ['endpoints/web', [/^Subsets:\n {2}Addresses: +[\d.]+$/m, /^ {4}http +8080 +TCP$/m]],
    [
      'endpointslice',
      [/^AddressType: +IPv4$/m, /^ {2}http +8080 +TCP$/m, /^ {6}Ready: +true$/m, /^ {4}TargetRef: +Pod\/web-\S+$/m],
    ],
    ['podtemplate/template', [/^Name: +template$/m, /^Kind: +PodTemplate$/m, /Image: +app:2$/m]],
    ['controllerrevision/revision', [/^Kind: +ControllerRevision$/m, /^Revision: +3$/m]],
    ['lease/held', [/^ {2}Holder Identity: +me$/m, /^ {2}Lease Duration Seconds: +15$/m]],
    ['role/reader', [/^ {2}deployments\.apps +\[\] +\[web\] +\[get\]$/m]],
    ['rolebinding/reader', [/^Role:\n {2}Kind: +Role\n {2}Name: +reader$/m, /^ {2}ServiceAccount +worker *$/m]],
    ['clusterrole/system:basic-user', [/^ {2}selfsubjectreviews\.authentication\.k8s\.io +\[\] +\[\] +\[create\]$/m]],
    [
      'clusterrolebinding/cluster-admin',
      [/^ {2}Kind: +ClusterRole\n {2}Name: +cluster-admin$/m, /^ {2}Group +system:masters *$/m],
    ],
    ['namespace/default', [/^Labels: +kubernetes\.io\/metadata\.name=default$/m, /^Status: +Active$/m]],
    ['node', [/^Roles: /m, /^Allocatable:$/m, /^Allocated resources:$/m, /^ {2}Ready +True .*KubeletReady/m]],
    ['event', [/^Reason: +Scheduled$/m, /^Involved Object:\n {2}API Version: +v1\n {2}Kind: +/m, /^Type: +Normal$/m]],
  ])('%s', (what, expected) => {
    const text = k.ok('describe', ...what.split(' '));
    for (const part of expected) expect(text).toMatch(part);
    expect(text).not.toMatch(/hunter2|<nil>\)|%!/);
  });

  it('all that is meant: by label, by prefix, of several kinds', () => {
    const named = (text: string): string[] => (text.match(/^Name: +\S+$/gm) ?? []).map((line) => line.split(/ +/)[1]!);
    expect(named(k.ok('describe', 'deployment,service', '-l', 'app=web'))).toEqual(['web']);
    expect(named(k.ok('describe', 'configmap/settings', 'secret/password'))).toEqual(['settings', 'password']);
    expect(named(k.ok('describe', 'pod', 'web-'))).toEqual([expect.stringMatching(/^web-/)]);
    expect(k.ok('describe', 'pod', 'web-', '--show-events=false')).not.toContain('Events:');
    expect(k('describe', 'pod', 'nosuch')).toEqual(failed('Error from server (NotFound): pods "nosuch" not found\n'));
  });

  it('leaves out no kind that is served', () => {
    const listed = cluster
      .kubectl(['api-resources', '--verbs=list', '-o', 'name'], { minor })
      .stdout.trim()
      .split('\n');
    // kubectl 1.31 describes ServiceCIDRs by a beta version that no server of v1.36 has on by default.
    const kinds = listed.filter((kind) => minor !== '31' || kind !== 'servicecidrs.networking.k8s.io');
    expect(kinds).toEqual(
      expect.arrayContaining(['pods', 'endpoints', 'controllerrevisions.apps', 'leases.coordination.k8s.io']),
    );
    const { code, stdout, stderr } = cluster.kubectl(['describe', kinds.join(','), '-A', '--chunk-size=5'], { minor });
    expect([code, stderr]).toEqual([0, expect.not.stringMatching(/error/i)]);
    expect(stdout.match(/^Name: /gm)!.length).toBeGreaterThan(100);
  });
});
