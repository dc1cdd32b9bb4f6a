/**
 * Kubeconfigs: the administrator's own file, and the context `nocher` in the user's `~/.kube/config`, which is put in
 * beside whatever else is there and taken out again.
 */
import { randomUUID } from 'node:crypto';
import { stringify } from 'yaml';
import { writePrivateFile } from './private-files.ts';
import { putContext, takeContext } from './kubeconfig-context.ts';
import type { KubeconfigChange, KubeconfigUser } from './kubeconfig-user-file.ts';
import { sudoOwner, updateUserKubeconfig, userHome } from './kubeconfig-user-file.ts';

export const CONTEXT_NAME = 'nocher';

export interface KubeconfigContent {
  /** `https://127.0.0.1:6443` */
  server: string;
  /** PEM. */
  ca: string;
  certificate: string;
  privateKey: string;
}

/** A kubeconfig as YAML, with keys and certificates inside: it needs no other file. */
export function adminKubeconfig({ server, ca, certificate, privateKey }: KubeconfigContent): string {
  const data = (pem: string): string => Buffer.from(pem).toString('base64');
  const user = 'nocher-admin';
  const credentials = { 'client-certificate-data': data(certificate), 'client-key-data': data(privateKey) };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: CONTEXT_NAME, cluster: { 'certificate-authority-data': data(ca), server } }],
    contexts: [{ name: CONTEXT_NAME, context: { cluster: CONTEXT_NAME, user } }],
    'current-context': CONTEXT_NAME,
    users: [{ name: user, user: credentials }],
  };
  return stringify(config, { version: '1.1', lineWidth: 0 });
}

/** Mode 0600; under sudo the file belongs to the user who called. */
export async function writeKubeconfig(path: string, text: string, owner = sudoOwner()): Promise<void> {
  await writePrivateFile(path, text, { suffix: randomUUID(), owner });
}

/**
 * Puts the cluster, user and context of `text` into the user's kubeconfig and makes the context the current one.
 * A file that cannot be understood is left alone.
 */
export function mergeContext(text: string, user: KubeconfigUser = currentUser()): Promise<KubeconfigChange> {
  return updateUserKubeconfig(user, { create: true, edit: (present) => putContext(present ?? '', text) });
}

/** Takes the context out again; the context that was current before becomes current when ours still is. */
export function removeContext(user: KubeconfigUser = currentUser()): Promise<KubeconfigChange> {
  return updateUserKubeconfig(user, {
    create: false,
    edit: (present) => (present === undefined ? undefined : takeContext(present, CONTEXT_NAME)),
  });
}

function currentUser(): KubeconfigUser {
  const owner = sudoOwner();
  return { home: userHome(owner), owner };
}
