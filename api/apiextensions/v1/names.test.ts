import { describe, expect, it } from '@jest/globals';
import { approvalCondition, validateApproval } from './approval.ts';
import { findCondition, isConditionTrue, removeCondition, setCondition } from './conditions.ts';
import { DELETION_COMPLETED, DELETION_IN_PROGRESS, DELETION_PENDING } from './finalization.ts';
import { decideNames, establish, updateNames } from './names.ts';
import type { CustomResourceDefinition, CustomResourceDefinitionNames } from './types.ts';

const NOW = '2026-01-01T00:00:00Z';
const LATER = '2026-01-01T00:00:01Z';

const widgetNames = { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' };

function defined(names: CustomResourceDefinitionNames, group = 'example.com'): CustomResourceDefinition {
  return {
    metadata: { name: `${names.plural}.${group}` },
    spec: { group, scope: 'Namespaced', names, versions: [] },
    status: { acceptedNames: { plural: '', kind: '' }, conditions: [], storedVersions: ['v1'] },
  };
}

function accepted(names: CustomResourceDefinitionNames, group?: string): CustomResourceDefinition {
  const definition = defined(names, group);
  updateNames(definition, [], NOW);
  return definition;
}

describe('decideNames()', () => {
  it('accepts names that nobody has', () => {
    const names = { ...widgetNames, shortNames: ['wd'], categories: ['all'] };
    const decision = decideNames(defined(names), []);
    expect(decision).toEqual({
      acceptedNames: names,
      namesAccepted: { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' },
      established: {
        type: 'Established',
        status: 'False',
        reason: 'Installing',
        message: 'the initial names have been accepted',
      },
    });
  });

  it.each([
    ['PluralConflict', { plural: 'widgets' }, '"widgets" is already in use'],
    ['PluralConflict', { plural: 'wd' }, '"wd" is already in use'],
    ['SingularConflict', { singular: 'widgets' }, '"widgets" is already in use'],
    [
      'ShortNamesConflict',
      { shortNames: ['widget', 'free', 'wd'] },
      '["widget" is already in use, "wd" is already in use]',
    ],
    ['KindConflict', { kind: 'WidgetList' }, '"WidgetList" is already in use'],
    ['ListKindConflict', { listKind: 'Widget' }, '"Widget" is already in use'],
  ])('%s for %j', (reason, change, message) => {
    const other = accepted({ ...widgetNames, shortNames: ['wd'] });
    const names = { plural: 'gadgets', singular: 'gadget', kind: 'Gadget', listKind: 'GadgetList', ...change };
    const { namesAccepted, established, acceptedNames } = decideNames(defined(names), [other]);
    expect(namesAccepted).toEqual({ type: 'NamesAccepted', status: 'False', reason, message });
    expect(established).toMatchObject({
      status: 'False',
      reason: 'NotAccepted',
      message: 'not all names are accepted',
    });
    const refused = Object.keys(change)[0] as keyof typeof names;
    expect(acceptedNames[refused] || undefined).toBeUndefined();
    const others = Object.keys(names).filter((key) => key !== refused) as (keyof typeof names)[];
    for (const key of others) expect(acceptedNames[key]).toBe(names[key]);
  });

  it('leaves other groups and refused names out of account', () => {
    expect(decideNames(defined(widgetNames), [accepted(widgetNames, 'other.com')]).namesAccepted.status).toBe('True');
    expect(decideNames(defined(widgetNames), [defined(widgetNames)]).namesAccepted.status).toBe('True');
  });

  it('keeps an established kind established when a new short name is refused', () => {
    const definition = accepted({ ...widgetNames, shortNames: ['wd'] });
    expect(establish(definition, NOW)).toBe(true);
    definition.spec.names = { ...widgetNames, shortNames: ['gd'] };
    const other = accepted({ plural: 'gadgets', singular: 'gadget', kind: 'Gadget', shortNames: ['gd'] });
    expect(updateNames(definition, [definition, other], LATER)).toBe(true);
    expect(definition.status?.acceptedNames?.shortNames).toEqual(['wd']);
    expect(findCondition(definition, 'NamesAccepted')).toMatchObject({
      status: 'False',
      reason: 'ShortNamesConflict',
      lastTransitionTime: LATER,
    });
    expect(findCondition(definition, 'Established')).toMatchObject({
      status: 'True',
      reason: 'InitialNamesAccepted',
      lastTransitionTime: NOW,
    });
    expect(updateNames(definition, [definition, other], LATER)).toBe(false);
  });

  it('gives up short names that are no longer asked for', () => {
    const definition = accepted({ ...widgetNames, shortNames: ['wd'] });
    definition.spec.names = widgetNames;
    expect(updateNames(definition, [defined({ plural: 'x', kind: 'X' })], LATER)).toBe(true);
    expect(definition.status?.acceptedNames).toEqual(widgetNames);
  });
});

describe('establish()', () => {
  it('waits for the names and happens once', () => {
    const definition = defined(widgetNames);
    expect(establish(definition, NOW)).toBe(false);
    updateNames(definition, [], NOW);
    expect(isConditionTrue(definition, 'Established')).toBe(false);
    expect(establish(definition, LATER)).toBe(true);
    expect(establish(definition, LATER)).toBe(false);
    expect(findCondition(definition, 'Established')).toEqual({
      type: 'Established',
      status: 'True',
      reason: 'InitialNamesAccepted',
      message: 'the initial names have been accepted',
      lastTransitionTime: LATER,
    });
  });
});

describe('setCondition()', () => {
  it('changes the time with the status only', () => {
    const definition = defined(widgetNames);
    setCondition(definition, DELETION_PENDING, NOW);
    setCondition(definition, DELETION_IN_PROGRESS, LATER);
    expect(findCondition(definition, 'Terminating')).toEqual({ ...DELETION_IN_PROGRESS, lastTransitionTime: NOW });
    setCondition(definition, DELETION_COMPLETED, LATER);
    expect(findCondition(definition, 'Terminating')).toEqual({ ...DELETION_COMPLETED, lastTransitionTime: LATER });
    removeCondition(definition, 'Terminating');
    expect(definition.status?.conditions).toEqual([]);
  });
});

describe('approval of community groups', () => {
  const annotated = (value?: string, group = 'x.k8s.io'): CustomResourceDefinition => {
    const definition = defined(widgetNames, group);
    if (value !== undefined) definition.metadata.annotations = { 'api-approved.kubernetes.io': value };
    return definition;
  };
  const MISSING =
    'protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111';
  const INVALID =
    'protected groups must have approval annotation "api-approved.kubernetes.io" with either a URL or a reason starting with "unapproved", see https://github.com/kubernetes/enhancements/pull/1111';

  it.each([
    [undefined, [`Required value: ${MISSING}`], 'False', 'MissingAnnotation', MISSING],
    ['maybe', [`Invalid value: "maybe": ${INVALID}`], 'False', 'InvalidAnnotation', INVALID],
    ['https://', [`Invalid value: "https://": ${INVALID}`], 'False', 'InvalidAnnotation', INVALID],
    ['unapproved, testing', [], 'False', 'UnapprovedAnnotation', 'not approved: "unapproved, testing"'],
    ['https://g.co/1', [], 'True', 'ApprovedAnnotation', 'approved in https://g.co/1'],
  ])('%j', (value, messages, status, reason, message) => {
    const definition = annotated(value);
    const errors = validateApproval(definition);
    expect(errors.map((error) => error.message)).toEqual(messages);
    for (const { field } of errors) expect(field).toBe('metadata.annotations[api-approved.kubernetes.io]');
    expect(approvalCondition(definition)).toEqual({
      type: 'KubernetesAPIApprovalPolicyConformant',
      status,
      reason,
      message,
    });
    expect(validateApproval(definition, annotated(value))).toEqual([]);
  });

  it('concerns their groups alone', () => {
    for (const group of ['example.com', 'notk8s.io', 'k8s.io.example.com']) {
      expect(validateApproval(annotated(undefined, group))).toEqual([]);
      expect(approvalCondition(annotated(undefined, group))).toBeUndefined();
    }
    for (const group of ['k8s.io', 'kubernetes.io', 'a.kubernetes.io']) {
      expect(validateApproval(annotated(undefined, group))).toHaveLength(1);
    }
  });

  it('may not get worse in an update', () => {
    expect(validateApproval(annotated('maybe'), annotated('https://g.co/1'))).toHaveLength(1);
    expect(validateApproval(annotated('maybe'), annotated('never'))).toEqual([]);
  });
});
