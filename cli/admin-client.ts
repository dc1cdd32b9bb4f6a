/** The administrator's client of the cluster in a data folder, over HTTP. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { HttpClient } from '../client/http.ts';
import { httpClient } from '../client/http.ts';
import type { UpFlags } from './config.ts';
import { UsageError } from './config.ts';
import { openDataFolder } from './data-folder.ts';

interface Kubeconfig {
  clusters: { cluster: { server: string; 'certificate-authority-data': string } }[];
  users: { user: { 'client-certificate-data': string; 'client-key-data': string } }[];
}

/** To be closed. Throws `UsageError` where there is no cluster. */
export function connectAsAdmin(flags: UpFlags, userAgent: string): HttpClient {
  const folder = openDataFolder(flags['dataDir'] as string);
  let config: Kubeconfig;
  try {
    config = parse(readFileSync(folder.file('admin.kubeconfig'), 'utf8')) as Kubeconfig;
  } catch {
    throw new UsageError(`there is no cluster in ${folder.path}; start one with: nocher up`);
  }
  const pem = (base64: string): string => Buffer.from(base64, 'base64').toString();
  const { server, 'certificate-authority-data': ca } = config.clusters[0]!.cluster;
  const { 'client-certificate-data': certificate, 'client-key-data': key } = config.users[0]!.user;
  return httpClient({ server, ca: pem(ca), cert: pem(certificate), key: pem(key), userAgent });
}
