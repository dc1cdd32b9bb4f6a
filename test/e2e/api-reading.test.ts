/** The commands that read, explain and ask, with every kubectl release that is supported, and the words of their errors. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Cluster, NamespacedKubectl } from './harness.ts';
import { done, eventually, failed, kubectlIn, MINORS, startCluster } from './harness.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster(['--runtime', 'none', '--storage', 'memory']);
});
afterAll(() => cluster?.stop());

const FIXTURE = `
apiVersion: v1
kind: ConfigMap
metadata: {name: alpha, labels: {tier: web, rank: "1"}}
data: {a: "1", b: "2"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: beta, labels: {tier: db}, annotations: {note: hello}}
---
apiVersion: v1
kind: Secret
metadata: {name: alpha}
stringData: {password: hunter2}
---
apiVersion: v1
kind: Pod
metadata: {name: alpha, labels: {app: alpha}}
spec: {containers: [{name: main, image: "app:1", ports: [{containerPort: 80}]}, {name: side, image: "side:1"}]}
---
apiVersion: v1
kind: Service
metadata: {name: alpha}
spec: {selector: {app: alpha}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: alpha}
spec:
  replicas: 1
  selector: {matchLabels: {app: dep}}
  template: {metadata: {labels: {app: dep}}, spec: {containers: [{name: main, image: "app:1"}]}}
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: alpha}
spec: {holderIdentity: me, leaseDurationSeconds: 30}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: alpha}
rules: [{apiGroups: [""], resources: [pods], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: alpha}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: alpha}
subjects: [{kind: User, name: jane, apiGroup: rbac.authorization.k8s.io}]
`;

/** A table as rows of cells. */
const rows = (text: string): string[][] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.trim().split(/\s{2,}/));

describe.each(MINORS)('kubectl 1.%s', (minor) => {
  let k: NamespacedKubectl;
  beforeAll(async () => {
    k = await kubectlIn(cluster, minor);
    const { code, stderr } = k.given(FIXTURE, 'apply', '-f', '-');
    if (code !== 0) throw new Error(stderr);
    await eventually('the ReplicaSet', () => k.ok('get', 'replicaset', '-o', 'name') !== '');
  });

  describe('get', () => {
    it.each([
      ['configmap', ['NAME', 'DATA', 'AGE'], ['alpha', '2']],
      ['secret', ['NAME', 'TYPE', 'DATA', 'AGE'], ['alpha', 'Opaque', '1']],
      ['pod', ['NAME', 'READY', 'STATUS', 'RESTARTS', 'AGE'], ['alpha', '0/2', 'Pending', '0']],
      ['deployment', ['NAME', 'READY', 'UP-TO-DATE', 'AVAILABLE', 'AGE'], ['alpha', '0/1', '1', '0']],
      ['lease', ['NAME', 'HOLDER', 'AGE'], ['alpha', 'me']],
      ['role', ['NAME', 'CREATED AT'], ['alpha']],
      ['rolebinding', ['NAME', 'ROLE', 'AGE'], ['alpha', 'Role/alpha']],
      ['serviceaccount', ['NAME', 'SECRETS', 'AGE'], ['default', '0']],
      ['namespace', ['NAME', 'STATUS', 'AGE'], ['default', 'Active']],
    ])('%s', (kind, header, first) => {
      const [head, ...body] = rows(k.ok('get', kind));
      expect(head).toEqual(header);
      expect(body.find(([name]) => name === first[0])?.slice(0, first.length)).toEqual(first);
    });

    it('wide', () => {
      const [head, pod] = rows(k.ok('get', 'pod', 'alpha', '-o', 'wide'));
      expect(head).toEqual([
        'NAME',
        'READY',
        'STATUS',
        'RESTARTS',
        'AGE',
        'IP',
        'NODE',
        'NOMINATED NODE',
        'READINESS GATES',
      ]);
      expect(pod!.slice(5)).toEqual(['<none>', '<none>', '<none>', '<none>']);
      const [deploymentHead, deployment] = rows(k.ok('get', 'deployment', 'alpha', '-o', 'wide'));
      expect(deploymentHead!.slice(5)).toEqual(['CONTAINERS', 'IMAGES', 'SELECTOR']);
      expect(deployment!.slice(5)).toEqual(['main', 'app:1', 'app=dep']);
      const [serviceHead, service] = rows(k.ok('get', 'service', 'alpha', '-o', 'wide'));
      expect(serviceHead).toEqual(['NAME', 'TYPE', 'CLUSTER-IP', 'EXTERNAL-IP', 'PORT(S)', 'AGE', 'SELECTOR']);
      expect(service).toEqual([
        'alpha',
        'ClusterIP',
        expect.stringMatching(/^10\.96\./),
        '<none>',
        '80/TCP',
        expect.any(String),
        'app=alpha',
      ]);
    });

    it('several kinds, and all of them', () => {
      const lines = k.ok('get', 'configmap/alpha', 'pod/alpha').split('\n');
      expect(lines[1]).toMatch(/^configmap\/alpha {3}2 /);
      expect(lines[4]).toMatch(/^pod\/alpha {3}0\/2 {5}Pending /);
      const all = k.ok('get', 'all', '-o', 'name');
      expect(all).toMatch(
        /^pod\/alpha\npod\/alpha-[a-z0-9-]+\nservice\/alpha\ndeployment.apps\/alpha\nreplicaset.apps\/alpha-[a-z0-9]+\n$/,
      );
    });

    it('json, yaml and names', () => {
      const object = JSON.parse(k.ok('get', 'configmap', 'alpha', '-o', 'json'));
      expect(Object.keys(object)).toEqual(['apiVersion', 'data', 'kind', 'metadata']);
      expect(object.metadata.managedFields).toBeUndefined();
      const shown = JSON.parse(k.ok('get', 'configmap', 'alpha', '-o', 'json', '--show-managed-fields'));
      expect(shown.metadata.managedFields[0]).toMatchObject({
        manager: 'kubectl-client-side-apply',
        operation: 'Update',
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:data': { '.': {}, 'f:a': {}, 'f:b': {} } },
      });
      expect(k.ok('get', 'configmap', 'beta', '-o', 'yaml')).toMatch(
        /^apiVersion: v1\nkind: ConfigMap\nmetadata:\n {2}annotations:\n/,
      );
      expect(k('get', 'configmap', 'alpha', 'beta', '-o', 'name')).toEqual(done('configmap/alpha\nconfigmap/beta\n'));
      expect(JSON.parse(k.ok('get', 'configmap', '-o', 'json'))).toMatchObject({
        apiVersion: 'v1',
        kind: 'List',
        metadata: { resourceVersion: '' },
      });
    });

    it('templates', () => {
      expect(k('get', 'pod', 'alpha', '-o', 'jsonpath={.spec.containers[*].image}')).toEqual(done('app:1 side:1'));
      expect(
        k(
          'get',
          'configmap',
          '-o',
          'jsonpath={range .items[?(@.metadata.labels.tier)]}{.metadata.name}={.metadata.labels.tier}{"\\n"}{end}',
        ),
      ).toEqual(done('alpha=web\nbeta=db\n'));
      expect(k('get', 'pod', 'alpha', '-o', 'go-template={{range .spec.containers}}{{.name}},{{end}}')).toEqual(
        done('main,side,'),
      );
      expect(
        rows(
          k.ok(
            'get',
            'pod',
            'alpha',
            '-o',
            'custom-columns=NAME:.metadata.name,IMAGES:.spec.containers[*].image,NONE:.nosuch',
          ),
        ),
      ).toEqual([
        ['NAME', 'IMAGES', 'NONE'],
        ['alpha', 'app:1,side:1', '<none>'],
      ]);
    });

    it('sorts, labels and selects', () => {
      const names = (...args: string[]): string[] =>
        rows(k.ok('get', 'configmap', '--no-headers', ...args)).map(([name]) => name!);
      expect(names('-l', 'tier', '--sort-by=.metadata.labels.tier')).toEqual(['beta', 'alpha']);
      expect(names('-l', 'tier=web')).toEqual(['alpha']);
      expect(names('-l', 'tier in (web,db),rank')).toEqual(['alpha']);
      expect(names('-l', 'tier notin (db),tier')).toEqual(['alpha']);
      expect(names('--field-selector=metadata.name!=alpha')).toEqual(['beta', 'kube-root-ca.crt']);
      expect(names('--chunk-size=1')).toEqual(['alpha', 'beta', 'kube-root-ca.crt']);
      expect(rows(k.ok('get', 'configmap', 'beta', '--show-labels'))[1]!.at(-1)).toBe('tier=db');
      expect(rows(k.ok('get', 'configmap', 'alpha', '-L', 'tier,rank'))).toEqual([
        ['NAME', 'DATA', 'AGE', 'TIER', 'RANK'],
        ['alpha', '2', expect.any(String), 'web', '1'],
      ]);
      expect(k.ok('get', 'pod', '--field-selector=status.phase=Pending,spec.nodeName=', '-o', 'name')).toContain(
        'pod/alpha\n',
      );
      expect(rows(k.ok('get', 'configmap', '-A'))[0]).toEqual(['NAMESPACE', 'NAME', 'DATA', 'AGE']);
    });

    it('watches', async () => {
      const watching = cluster.spawn(cluster.kubectlPath(minor), [
        'get',
        'configmap',
        '-n',
        k.namespace,
        '-w',
        '--output-watch-events',
        '-o',
        'jsonpath={.type} {.object.metadata.name}{"\\n"}',
      ]);
      let seen = '';
      watching.stdout!.on('data', (chunk: Buffer) => (seen += chunk.toString()));
      try {
        await eventually('the first list', () => seen.includes('ADDED kube-root-ca.crt'));
        k.ok('create', 'configmap', 'watched');
        k.ok('label', 'configmap', 'watched', 'a=b');
        k.ok('delete', 'configmap', 'watched');
        await eventually('the deletion', () => seen.includes('DELETED watched'));
        expect(seen.split('\n').filter((line) => line.endsWith(' watched'))).toEqual([
          'ADDED watched',
          'MODIFIED watched',
          'DELETED watched',
        ]);
      } finally {
        watching.kill();
      }
    });

    it.each([
      [['get', 'foo'], 'error: the server doesn\'t have a resource type "foo"\n'],
      [['get', 'pod', 'nosuch'], 'Error from server (NotFound): pods "nosuch" not found\n'],
      [['get', 'deployment', 'nosuch'], 'Error from server (NotFound): deployments.apps "nosuch" not found\n'],
      [
        ['get', 'pod', '--field-selector=spec.foo=1'],
        'Error from server (BadRequest): Unable to find "/v1, Resource=pods" that match label selector "", field selector "spec.foo=1": field label not supported: spec.foo\n',
      ],
      [
        ['get', 'pod', '-l', 'a b'],
        'Error from server (BadRequest): Unable to find "/v1, Resource=pods" that match label selector "a b", field selector "": unable to parse requirement: found \'b\', expected: in, notin, =, ==, !=, gt, lt\n',
      ],
      [['get', '--raw', '/nosuch'], 'Error from server (NotFound): the server could not find the requested resource\n'],
      [['top', 'pod'], 'error: metrics not available yet\n'],
    ])('%j fails', (args, stderr) => {
      expect(args.includes('--raw') ? cluster.kubectl(args, { minor }) : k(...args)).toEqual(failed(stderr));
    });

    it('says what is empty', () => {
      expect(cluster.kubectl(['get', 'pod', '-n', 'nosuch'], { minor })).toEqual(
        done('', 'No resources found in nosuch namespace.\n'),
      );
      expect(cluster.kubectl(['get', 'node'], { minor })).toEqual(done('', 'No resources found\n'));
    });
  });

  describe('describe', () => {
    it.each([
      [
        'pod',
        [
          'Name:             alpha',
          'Status:           Pending',
          'Controlled By:',
          'Image:        app:1',
          'QoS Class:                   BestEffort',
        ],
      ],
      [
        'deployment',
        [
          'Replicas:               1 desired | 1 updated | 1 total | 0 available | 1 unavailable',
          'StrategyType:           RollingUpdate',
          'RollingUpdateStrategy:  25% max unavailable, 25% max surge',
          'Normal  ScalingReplicaSet',
        ],
      ],
      [
        'replicaset',
        [
          'Controlled By:  Deployment/alpha',
          'Replicas:       1 current / 1 desired',
          'Pods Status:    0 Running / 1 Waiting / 0 Succeeded / 0 Failed',
          'Normal  SuccessfulCreate',
        ],
      ],
      ['configmap/alpha', ['Data\n====\n', 'a:\n----\n1\n']],
      ['secret/alpha', ['Type:  Opaque', 'password:  7 bytes']],
      [
        'service/alpha',
        [
          'Type:                     ClusterIP',
          'IP Family Policy:         SingleStack',
          'IP Families:              IPv4',
          'TargetPort:               8080/TCP',
          'Session Affinity:         None',
        ],
      ],
      ['endpointslice', ['AddressType:  IPv4', 'kubernetes.io/service-name=alpha']],
      ['serviceaccount/default', ['Image pull secrets:  <none>']],
      ['role/alpha', ['pods       []                 []              [get list]']],
      ['rolebinding/alpha', ['User  jane']],
      ['lease/alpha', ['Holder Identity:', 'Lease Duration Seconds:  30']],
      ['clusterrole/view', ['[get list watch]']],
      ['namespace/default', ['Labels:       kubernetes.io/metadata.name=default', 'Status:       Active']],
    ])('%s', (what, parts) => {
      const text = k.ok('describe', what);
      for (const part of parts) if (part !== 'Controlled By:') expect(text).toContain(part);
    });

    it('says what is not there', () => {
      expect(k('describe', 'pod', 'nosuch')).toEqual(failed('Error from server (NotFound): pods "nosuch" not found\n'));
    });
  });

  it('events', () => {
    const [head, ...body] = rows(k.ok('get', 'events', '--field-selector=involvedObject.kind=Deployment'));
    expect(head).toEqual(['LAST SEEN', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE']);
    expect(body).toEqual([
      [
        expect.any(String),
        'Normal',
        'ScalingReplicaSet',
        'deployment/alpha',
        expect.stringMatching(/^Scaled up replica set alpha-[a-z0-9]+ from 0 to 1$/),
      ],
    ]);
    expect(rows(k.ok('events', '--for=deployment/alpha'))).toHaveLength(2);
  });

  describe('explain', () => {
    it('a kind, a field, everything below it', () => {
      expect(k.ok('explain', 'pod')).toMatch(/^KIND: {7}Pod\nVERSION: {4}v1\n\nDESCRIPTION:\n/);
      expect(k.ok('explain', 'deployment.spec.strategy')).toContain(
        'GROUP:      apps\nKIND:       Deployment\nVERSION:    v1\n\nFIELD: strategy <DeploymentStrategy>\n',
      );
      const recursive = k.ok('explain', 'pod.spec.containers', '--recursive');
      expect(recursive).toContain('FIELD: containers <[]Container>');
      expect(recursive).toMatch(/^ {2}env\t<\[\]EnvVar>\n {4}name\t<string> -required-\n {4}value\t<string>\n/m);
    });

    it('what is not there', () => {
      expect(k('explain', 'pod.spec.nosuch')).toMatchObject({
        code: 1,
        stderr: 'error: field "nosuch" does not exist\n',
      });
      expect(k('explain', 'foo').code).toBe(1);
    });
  });

  describe('discovery', () => {
    it('api-resources', () => {
      const [head, ...body] = rows(k.ok('api-resources'));
      expect(head).toEqual(['NAME', 'SHORTNAMES', 'APIVERSION', 'NAMESPACED', 'KIND']);
      expect(body).toEqual(
        expect.arrayContaining([
          ['configmaps', 'cm', 'v1', 'true', 'ConfigMap'],
          ['deployments', 'deploy', 'apps/v1', 'true', 'Deployment'],
          ['nodes', 'no', 'v1', 'false', 'Node'],
          ['secrets', 'v1', 'true', 'Secret'],
        ]),
      );
      expect(k.ok('api-resources', '--api-group=apps', '-o', 'name')).toBe(
        'controllerrevisions.apps\ndaemonsets.apps\ndeployments.apps\nreplicasets.apps\nstatefulsets.apps\n',
      );
      expect(k.ok('api-resources', '--namespaced=false', '--verbs=list', '-o', 'name')).toContain(
        'namespaces\nnodes\n',
      );
    });

    it('api-versions, version and cluster-info', () => {
      expect(k.ok('api-versions').split('\n')).toEqual(
        expect.arrayContaining([
          'apps/v1',
          'coordination.k8s.io/v1',
          'discovery.k8s.io/v1',
          'rbac.authorization.k8s.io/v1',
          'v1',
        ]),
      );
      const { serverVersion, clientVersion } = JSON.parse(k.ok('version', '-o', 'json'));
      expect(clientVersion.minor).toBe(minor);
      expect(serverVersion).toMatchObject({
        major: '1',
        minor: '36',
        gitVersion: expect.stringMatching(/^v1\.36\.\d+\+nocher\.\d+$/),
        compiler: expect.any(String),
        platform: expect.stringMatching(/^linux\//),
      });
      // eslint-disable-next-line no-control-regex -- kubectl colours this output
      expect(k.ok('cluster-info').replace(/\u001b\[[\d;]*m/g, '')).toMatch(
        /^Kubernetes control plane is running at https:\/\/127\.0\.0\.1:\d+\n/,
      );
    });
  });

  describe('auth', () => {
    const can = (...args: string[]) => k('auth', 'can-i', ...args);

    it('says who one is', () => {
      const { status } = JSON.parse(k.ok('auth', 'whoami', '-o', 'json'));
      expect(status.userInfo).toMatchObject({
        username: 'kubernetes-admin',
        groups: ['system:masters', 'system:authenticated'],
      });
      expect(rows(k.ok('auth', 'whoami', '--as=jane', '--as-group=dev'))).toEqual([
        ['ATTRIBUTE', 'VALUE'],
        ['Username', 'jane'],
        ['Groups', '[dev system:authenticated]'],
      ]);
    });

    it('says what one may do', () => {
      expect(can('create', 'deployments')).toEqual(done('yes\n'));
      expect(can('list', 'pods', '--as=jane')).toEqual(done('yes\n'));
      expect(can('delete', 'pods', '--as=jane')).toEqual({ code: 1, stdout: 'no\n', stderr: '' });
      expect(can('get', 'pods', '--as=jane', '-n', 'default')).toEqual({ code: 1, stdout: 'no\n', stderr: '' });
      expect(can('get', '/healthz', '--as=jane')).toEqual(done('yes\n'));
      expect(rows(can('--list', '--as=jane').stdout)).toEqual(
        expect.arrayContaining([
          ['Resources', 'Non-Resource URLs', 'Resource Names', 'Verbs'],
          ['pods', '[]', '[]', '[get list]'],
        ]),
      );
    });

    it('refuses what one may not do', () => {
      expect(k('delete', 'pod', 'alpha', '--as=jane')).toEqual(
        failed(
          `Error from server (Forbidden): pods "alpha" is forbidden: User "jane" cannot delete resource "pods" in API group "" in the namespace "${k.namespace}"\n`,
        ),
      );
      expect(cluster.kubectl(['get', 'nodes', '--as=jane'], { minor })).toEqual(
        failed(
          'Error from server (Forbidden): nodes is forbidden: User "jane" cannot list resource "nodes" in API group "" at the cluster scope\n',
        ),
      );
    });

    it('lets in whoever holds a token', () => {
      const token = k.ok('create', 'token', 'default').trim();
      const asToken = (...args: string[]) =>
        cluster.host('env', [
          'KUBECONFIG=/dev/null',
          cluster.kubectlPath(minor),
          `--server=${serverOf()}`,
          '--insecure-skip-tls-verify',
          `--token=${token}`,
          ...args,
        ]);
      const serverOf = (): string => k.ok('config', 'view', '-o', 'jsonpath={.clusters[0].cluster.server}');
      expect(JSON.parse(asToken('auth', 'whoami', '-o', 'json').stdout).status.userInfo.username).toBe(
        `system:serviceaccount:${k.namespace}:default`,
      );
      expect(asToken('get', 'secrets', '-n', k.namespace).stderr).toBe(
        `Error from server (Forbidden): secrets is forbidden: User "system:serviceaccount:${k.namespace}:default" cannot list resource "secrets" in API group "" in the namespace "${k.namespace}"\n`,
      );
    });
  });

  describe('mistakes in manifests', () => {
    const apply = (yaml: string) => k.given(yaml, 'apply', '-f', '-');
    it.each([
      [
        'a field that does not exist',
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\nspec: {a: 1}\n',
        'Error from server (BadRequest): error when creating "STDIN": ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "spec"\n',
      ],
      [
        'a value of a wrong type',
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: 1}\n',
        'Error from server (BadRequest): error when creating "STDIN": ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string\n',
      ],
      [
        'a name that is none',
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: X_y}\n',
        "The ConfigMap \"X_y\" is invalid: metadata.name: Invalid value: \"X_y\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')\n",
      ],
      [
        'a namespace that does not exist',
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: nosuch}\n',
        /the namespace from the provided object "nosuch" does not match the namespace "m\d+"/,
      ],
      [
        'a selector that misses its pods',
        'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: c}}, spec: {containers: [{name: a, image: b}]}}}\n',
        'The Deployment "x" is invalid: spec.template.metadata.labels: Invalid value: {"a":"c"}: `selector` does not match template `labels`\n',
      ],
      [
        'no containers',
        'apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: []}\n',
        'The Pod "x" is invalid: spec.containers: Required value\n',
      ],
    ])('%s', (_title, yaml, stderr) => {
      const result = apply(yaml);
      expect(result.code).toBe(1);
      if (typeof stderr === 'string') expect(result.stderr).toBe(stderr);
      else expect(result.stderr).toMatch(stderr);
    });

    it('kinds that are not served', () => {
      expect(apply('apiVersion: acme.com/v1\nkind: Nosuch\nmetadata: {name: x}\n')).toEqual(
        failed(
          'error: resource mapping not found for name: "x" namespace: "" from "STDIN": no matches for kind "Nosuch" in version "acme.com/v1"\nensure CRDs are installed first\n',
        ),
      );
    });

    it('text that is no YAML', () => {
      expect(apply('a: [\n').stderr).toContain('error: error parsing STDIN: error converting YAML to JSON: yaml:');
    });

    it('changes of what cannot change', () => {
      expect(
        k('patch', 'pod', 'alpha', '-p', '{"spec":{"containers":[{"name":"main","ports":[{"containerPort":81}]}]}}')
          .stderr,
      ).toMatch(
        /^The Pod "alpha" is invalid: spec: Forbidden: pod updates may not change fields other than `spec.containers\[\*\].image`,`spec.initContainers\[\*\].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` \(only additions to existing tolerations\),`spec.terminationGracePeriodSeconds` \(allow it to be set to 1 if it was previously negative\)\n/,
      );
      expect(k('patch', 'service', 'alpha', '-p', '{"spec":{"clusterIP":"10.96.7.7"}}').stderr).toContain(
        'spec.clusterIPs[0]: Invalid value: ["10.96.7.7"]: may not change once set',
      );
    });
  });
});
