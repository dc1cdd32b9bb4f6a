/** The evaluator of every kind: pods, Services and claims have their own, of all others the number counts. */
import type { ApiObject } from '../../../machinery/meta.ts';
import type { Quantity } from '../../../machinery/quantity.ts';
import { quantityFromInteger, ZERO_QUANTITY } from '../../../machinery/quantity.ts';
import { amountOf } from '../pod/resources.ts';
import type { ResourceAmounts } from '../pod/resources.ts';
import type { ServiceSpec } from '../service/spec.ts';
import { storageClassOf } from '../volume/access-modes.ts';
import type { PersistentVolumeClaim } from '../volume/types.ts';
import type { GroupPlural, QuotaEvaluator } from './evaluator.ts';
import { accepts, countName, ONE } from './evaluator.ts';
import { podQuota } from './pods.ts';

/** Kinds that quotas could count before `count/` came (`legacyObjectCountAliases`). */
const PLAIN_COUNTS = new Set(['configmaps', 'resourcequotas', 'replicationcontrollers', 'secrets']);
/** Kinds that no quota counts (`DefaultIgnoredResources`). */
const IGNORED = new Set(['events.', 'events.events.k8s.io', 'bindings.', 'componentstatuses.']);

/** Undefined for kinds that no quota counts. */
export function quotaEvaluator(kind: GroupPlural): QuotaEvaluator | undefined {
  if (IGNORED.has(`${kind.plural}.${kind.group}`)) return undefined;
  const own = kind.group === '' ? OWN[kind.plural] : undefined;
  return own ?? objectCount(kind);
}

function objectCount(kind: GroupPlural): QuotaEvaluator {
  const names = [countName(kind), ...(kind.group === '' && PLAIN_COUNTS.has(kind.plural) ? [kind.plural] : [])];
  const usage: ResourceAmounts = new Map(names.map((name) => [name, ONE]));
  return { counts: (name) => names.includes(name), usage: () => usage };
}

type Service = ApiObject & { spec?: ServiceSpec };

const SERVICE_RESOURCES = ['count/services', 'services', 'services.nodeports', 'services.loadbalancers'];

/** `pkg/quota/v1/evaluator/core/services.go` */
const serviceQuota: QuotaEvaluator<Service> = {
  counts: (name) => SERVICE_RESOURCES.includes(name),
  usage({ spec }) {
    const usage: ResourceAmounts = new Map([
      ['count/services', ONE],
      ['services', ONE],
      ['services.nodeports', ZERO_QUANTITY],
      ['services.loadbalancers', ZERO_QUANTITY],
    ]);
    const ports = spec?.ports ?? [];
    if (spec?.type === 'NodePort') usage.set('services.nodeports', quantityFromInteger(ports.length));
    if (spec?.type !== 'LoadBalancer') return usage;
    const taken = spec.allocateLoadBalancerNodePorts === false ? ports.filter(({ nodePort }) => nodePort) : ports;
    return usage.set('services.nodeports', quantityFromInteger(taken.length)).set('services.loadbalancers', ONE);
  },
  countsUpdates: true,
};

const CLASS_SUFFIX = '.storageclass.storage.k8s.io/';
const CLAIMS = 'persistentvolumeclaims';
const STORAGE = 'requests.storage';

/** `pkg/quota/v1/evaluator/core/persistent_volume_claims.go` */
const claimQuota: QuotaEvaluator<PersistentVolumeClaim> = {
  counts: (name) =>
    [`count/${CLAIMS}`, CLAIMS, STORAGE].includes(name) ||
    name.endsWith(CLASS_SUFFIX + CLAIMS) ||
    name.endsWith(CLASS_SUFFIX + STORAGE),
  usage(claim) {
    const usage: ResourceAmounts = new Map([
      [`count/${CLAIMS}`, ONE],
      [CLAIMS, ONE],
    ]);
    const storageClass = storageClassOf(claim);
    if (storageClass !== '') usage.set(storageClass + CLASS_SUFFIX + CLAIMS, ONE);
    const size = sizeOf(claim);
    if (size === undefined) return usage;
    usage.set(STORAGE, size);
    if (storageClass !== '') usage.set(storageClass + CLASS_SUFFIX + STORAGE, size);
    return usage;
  },
  isOfScope: (requirement, claim) =>
    requirement.scopeName === 'VolumeAttributesClass' && accepts(requirement, attributesClassesOf(claim)),
  countsUpdates: true,
};

/** While a claim is being made larger or smaller, the larger of what is wanted and what is set aside. */
function sizeOf({ spec, status }: PersistentVolumeClaim): Quantity | undefined {
  if (spec.resources?.requests?.['storage'] === undefined) return undefined;
  const wanted = amountOf(spec.resources.requests, 'storage');
  const allocated = amountOf(status?.allocatedResources, 'storage');
  return allocated.cmp(wanted) > 0 ? allocated : wanted;
}

/** The class that is wanted, that it has, and that it is on its way to. */
function attributesClassesOf({ spec, status }: PersistentVolumeClaim): string[] {
  const names = [
    spec.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ];
  return [...new Set(names.filter((name): name is string => name !== undefined && name !== ''))];
}

const OWN: Readonly<Record<string, QuotaEvaluator>> = {
  pods: podQuota as unknown as QuotaEvaluator,
  services: serviceQuota,
  persistentvolumeclaims: claimQuota as unknown as QuotaEvaluator,
};
