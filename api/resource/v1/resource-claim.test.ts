import { describe, expect, it } from '@jest/globals';
import { formatFieldError } from '../../machinery/field-error.ts';
import { deviceClasses } from './device-class.ts';
import type { DeviceClass } from './device-class.ts';
import { resourceClaimTemplates } from './resource-claim-template.ts';
import type { ResourceClaimTemplate } from './resource-claim-template.ts';
import { resourceClaims } from './resource-claim.ts';
import type { ResourceClaim } from './resource-claim.ts';

const exactly = { deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 1 };
const request = { name: 'gpu', exactly };
const claim = (devices: object, status?: object): ResourceClaim =>
  ({ metadata: { name: 'c', namespace: 'd' }, spec: { devices }, ...(status ? { status } : {}) }) as ResourceClaim;
const errorsOf = (devices: object): string[] =>
  resourceClaims.strategy.validate!(claim(devices)).map((error) =>
    formatFieldError(error).replace('spec.devices.', ''),
  );
const withRequest = (fields: object): string[] =>
  errorsOf({ requests: [{ name: 'gpu', exactly: { ...exactly, ...fields } }] }).map((text) =>
    text.replace('requests[0].exactly.', ''),
  );

describe('resource claims', () => {
  it('ask for one device by default, and for tolerations by value', () => {
    const object = claim({
      requests: [
        { name: 'a', exactly: { deviceClassName: 'x', tolerations: [{ key: 'k' }] } },
        { name: 'b', exactly: { deviceClassName: 'x', allocationMode: 'All' } },
        { name: 'c', firstAvailable: [{ name: 'd', deviceClassName: 'x' }] },
      ],
    });
    resourceClaims.strategy.default!(object);
    expect(object.spec.devices!.requests).toEqual([
      {
        name: 'a',
        exactly: {
          deviceClassName: 'x',
          allocationMode: 'ExactCount',
          count: 1,
          tolerations: [{ key: 'k', operator: 'Equal' }],
        },
      },
      { name: 'b', exactly: { deviceClassName: 'x', allocationMode: 'All' } },
      { name: 'c', firstAvailable: [{ name: 'd', deviceClassName: 'x', allocationMode: 'ExactCount', count: 1 }] },
    ]);
  });

  it('ask in one way for each request, and name each once', () => {
    expect(errorsOf({ requests: [request] })).toEqual([]);
    expect(errorsOf({ requests: [{ name: 'a' }] })).toEqual([
      'requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required',
    ]);
    expect(errorsOf({ requests: [{ ...request, firstAvailable: [{}] }] })).toEqual([
      'requests[0]: Invalid value: null: exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set',
    ]);
    expect(errorsOf({ requests: [request, request] })).toEqual(['requests[1]: Duplicate value: "gpu"']);
    expect(errorsOf({ requests: Array.from({ length: 33 }, (_, i) => ({ ...request, name: `r${i}` })) })).toEqual([
      'requests: Too many: 33: must have at most 32 items',
    ]);
  });

  it('check class, selectors, count and tolerations', () => {
    expect(withRequest({ deviceClassName: '' })).toEqual(['deviceClassName: Required value']);
    expect(withRequest({ allocationMode: 'All', count: 2 })).toEqual([
      "count: Invalid value: 2: must not be specified when allocationMode is 'All'",
    ]);
    expect(withRequest({ count: -1 })).toEqual(['count: Invalid value: -1: must be greater than zero']);
    expect(withRequest({ allocationMode: 'Some' })).toEqual([
      'allocationMode: Unsupported value: "Some": supported values: "All", "ExactCount"',
    ]);
    expect(
      withRequest({ selectors: [{}, { cel: { expression: '' } }, { cel: { expression: 'x'.repeat(10_241) } }] }),
    ).toEqual([
      'selectors[0].cel: Required value',
      'selectors[1].cel.expression: Required value',
      'selectors[2].cel.expression: Too long: may not be more than 10240 bytes',
    ]);
    expect(
      withRequest({
        tolerations: [{ operator: 'Exists', value: 'v' }, { operator: 'Is' }, { operator: 'Exists', effect: 'X' }],
      }),
    ).toEqual([
      'tolerations[0].value: Invalid value: "v": must be empty for operator `Exists`',
      'tolerations[1].operator: Unsupported value: "Is": supported values: "Equal", "Exists"',
      'tolerations[2].effect: Unsupported value: "X": supported values: "NoExecute", "NoSchedule", "None"',
    ]);
  });

  it('refer only to requests that they have', () => {
    const requests = [{ name: 'a', firstAvailable: [{ name: 'b', ...exactly }] }];
    expect(errorsOf({ requests, constraints: [{ requests: ['a', 'a/b'], matchAttribute: 'e.com/model' }] })).toEqual(
      [],
    );
    const unknown =
      "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
    expect(
      errorsOf({ requests, config: [{ requests: ['z', 'a/b/c'], opaque: { driver: 'e.com', parameters: {} } }] }),
    ).toEqual([
      `config[0].requests[0]: Invalid value: "z": ${unknown}`,
      `config[0].requests[1]: Invalid value: "a/b/c": ${unknown}`,
    ]);
    expect(errorsOf({ constraints: [{ matchAttribute: 'model' }, {}] })).toEqual([
      'constraints[0].matchAttribute: Invalid value: "model": a fully qualified name must be a domain and a name separated by a slash',
      'constraints[1]: Required value: exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set',
    ]);
    expect(errorsOf({ config: [{}, { opaque: { driver: '', parameters: [] } }] })).toEqual([
      'config[0].opaque: Required value',
      'config[1].opaque.driver: Required value',
      'config[1].opaque.parameters: Invalid value: "<value omitted>": must be a valid JSON object',
    ]);
  });

  it('never change what they ask for', () => {
    const { validateUpdate } = resourceClaims.strategy;
    expect(validateUpdate!(claim({ requests: [request] }), claim({ requests: [request] }))).toEqual([]);
    expect(validateUpdate!(claim({}), claim({ requests: [request] })).map(formatFieldError)).toEqual([
      expect.stringMatching(/^spec: Invalid value: .*: field is immutable$/),
    ]);
  });

  it('show how far they are', () => {
    const state = (status?: object, deletionTimestamp?: string): unknown => {
      const object = claim({}, status);
      if (deletionTimestamp !== undefined) object.metadata.deletionTimestamp = deletionTimestamp;
      return resourceClaims.additionalPrinterColumns[0]!.cell(object, 0);
    };
    expect(state()).toBe('pending');
    expect(state({ allocation: {} })).toBe('allocated');
    expect(state({ allocation: {}, reservedFor: [{}] }, 'now')).toBe('deleted,allocated,reserved');
    expect(state(undefined, 'now')).toBe('deleted');
  });
});

describe('the status of a resource claim', () => {
  const result = { request: 'gpu', driver: 'e.com', pool: 'p', device: 'd' };
  const allocation = { devices: { results: [result] } };
  const user = { resource: 'pods', name: 'web', uid: 'u1' };
  const update = (next: object, previous: object = {}): string[] =>
    resourceClaims.strategy.status!.validateUpdate!(
      claim({ requests: [request] }, next),
      claim({ requests: [request] }, previous),
    ).map(formatFieldError);

  it('says what was allocated, once', () => {
    expect(update({ allocation })).toEqual([]);
    expect(update({ allocation: { devices: { results: [{ ...result, device: 'other' }] } } }, { allocation })).toEqual([
      expect.stringMatching(/^status\.allocation: Invalid value: .*: field is immutable$/),
    ]);
    const bad = { request: 'z', driver: '', pool: 'P', device: '', shareID: 'x' };
    const paths = update({ allocation: { devices: { results: [bad] } } }).map((text) => text.split(':')[0]);
    const at = 'status.allocation.devices.results[0]';
    expect(paths).toEqual([`${at}.request`, `${at}.driver`, `${at}.pool`, `${at}.device`, `${at}.shareID`]);
  });

  it('reserves only what is allocated', () => {
    expect(update({ allocation, reservedFor: [user] })).toEqual([]);
    expect(update({ reservedFor: [user] })).toEqual([
      'status.reservedFor: Forbidden: may not be specified when `allocated` is not set',
    ]);
    expect(update({ allocation, reservedFor: [{}] })).toEqual(
      ['resource', 'name', 'uid'].map((field) => `status.reservedFor[0].${field}: Required value`),
    );
    const going = claim({ requests: [request] }, { allocation, reservedFor: [user] });
    going.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    const { validateUpdate } = resourceClaims.strategy.status!;
    expect(validateUpdate!(going, going)).toEqual([]);
    expect(validateUpdate!(going, claim({}, { allocation })).map(formatFieldError)).toEqual([
      'status.reservedFor: Forbidden: new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set',
    ]);
  });

  it('has statuses of allocated devices alone, and loses them with the allocation', () => {
    const device = { driver: 'e.com', pool: 'p', device: 'd' };
    expect(update({ allocation, devices: [device] })).toEqual([]);
    expect(update({ allocation, devices: [{ ...device, device: 'z' }] })).toEqual([
      'status.devices[0]: Invalid value: "e.com/p/z": must be an allocated device in the claim',
    ]);
    const networkData = { interfaceName: 'i'.repeat(257), ips: ['10.0.0.5/24', '10.0.0.05/24'] };
    expect(update({ allocation, devices: [{ ...device, networkData, data: 'text' }] })).toEqual([
      'status.devices[0].data: Invalid value: "<value omitted>": must be a valid JSON object',
      'status.devices[0].networkData.interfaceName: Too long: may not be more than 256 bytes',
      'status.devices[0].networkData.ips[1]: Invalid value: "10.0.0.05/24": must be in canonical form ("10.0.0.5/24")',
    ]);
    const next = claim({}, { devices: [device] });
    const context = { user: { name: 'u', groups: [] }, nowMs: 0, dryRun: false };
    resourceClaims.strategy.status!.prepareForUpdate!(next, claim({}, { allocation, devices: [device] }), context);
    expect(next.status).toEqual({});
  });
});

describe('templates and classes', () => {
  it('check the claim in a template, and keep it', () => {
    const template = (spec: object): ResourceClaimTemplate =>
      ({ metadata: { name: 't' }, spec }) as ResourceClaimTemplate;
    const bad = template({ metadata: { labels: { 'a b': 'c' } }, spec: { devices: { requests: [{ name: 'A' }] } } });
    const fields = resourceClaimTemplates.strategy.validate!(bad).map(({ field }) => field);
    expect(fields).toEqual([
      'spec.metadata.labels',
      'spec.spec.devices.requests[0].name',
      'spec.spec.devices.requests[0]',
    ]);
    expect(resourceClaimTemplates.strategy.validateUpdate!(bad, template({ spec: {} }))).toHaveLength(1);
  });

  it('check selectors, configuration and resource name of a class', () => {
    const errors = (spec: object): string[] =>
      deviceClasses.strategy.validate!({ metadata: { name: 'c' }, spec } as DeviceClass).map(formatFieldError);
    expect(errors({ extendedResourceName: 'example.com/gpu' })).toEqual([]);
    expect(errors({ selectors: [{}], config: [{}], extendedResourceName: 'cpu' })).toEqual([
      'spec.selectors[0].cel: Required value',
      'spec.config[0].opaque: Required value',
      'spec.extendedResourceName: Invalid value: "cpu": must be a valid extended resource name',
    ]);
  });
});
