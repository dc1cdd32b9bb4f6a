/** The hello example: applied like any manifest, then waited for until it answers. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { Deployment } from '../api/apps/v1/deployment.ts';
import { deployments } from '../api/apps/v1/deployment.ts';
import type { Service } from '../api/core/v1/service.ts';
import { services } from '../api/core/v1/service.ts';
import { isAlreadyExists } from '../api/machinery/errors.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import type { Resource } from '../api/machinery/resource.ts';
import { apiVersionOf } from '../api/machinery/resource.ts';
import { resources } from '../api/resources.ts';
import { realClock, sleep } from '../base/clock.ts';
import type { Client } from '../client/client.ts';

const NAMESPACE = 'hello';
const NAME = 'hello';
const TIMEOUT_MS = 60_000;
const POLL_MS = 20;

function objectsIn(folder: string): ApiObject[] {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .sort();
  return files.flatMap((name) =>
    parseAllDocuments(readFileSync(join(folder, name), 'utf8')).map((document) => document.toJS() as ApiObject),
  );
}

function resourceOf({ apiVersion, kind }: ApiObject): Resource {
  const found = resources.find((resource) => resource.names.kind === kind && apiVersionOf(resource) === apiVersion);
  if (found === undefined) throw new Error(`the example has an object of an unknown kind: ${apiVersion} ${kind}`);
  return found;
}

/** Creates what is not there yet; what a user has changed stays. */
async function apply(client: Client, folder: string): Promise<void> {
  for (const object of objectsIn(folder)) {
    try {
      await client.create(resourceOf(object), object, { fieldManager: 'nocher-demo' });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }
}

export interface Example {
  /** Of its Service's node port; it answers when there is no problem. */
  url?: string;
  problem?: string;
}

/** Resolves once every replica is available, or with the problem that keeps it, or when the signal aborts. */
export async function runDemo(
  client: Client,
  { folder, signal }: { folder: string; signal: AbortSignal },
): Promise<Example> {
  await apply(client, folder);
  const name = { namespace: NAMESPACE, name: NAME };
  const deadlineMs = realClock.monotonicMs() + TIMEOUT_MS;
  while (realClock.monotonicMs() < deadlineMs && !signal.aborted) {
    const { spec, status } = await client.get<Deployment>(deployments, name);
    if ((status?.availableReplicas ?? 0) >= (spec.replicas ?? 1)) {
      const { spec: service } = await client.get<Service>(services, name);
      return { url: `http://127.0.0.1:${service?.ports?.[0]?.nodePort}` };
    }
    await sleep(realClock, POLL_MS);
  }
  return signal.aborted
    ? {}
    : {
        problem: `its pods are not ready after ${TIMEOUT_MS / 1000} s; look with: nocher kubectl -n ${NAMESPACE} describe pods`,
      };
}
