import { describe, expect, it } from '@jest/globals';
import { formatFieldError } from '../../machinery/field-error.ts';
import { resources } from '../../resources.ts';
import { apiServices } from './api-service.ts';
import type { ApiService } from './api-service.ts';
import { localApiServices } from './local-api-services.ts';

const good = { group: 'a.io', version: 'v1', groupPriorityMinimum: 100, versionPriority: 10 };
const service = { namespace: 'd', name: 's' };
const of = (spec: object = {}, name = 'v1.a.io'): ApiService =>
  ({ metadata: { name }, spec: { ...good, ...spec } }) as ApiService;
const errorsOf = (object: ApiService): string[] => apiServices.strategy.validate!(object).map(formatFieldError);
const context = { user: { name: 'u', groups: [] }, nowMs: 0, dryRun: false };

describe('API services', () => {
  it('are named after version and group', () => {
    expect(errorsOf(of())).toEqual([]);
    expect(errorsOf(of({ group: '' }, 'v1.'))).toEqual([]);
    expect(errorsOf(of({}, 'other'))).toEqual([
      'metadata.name: Invalid value: "other": must be `spec.version+"."+spec.group`: "v1.a.io"',
    ]);
    expect(errorsOf(of({ group: '', version: 'v2' }, 'v2.'))).toEqual([
      'spec.group: Required value: only v1 may have an empty group and it better be legacy kube',
    ]);
    expect(errorsOf(of({ version: '1' }, '1.a.io'))[0]).toContain('spec.version: Invalid value: "1": a DNS-1035 label');
  });

  it('have priorities', () => {
    expect(errorsOf(of({ groupPriorityMinimum: 0, versionPriority: 1001 }))).toEqual([
      'spec.groupPriorityMinimum: Invalid value: 0: must be positive and less than 20000',
      'spec.versionPriority: Invalid value: 1001: must be positive and less than 1000',
    ]);
  });

  it('check how the Service is trusted', () => {
    expect(errorsOf(of({ caBundle: 'AAAA', insecureSkipTLSVerify: true }))).toEqual([
      'spec.caBundle: Invalid value: "3 bytes": local APIServices may not have a caBundle',
      'spec.insecureSkipTLSVerify: Invalid value: true: local APIServices may not have insecureSkipTLSVerify',
    ]);
    expect(errorsOf(of({ service, insecureSkipTLSVerify: true }))).toEqual([]);
    expect(errorsOf(of({ service: {}, caBundle: 'AAAA', insecureSkipTLSVerify: true }))).toEqual([
      'spec.service.namespace: Required value',
      'spec.service.name: Required value',
      'spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present',
    ]);
  });

  it('are available at once when this server has them', () => {
    const local = of();
    apiServices.strategy.prepareForCreate!(local, context);
    expect(local.status!.conditions).toEqual([
      expect.objectContaining({
        type: 'Available',
        status: 'True',
        reason: 'Local',
        lastTransitionTime: '1970-01-01T00:00:00Z',
      }),
    ]);
    const remote = { ...of({ service }), status: local.status } as ApiService;
    apiServices.strategy.default!(remote);
    apiServices.strategy.prepareForCreate!(remote, context);
    expect(remote).toMatchObject({ spec: { service: { port: 443 } }, status: {} });
    expect(remote.status!.conditions).toBeUndefined();
  });

  it('show who serves, and whether', () => {
    const cells = (object: ApiService): unknown[] =>
      apiServices.additionalPrinterColumns.slice(0, 2).map(({ cell }) => cell(object, 0));
    const available = (status: string, reason?: string): object => ({
      status: { conditions: [{ type: 'Available', status, ...(reason === undefined ? {} : { reason }) }] },
    });
    expect(cells({ ...of(), ...available('True', 'Local') })).toEqual(['Local', 'True']);
    expect(cells({ ...of({ service }), ...available('False', 'ServiceNotFound') })).toEqual([
      'd/s',
      'False (ServiceNotFound)',
    ]);
    expect(cells(of({ service }))).toEqual(['d/s', 'Unknown']);
  });
});

describe('localApiServices()', () => {
  it('names every version that the table serves, each valid', () => {
    const all = localApiServices(resources);
    expect(all.map(({ metadata }) => metadata.name)).toEqual(
      expect.arrayContaining(['v1.', 'v1.apps', 'v1.networking.k8s.io', 'v1.flowcontrol.apiserver.k8s.io']),
    );
    for (const object of all) expect(errorsOf(object)).toEqual([]);
    const served = new Set(resources.map(({ group, version }) => `${version}.${group}`));
    served.delete('v1.apiregistration.k8s.io');
    expect(all.map(({ metadata }) => metadata.name).sort()).toEqual([...served].sort());
  });

  it('leaves out groups that are none of upstream’s', () => {
    expect(localApiServices([{ group: 'example.com', version: 'v1' }])).toEqual([]);
  });
});
