/**
 * PriorityLevelConfiguration: how many requests of one importance run at a time, and how others wait (upstream:
 * `pkg/apis/flowcontrol/validation`, `ValidatePriorityLevelConfiguration`). Stored and checked; the server's own limit
 * does not read them.
 */
import { deepEqual } from '../../machinery/equality.ts';
import { duplicate, fieldPath, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import { defineResource } from '../../machinery/resource.ts';
import { NONE, ageColumn } from '../../table-cells.ts';
import { MANDATORY_PRIORITY_LEVELS } from './bootstrap.ts';
import type { PriorityLevel, PriorityLevelSpec } from './bootstrap.ts';

export type { PriorityLevel } from './bootstrap.ts';

type Limited = NonNullable<PriorityLevelSpec['limited']>;
type Exempt = NonNullable<PriorityLevelSpec['exempt']>;
type LimitResponse = NonNullable<Limited['limitResponse']>;
type Queuing = NonNullable<LimitResponse['queuing']>;

const SPEC = fieldPath('spec');
const TYPES = ['Exempt', 'Limited'];
const RESPONSES = ['Queue', 'Reject'];
const MAX_QUEUES = 10_000_000;
/** `shufflesharding.MaxHashBits` */
const MAX_HASH_BITS = 60;

const queuingOf = ({ spec }: PriorityLevel): Queuing | undefined => spec?.limited?.limitResponse?.queuing;

export const priorityLevelConfigurations = defineResource<PriorityLevel>({
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  scope: 'Cluster',
  names: {
    plural: 'prioritylevelconfigurations',
    singular: 'prioritylevelconfiguration',
    kind: 'PriorityLevelConfiguration',
  },
  schema: 'V1PriorityLevelConfiguration',
  subresources: { status: {} },
  additionalPrinterColumns: [
    { name: 'Type', type: 'string', description: 'Whether requests are limited', cell: ({ spec }) => spec?.type ?? '' },
    {
      name: 'NominalConcurrencyShares',
      type: 'string',
      description: 'Share of the server’s concurrency',
      cell: ({ spec }) => spec?.limited?.nominalConcurrencyShares ?? NONE,
    },
    {
      name: 'Queues',
      type: 'string',
      description: 'Queues of requests that wait',
      cell: (object) => queuingOf(object)?.queues ?? NONE,
    },
    {
      name: 'HandSize',
      type: 'string',
      description: 'Queues that one flow may use',
      cell: (object) => queuingOf(object)?.handSize ?? NONE,
    },
    {
      name: 'QueueLengthLimit',
      type: 'string',
      description: 'Requests that may wait in one queue',
      cell: (object) => queuingOf(object)?.queueLengthLimit ?? NONE,
    },
    ageColumn(),
  ],
  strategy: {
    default: defaultPriorityLevel,
    prepareForCreate(object) {
      object.status = {};
    },
    validate: validatePriorityLevel,
    status: {
      keptMetadata: ['labels', 'annotations', 'finalizers', 'ownerReferences'],
      validateUpdate: validateFlowConditions,
    },
    hasGeneration: true,
  },
});

/** `SetDefaults_…PriorityLevelConfiguration` and `SetDefaults_QueuingConfiguration` of `v1/defaults.go`. */
function defaultPriorityLevel({ spec }: PriorityLevel): void {
  if (spec?.exempt) {
    spec.exempt.nominalConcurrencyShares ??= 0;
    spec.exempt.lendablePercent ??= 0;
  }
  if (!spec?.limited) return;
  spec.limited.nominalConcurrencyShares ??= 30;
  spec.limited.lendablePercent ??= 0;
  const queuing = spec.limited.limitResponse?.queuing;
  if (!queuing) return;
  queuing.queues ||= 64;
  queuing.handSize ||= 8;
  queuing.queueLengthLimit ||= 50;
}

function validatePriorityLevel(object: PriorityLevel): FieldError[] {
  const { name = '' } = object.metadata;
  const spec = object.spec ?? { type: '' };
  const errors = validateSpec(spec, name);
  const mandatory = MANDATORY_PRIORITY_LEVELS.find(({ metadata }) => metadata.name === name)?.spec;
  if (mandatory === undefined) return errors;
  const isExempt = name === 'exempt';
  // How much an exempt level lends is for the administrator to say.
  const wanted = isExempt ? { ...mandatory, exempt: spec.exempt } : mandatory;
  if (deepEqual(spec, wanted)) return errors;
  const except = isExempt ? " except the 'spec.exempt' field" : '';
  return [...errors, invalid(SPEC, spec, `spec of '${name}'${except} must equal the fixed value`)];
}

function validateSpec({ type = '', limited, exempt }: PriorityLevelSpec, name: string): FieldError[] {
  const errors: FieldError[] = [];
  if ((name === 'exempt') !== (type === 'Exempt')) {
    errors.push(invalid(SPEC.child('type'), type, "type must be 'Exempt' if and only if name is 'exempt'"));
  }
  const limitedPath = SPEC.child('limited');
  const exemptPath = SPEC.child('exempt');
  if (type === 'Exempt') {
    if (limited) errors.push(forbidden(limitedPath, 'must be nil if the type is not Limited'));
    return exempt ? [...errors, ...validateExempt(exempt, exemptPath)] : errors;
  }
  if (type !== 'Limited') return [...errors, notSupported(SPEC.child('type'), type, TYPES)];
  if (exempt) errors.push(forbidden(exemptPath, 'must be nil if the type is Limited'));
  if (!limited) return [...errors, required(limitedPath, 'must not be empty when type is Limited')];
  return [...errors, ...validateLimited(limited, limitedPath)];
}

function validateShares(shares: number | undefined, path: FieldPath): FieldError[] {
  const sharesPath = path.child('nominalConcurrencyShares');
  return (shares ?? 0) < 0 ? [invalid(sharesPath, shares, 'must be a non-negative integer')] : [];
}

function validateLendable(percent: number | undefined, path: FieldPath): FieldError[] {
  if (percent === undefined || (percent >= 0 && percent <= 100)) return [];
  return [invalid(path.child('lendablePercent'), percent, 'must be between 0 and 100, inclusive')];
}

function validateExempt({ nominalConcurrencyShares, lendablePercent }: Exempt, path: FieldPath): FieldError[] {
  return [...validateShares(nominalConcurrencyShares, path), ...validateLendable(lendablePercent, path)];
}

function validateLimited(limited: Limited, path: FieldPath): FieldError[] {
  const { nominalConcurrencyShares, limitResponse, lendablePercent, borrowingLimitPercent = 0 } = limited;
  const errors = [
    ...validateShares(nominalConcurrencyShares, path),
    ...validateLimitResponse(limitResponse ?? { type: '' }, path.child('limitResponse')),
    ...validateLendable(lendablePercent, path),
  ];
  if (borrowingLimitPercent >= 0) return errors;
  const detail = 'if specified, must be a non-negative integer';
  return [...errors, invalid(path.child('borrowingLimitPercent'), borrowingLimitPercent, detail)];
}

function validateLimitResponse({ type = '', queuing }: LimitResponse, path: FieldPath): FieldError[] {
  const queuingPath = path.child('queuing');
  if (type === 'Reject') {
    const detail = 'must be nil if limited.limitResponse.type is not Limited';
    return queuing ? [forbidden(queuingPath, detail)] : [];
  }
  if (type !== 'Queue') return [notSupported(path.child('type'), type, RESPONSES)];
  const detail = 'must not be empty if limited.limitResponse.type is Limited';
  return queuing ? validateQueuing(queuing, queuingPath) : [required(queuingPath, detail)];
}

function validateQueuing({ queues = 0, handSize = 0, queueLengthLimit = 0 }: Queuing, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  const queuesPath = path.child('queues');
  if (queueLengthLimit <= 0) errors.push(invalid(path.child('queueLengthLimit'), queueLengthLimit, 'must be positive'));
  if (queues <= 0) errors.push(invalid(queuesPath, queues, 'must be positive'));
  else if (queues > MAX_QUEUES) errors.push(invalid(queuesPath, queues, `must not be greater than ${MAX_QUEUES}`));
  const problem = handSizeProblem(queues, handSize);
  return problem === undefined ? errors : [...errors, invalid(path.child('handSize'), handSize, problem)];
}

function handSizeProblem(queues: number, handSize: number): string | undefined {
  if (handSize <= 0) return 'must be positive';
  if (handSize > queues) return `should not be greater than queues (${queues})`;
  if (requiredEntropyBits(queues, handSize) <= MAX_HASH_BITS) return undefined;
  const subject = `required entropy bits of deckSize ${queues} and handSize ${handSize}`;
  return `${subject} should not be greater than ${MAX_HASH_BITS}`;
}

/** Bits of a hash that choose a hand from a deck (`shufflesharding.RequiredEntropyBits`); ends once it is too many. */
function requiredEntropyBits(deckSize: number, handSize: number): number {
  let bits = 0;
  for (let left = deckSize; left > deckSize - handSize && bits <= MAX_HASH_BITS; left--) bits += Math.log2(left);
  return Math.ceil(bits);
}

/** Conditions of both kinds of the group: each type once. */
export function validateFlowConditions({ status }: { status?: { conditions?: { type?: string }[] } }): FieldError[] {
  const path = fieldPath('status', 'conditions');
  const seen = new Set<string>();
  return (status?.conditions ?? []).flatMap(({ type = '' }, i) => {
    const typePath = path.index(i).child('type');
    const errors = seen.has(type) ? [duplicate(typePath, type)] : [];
    seen.add(type);
    return type === '' ? [...errors, required(typePath, 'must not be empty')] : errors;
  });
}
