import { describe, expect, it } from '@jest/globals';
import { kindUnderTest } from '../../kind-testing.ts';
import { volumeAttachments } from './volume-attachment.ts';

const { decoded, errors, updateErrors, statusErrors, cells } = kindUnderTest(volumeAttachments);
const good = { attacher: 'csi.example.com', nodeName: 'n1', source: { persistentVolumeName: 'v' } };
const attachment = (spec: object, rest: object = {}) => ({ spec: { ...good, ...spec }, ...rest });
const oneSource = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';
const inline = { accessModes: ['ReadWriteOnce'], csi: { driver: 'd', volumeHandle: 'h' } };

describe('VolumeAttachment', () => {
  it('is not attached when it is made', () => {
    const object = decoded(attachment({}, { status: { attached: true } }));
    volumeAttachments.strategy.prepareForCreate!(object, { user: { name: 'u', groups: [] }, nowMs: 0, dryRun: false });
    expect(object.status).toEqual({ attached: false });
    expect(errors(attachment({}))).toEqual([]);
    expect(errors(attachment({ source: { inlineVolumeSpec: inline } }))).toEqual([]);
  });

  it.each([
    [{ attacher: '' }, ['spec.attacher: Required value', 'spec.attacher: Required value']],
    [{ nodeName: 'A' }, [expect.stringContaining('spec.nodeName: Invalid value: "A"')]],
    [{ source: {} }, [`spec.source: Required value: ${oneSource}`]],
    [{ source: { persistentVolumeName: 'v', inlineVolumeSpec: inline } }, [`spec.source: Forbidden: ${oneSource}`]],
    [
      { source: { persistentVolumeName: 'A' } },
      [expect.stringContaining('spec.source.persistentVolumeName: Invalid value')],
    ],
    [
      { source: { inlineVolumeSpec: { ...inline, capacity: { storage: '1' }, storageClassName: 'x' } } },
      [
        'spec.source.inlineVolumeSpec.capacity: Forbidden: may not be specified in the context of inline volumes',
        'spec.source.inlineVolumeSpec.storageClassName: Forbidden: may not be specified in the context of inline volumes',
      ],
    ],
  ])('refuses %j', (spec, expected) => {
    expect(errors(attachment(spec))).toEqual(expected);
  });

  it('never changes', () => {
    expect(updateErrors(attachment({}), attachment({}))).toEqual([]);
    expect(updateErrors(attachment({ nodeName: 'n2' }), attachment({}))).toEqual([
      expect.stringMatching(/^spec: Invalid value: .*: field is immutable$/),
    ]);
  });

  it('checks what drivers report', () => {
    const status = { attached: false, attachError: { message: 'x'.repeat(1025), errorCode: -1 } };
    expect(statusErrors(attachment({}, { status }), attachment({}))).toEqual([
      expect.stringContaining('status.attachError.message: Too long'),
      'status.attachError.errorCode: Invalid value: -1: must be between 0 and 2147483647, inclusive',
    ]);
  });

  it('shows what is where', () => {
    expect(cells(attachment({}, { status: { attached: true } }))).toMatchObject({
      PV: 'v',
      Node: 'n1',
      Attached: true,
    });
  });
});
