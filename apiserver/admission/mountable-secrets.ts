/**
 * Which secrets a pod may use whose service account enforces its list of them (upstream
 * `plugin/pkg/admission/serviceaccount`: `limitSecretReferences`, `limitEphemeralContainerSecretReferences`).
 */
import type { AnyContainer, Pod } from '../../api/core/v1/pod.ts';
import type { ServiceAccount } from '../../api/core/v1/service-account.ts';

const ENFORCE = 'kubernetes.io/enforce-mountable-secrets';
/** What Go takes for true. */
const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);

export function enforcesMountableSecrets({ metadata }: ServiceAccount): boolean {
  return TRUE.has(metadata.annotations?.[ENFORCE] ?? '');
}

/** Undefined when the account lists all that the pod names. */
export function secretProblem({ spec }: Pod, account: ServiceAccount): string | undefined {
  const { initContainers = [], containers = [], volumes = [], imagePullSecrets = [] } = spec ?? {};
  const mountable = namesOf(account.secrets);
  for (const { secret } of volumes) {
    if (secret !== undefined && !mountable.has(secret.secretName ?? ''))
      return notAllowed(`volume with secret.secretName=${quote(secret.secretName)}`, account);
  }
  const problem =
    containersProblem(initContainers, 'init container', account) ?? containersProblem(containers, 'container', account);
  if (problem !== undefined) return problem;
  const pullable = namesOf(account.imagePullSecrets);
  const foreign = imagePullSecrets.findIndex(({ name }) => !pullable.has(name ?? ''));
  if (foreign < 0) return undefined;
  return notAllowed(
    `imagePullSecrets[${foreign}].name=${quote(imagePullSecrets[foreign]!.name)}`,
    account,
    'imagePullSecret',
  );
}

export function ephemeralSecretProblem({ spec }: Pod, account: ServiceAccount): string | undefined {
  return containersProblem(spec?.ephemeralContainers ?? [], 'ephemeral container', account);
}

function containersProblem(
  containers: readonly AnyContainer[],
  what: string,
  account: ServiceAccount,
): string | undefined {
  const mountable = namesOf(account.secrets);
  for (const { name, env = [], envFrom = [] } of containers) {
    for (const variable of env) {
      const reference = variable.valueFrom?.secretKeyRef;
      if (reference !== undefined && !mountable.has(reference.name ?? ''))
        return notAllowed(
          `${what} ${name} with envVar ${variable.name} referencing secret.secretName=${quote(reference.name)}`,
          account,
        );
    }
    for (const { secretRef } of envFrom) {
      if (secretRef !== undefined && !mountable.has(secretRef.name ?? ''))
        return notAllowed(
          `${what} ${name} with envFrom referencing secret.secretName=${quote(secretRef.name)}`,
          account,
        );
    }
  }
  return undefined;
}

function namesOf(references: readonly { name?: string }[] = []): ReadonlySet<string> {
  return new Set(references.map(({ name = '' }) => name));
}

function quote(name = ''): string {
  return `"${name}"`;
}

function notAllowed(what: string, { metadata }: ServiceAccount, kind = 'secret'): string {
  return `${what} is not allowed because service account ${metadata.name ?? ''} does not reference that ${kind}`;
}
