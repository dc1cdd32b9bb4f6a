import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { formatFieldError } from '../../machinery/field-error.ts';
import type { StrategyContext } from '../../machinery/resource.ts';
import { services } from './service.ts';
import type { Service } from './service.ts';

const context: StrategyContext = { user: { name: 'u', groups: [] }, nowMs: 0, dryRun: false };
const { strategy } = services;

function serviceOf(spec: string): Service {
  const service: Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default' },
    ...parse(spec),
  };
  strategy.default!(service);
  return service;
}

/** As the registry validates it: prepared. */
function created(spec: string): Service {
  const service = serviceOf(spec);
  strategy.prepareForCreate!(service, context);
  return service;
}

it('may have a name that begins with a digit, as any DNS label', () => {
  expect(strategy.validateName!('1web', false)).toEqual([]);
  expect(strategy.validateName!('web.', false)).toHaveLength(1);
});

function errorsOf(spec: string): string[] {
  return strategy.validate!(created(spec)).map(formatFieldError);
}

function updated(
  previous: Service,
  change: (spec: NonNullable<Service['spec']>) => void,
): { next: Service; errors: string[] } {
  const next = structuredClone(previous);
  change(next.spec!);
  strategy.default!(next);
  strategy.prepareForUpdate!(next, previous, context);
  return { next, errors: strategy.validateUpdate!(next, previous).map(formatFieldError) };
}

const simple = 'spec: {ports: [{port: 80}], clusterIP: 10.96.0.10}';
const nodePort = 'spec: {type: NodePort, ports: [{port: 80, nodePort: 30080}], clusterIP: 10.96.0.10}';

describe('default()', () => {
  it('fills in what upstream fills in for a ClusterIP service', () => {
    expect(serviceOf('spec: {ports: [{port: 80}]}').spec).toEqual({
      type: 'ClusterIP',
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
    });
  });

  it('adds traffic policy and node port allocation for load balancers', () => {
    expect(serviceOf('spec: {type: LoadBalancer, ports: [{port: 80, targetPort: http}]}').spec).toMatchObject({
      externalTrafficPolicy: 'Cluster',
      allocateLoadBalancerNodePorts: true,
      ports: [{ targetPort: 'http' }],
    });
    expect(serviceOf('spec: {type: ExternalName, externalName: a.b}').spec).toEqual({
      type: 'ExternalName',
      externalName: 'a.b',
      sessionAffinity: 'None',
    });
  });

  it('gives ClientIP affinity three hours', () => {
    expect(serviceOf('spec: {sessionAffinity: ClientIP}').spec!.sessionAffinityConfig).toEqual({
      clientIP: { timeoutSeconds: 10800 },
    });
  });
});

describe('validate()', () => {
  it('passes the usual services', () => {
    expect(errorsOf(simple)).toEqual([]);
    expect(errorsOf(nodePort)).toEqual([]);
    expect(errorsOf('spec: {clusterIP: None, selector: {app: web}}')).toEqual([]);
    expect(errorsOf('spec: {type: ExternalName, externalName: example.com.}')).toEqual([]);
    expect(errorsOf('spec: {type: LoadBalancer, externalTrafficPolicy: Local, ports: [{port: 80}]}')).toEqual([]);
    expect(
      errorsOf(
        'spec: {type: LoadBalancer, ports: [{port: 80}], clusterIP: 10.0.0.1, loadBalancerSourceRanges: [" 10.0.0.0/8 "]}',
      ),
    ).toEqual([]);
  });

  it.each([
    ['no ports', 'spec: {}', 'spec.ports: Required value'],
    [
      'a port out of range',
      'spec: {ports: [{port: 0, targetPort: 1}]}',
      'spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
    ],
    ['a missing port name', 'spec: {ports: [{port: 1, name: a}, {port: 2}]}', 'spec.ports[1].name: Required value'],
    [
      'equal port names',
      'spec: {ports: [{port: 1, name: a}, {port: 2, name: a}]}',
      'spec.ports[1].name: Duplicate value: "a"',
    ],
    [
      'a protocol',
      'spec: {ports: [{port: 1, protocol: HTTP}]}',
      'spec.ports[0].protocol: Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"',
    ],
    [
      'a target port',
      'spec: {ports: [{port: 1, targetPort: "-"}]}',
      'spec.ports[0].targetPort: Invalid value: "-": must contain at least one letter (a-z)',
    ],
    [
      'a node port without need',
      'spec: {ports: [{port: 1, nodePort: 30000}]}',
      "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
    ],
    [
      'a type',
      'spec: {type: Foo, ports: [{port: 1}]}',
      'spec.type: Unsupported value: "Foo": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
    ],
    [
      'a cluster IP',
      'spec: {ports: [{port: 1}], clusterIP: x}',
      'spec.clusterIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
    [
      'a headless NodePort service',
      'spec: {type: NodePort, ports: [{port: 1}], clusterIP: None}',
      'spec.clusterIPs[0]: Invalid value: "None": may not be set to \'None\' for NodePort services',
    ],
    [
      'the kubelet port',
      'spec: {type: LoadBalancer, ports: [{port: 10250}]}',
      'spec.ports[0]: Invalid value: 10250: may not expose port 10250 externally since it is used by kubelet',
    ],
    [
      'families twice',
      'spec: {ports: [{port: 1}], ipFamilies: [IPv4, IPv4]}',
      'spec.ipFamilies[1]: Duplicate value: "IPv4"',
    ],
    [
      'a family that does not fit',
      'spec: {ports: [{port: 1}], clusterIP: 10.0.0.1, ipFamilies: [IPv6]}',
      'spec.clusterIPs[0]: Invalid value: "10.0.0.1": expected an IPv6 value as indicated by `ipFamilies[0]`',
    ],
    [
      'a family policy',
      'spec: {ports: [{port: 1}], ipFamilyPolicy: X}',
      'spec.ipFamilyPolicy: Unsupported value: "X": supported values: "PreferDualStack", "RequireDualStack", "SingleStack"',
    ],
    [
      'ExternalName with addresses',
      'spec: {type: ExternalName, externalName: a, clusterIP: 10.0.0.1}',
      'spec.clusterIPs: Forbidden: may not be set for ExternalName services',
    ],
    ['ExternalName without a name', 'spec: {type: ExternalName}', 'spec.externalName: Required value'],
    [
      'an external IP',
      'spec: {ports: [{port: 1}], externalIPs: [127.0.0.1]}',
      'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    ],
    [
      'affinity',
      'spec: {ports: [{port: 1}], sessionAffinity: X}',
      'spec.sessionAffinity: Unsupported value: "X": supported values: "ClientIP", "None"',
    ],
    [
      'affinity timeout',
      'spec: {ports: [{port: 1}], sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 86401}}}',
      'spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than 86400',
    ],
    [
      'external policy without need',
      'spec: {ports: [{port: 1}], externalTrafficPolicy: Local}',
      'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
    ],
    [
      'traffic distribution',
      'spec: {ports: [{port: 1}], trafficDistribution: X}',
      'spec.trafficDistribution: Unsupported value: "X": supported values: "PreferClose", "PreferSameZone", "PreferSameNode"',
    ],
    [
      'load balancer class',
      'spec: {ports: [{port: 1}], loadBalancerClass: a/b}',
      "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'",
    ],
    [
      'source ranges',
      'spec: {ports: [{port: 1}], loadBalancerSourceRanges: [x]}',
      "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'",
    ],
    [
      'a health check port without need',
      'spec: {ports: [{port: 1}], healthCheckNodePort: 30000}',
      "spec.healthCheckNodePort: Invalid value: 30000: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
    ],
  ])('refuses %s', (_name, spec, message) => {
    expect(errorsOf(spec)).toContain(message);
  });

  it('refuses equal ports and node ports, per protocol', () => {
    const spec = `spec:
      type: NodePort
      ports:
      - {name: a, port: 80, nodePort: 30000}
      - {name: b, port: 80, nodePort: 30000}
      - {name: c, port: 80, nodePort: 30000, protocol: UDP}`;
    expect(errorsOf(spec)).toEqual([
      'spec.ports[1].nodePort: Duplicate value: 30000',
      'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,"NodePort":0}',
    ]);
  });
});

describe('updates', () => {
  it('keep the allocated address and node ports that the client left out', () => {
    const { next, errors } = updated(created(nodePort), (spec) => {
      delete spec.clusterIP;
      delete spec.clusterIPs;
      spec.ports = [{ port: 81 }];
    });
    expect(errors).toEqual([]);
    expect(next.spec).toMatchObject({
      clusterIP: '10.96.0.10',
      clusterIPs: ['10.96.0.10'],
      ports: [{ port: 81, nodePort: 30080 }],
    });
  });

  it.each([
    [
      'an address',
      'spec: {ports: [{port: 80}], clusterIP: 10.96.0.10, ipFamilies: [IPv4], ipFamilyPolicy: SingleStack}',
    ],
    [
      'none',
      'spec: {ports: [{port: 80}], clusterIP: None, ipFamilies: [IPv4, IPv6], ipFamilyPolicy: RequireDualStack}',
    ],
  ])('keeps the families of %s that a replacement leaves out', (_title, spec) => {
    const previous = created(spec);
    const { next, errors } = updated(previous, (after) => {
      if (after.clusterIP !== 'None') delete after.clusterIP;
      delete after.clusterIPs;
      delete after.ipFamilies;
    });
    expect(errors).toEqual([]);
    expect(next.spec!.ipFamilies).toEqual(previous.spec!.ipFamilies);
  });

  it('do not give a node port to a second port', () => {
    const { next } = updated(created(nodePort), (spec) => {
      spec.ports = [{ name: 'a', port: 81, nodePort: 30080 }, { port: 80 }];
    });
    expect(next.spec!.ports![1]!.nodePort).toBeUndefined();
  });

  it('refuse another address', () => {
    const { errors } = updated(created(simple), (spec) => {
      spec.clusterIP = '10.96.0.11';
    });
    expect(errors).toEqual(['spec.clusterIPs[0]: Invalid value: ["10.96.0.11"]: may not change once set']);
  });

  it('to ExternalName release address and ports', () => {
    const { next, errors } = updated(created(nodePort), (spec) => {
      spec.type = 'ExternalName';
      spec.externalName = 'example.com';
    });
    expect(errors).toEqual([]);
    expect(next.spec!.clusterIP).toBeUndefined();
    expect(next.spec!.clusterIPs).toBeUndefined();
    expect(next.spec!.externalTrafficPolicy).toBeUndefined();
    expect(next.spec!.ports).toEqual([{ port: 80, protocol: 'TCP', targetPort: 80 }]);
  });

  it('from LoadBalancer to ClusterIP clear what only load balancers have', () => {
    const balancer = created(
      'spec: {type: LoadBalancer, ports: [{port: 80, nodePort: 30080}], clusterIP: 10.0.0.1, loadBalancerClass: a.b/c}',
    );
    balancer.status = { loadBalancer: { ingress: [{ ip: '1.2.3.4' }] } };
    const { next, errors } = updated(balancer, (spec) => {
      spec.type = 'ClusterIP';
    });
    expect(errors).toEqual([]);
    expect(next.spec).not.toHaveProperty('allocateLoadBalancerNodePorts');
    expect(next.spec).not.toHaveProperty('loadBalancerClass');
    expect(next.status).toEqual({ loadBalancer: {} });
  });

  it('release the second address only by SingleStack', () => {
    const dual = created(
      'spec: {ports: [{port: 80}], clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1, "fd00::1"], ipFamilies: [IPv4, IPv6], ipFamilyPolicy: PreferDualStack}',
    );
    expect(strategy.validate!(dual)).toEqual([]);
    const { next, errors } = updated(dual, (spec) => {
      spec.ipFamilyPolicy = 'SingleStack';
    });
    expect(errors).toEqual([]);
    expect(next.spec).toMatchObject({ clusterIPs: ['10.0.0.1'], ipFamilies: ['IPv4'] });
    const dropped = updated(dual, (spec) => {
      spec.clusterIPs = ['10.0.0.1'];
    });
    expect(dropped.errors).toEqual([
      'spec.ipFamilyPolicy: Invalid value: "PreferDualStack": must be set to \'SingleStack\' when releasing the secondary clusterIP',
    ]);
  });

  it('keep the status', () => {
    const previous = created(simple);
    previous.status = { conditions: [] };
    expect(updated(previous, () => undefined).next.status).toEqual({ conditions: [], loadBalancer: {} });
  });
});

describe('status', () => {
  const validate = (service: Service): string[] =>
    strategy.status!.validateUpdate!(service, service).map(formatFieldError);

  it('has ingress for load balancers only', () => {
    const service = created(simple);
    service.status = { loadBalancer: { ingress: [{ ip: '1.2.3.4' }] } };
    expect(validate(service)).toEqual([
      "status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'",
    ]);
  });

  it('has well-formed ingress', () => {
    const service = created('spec: {type: LoadBalancer, ports: [{port: 80}]}');
    service.status = { loadBalancer: { ingress: [{ ip: 'x', ipMode: 'VIP' }, { hostname: '1.2.3.4' }] } };
    expect(validate(service)).toEqual([
      'status.loadBalancer.ingress[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      'status.loadBalancer.ingress[1].hostname: Invalid value: "1.2.3.4": must be a DNS name, not an IP address',
    ]);
  });
});

describe('columns', () => {
  const row = (service: Service): unknown[] =>
    services.additionalPrinterColumns.map(({ cell }) => cell(service, 3_600_000 * 5));

  it('show what kubectl shows', () => {
    const service = created(nodePort);
    service.metadata.creationTimestamp = '1970-01-01T00:00:00Z';
    service.spec!.selector = { b: '2', a: '1' };
    expect(row(service)).toEqual(['NodePort', '10.96.0.10', '<none>', '80:30080/TCP', '5h', 'a=1,b=2']);
  });

  it('show external addresses by type', () => {
    const balancer = created('spec: {type: LoadBalancer, ports: [{port: 80}], clusterIP: 10.0.0.1}');
    expect(row(balancer)[2]).toBe('<pending>');
    balancer.status = { loadBalancer: { ingress: [{ ip: '9.9.9.9' }, { hostname: 'b.example' }] } };
    expect(row(balancer)[2]).toBe('9.9.9.9,b.example');
    expect(row(created('spec: {type: ExternalName, externalName: a.b}')).slice(0, 4)).toEqual([
      'ExternalName',
      '<none>',
      'a.b',
      '<none>',
    ]);
    expect(row({ metadata: {} })[0]).toBe('');
  });
});

it('warns of what headless services ignore', () => {
  const service = created('spec: {clusterIP: None, externalIPs: [10.0.0.1], sessionAffinity: ClientIP}');
  expect(strategy.warnings!(service, undefined)).toEqual([
    'spec.externalIPs is ignored for headless services',
    'spec.SessionAffinity is ignored for headless services',
  ]);
});
