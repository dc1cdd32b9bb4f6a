/**
 * ServiceAccount: gives pods their service account and mounts its token, the cluster's CA and the namespace, and sees
 * to it that they use no secrets but those they may (upstream `plugin/pkg/admission/serviceaccount/admission.go`).
 */
import type { Lister } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { Container, Pod } from '../../api/core/v1/pod.ts';
import type { ServiceAccount } from '../../api/core/v1/service-account.ts';
import * as errors from '../../api/machinery/errors.ts';
import { referencesOf } from '../authz/pod-references.ts';
import type { Random } from '../../base/random.ts';
import { randomSuffix } from '../../base/random.ts';
import type { AdmissionPlugin } from './admission.ts';
import { enforcesMountableSecrets, ephemeralSecretProblem, secretProblem } from './mountable-secrets.ts';

export const TOKEN_MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
const VOLUME_PREFIX = 'kube-api-access-';
/** An hour and seven seconds: kubelets renew at 80 %. */
const TOKEN_EXPIRATION_SECONDS = 3607;
const MIRROR_POD_ANNOTATION = 'kubernetes.io/config.mirror';

export function serviceAccountAdmission(serviceAccounts: Lister<ServiceAccount>, random: Random): AdmissionPlugin {
  return {
    name: 'ServiceAccount',
    mutate({ operation, resource, subresource, object, namespace }) {
      if (operation !== 'CREATE' || resource.names.plural !== 'pods' || resource.group !== '' || subresource !== '')
        return;
      const pod = object as Pod;
      if (pod.metadata.annotations?.[MIRROR_POD_ANNOTATION] !== undefined || pod.spec === undefined) return;
      nameAccount(pod.spec);
      const account = accountOf(pod, namespace, serviceAccounts);
      if (wantsToken(pod, account)) mountToken(pod, random);
      if ((pod.spec.imagePullSecrets ?? []).length === 0 && (account.imagePullSecrets ?? []).length > 0) {
        pod.spec.imagePullSecrets = account.imagePullSecrets!.map((reference) => ({ ...reference }));
      }
    },
    validate({ operation, resource, subresource, object, namespace, name }) {
      if (resource.names.plural !== 'pods' || resource.group !== '') return;
      const pod = object as Pod;
      const isMirror = pod?.metadata.annotations?.[MIRROR_POD_ANNOTATION] !== undefined;
      const refuse = (problem: string | undefined): void => {
        if (problem !== undefined) throw errors.forbiddenError({ group: '', resource: 'pods' }, name, problem);
      };
      const among = (problemOf: typeof secretProblem): void => {
        const account = accountOf(pod, namespace, serviceAccounts);
        if (enforcesMountableSecrets(account)) refuse(problemOf(pod, account));
      };
      if (operation === 'CREATE' && subresource === '') {
        if (isMirror) refuse(mirrorProblem(pod));
        else among(secretProblem);
      } else if (operation === 'UPDATE' && subresource === 'ephemeralcontainers') among(ephemeralSecretProblem);
    },
  };
}

/** A mirror pod is a file's of its node: nothing of the cluster's secrets comes with it. (Tokens need an account.) */
function mirrorProblem(pod: Pod): string | undefined {
  if ((pod.spec?.serviceAccountName ?? '') !== '') return 'a mirror pod may not reference service accounts';
  if (referencesOf(pod).secrets.size > 0) return 'a mirror pod may not reference secrets';
  return undefined;
}

/** `serviceAccount` is the deprecated alias. */
function nameAccount(spec: NonNullable<Pod['spec']>): void {
  spec.serviceAccountName ||= 'default';
  spec.serviceAccount = spec.serviceAccountName;
}

function accountOf(pod: Pod, namespace: string, serviceAccounts: Lister<ServiceAccount>): ServiceAccount {
  const { serviceAccountName: name = '' } = pod.spec ?? {};
  const account = serviceAccounts.get(namespace, name);
  if (account === undefined) {
    const cause = `error looking up service account ${namespace}/${name}: serviceaccount ${JSON.stringify(name)} not found`;
    throw errors.forbiddenError({ group: '', resource: 'pods' }, pod.metadata.name ?? '', cause);
  }
  return account;
}

function wantsToken(pod: Pod, account: ApiObject & { automountServiceAccountToken?: boolean }): boolean {
  return pod.spec!.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
}

function mountToken(pod: Pod, random: Random): void {
  const spec = pod.spec!;
  const existing = spec.volumes?.find(({ name }) => name?.startsWith(VOLUME_PREFIX))?.name;
  const name = existing ?? VOLUME_PREFIX + randomSuffix(random);
  let mounted = false;
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])] as Container[]) {
    const mounts = (container.volumeMounts ??= []);
    if (mounts.some(({ mountPath }) => mountPath === TOKEN_MOUNT_PATH)) continue;
    mounts.push({ name, readOnly: true, mountPath: TOKEN_MOUNT_PATH });
    mounted = true;
  }
  if (existing !== undefined || !mounted) return;
  (spec.volumes ??= []).push({
    name,
    projected: {
      defaultMode: 0o644,
      sources: [
        { serviceAccountToken: { expirationSeconds: TOKEN_EXPIRATION_SECONDS, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
          },
        },
      ],
    },
  });
}
