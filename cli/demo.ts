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
  const files = readdirSync(folder).filter((name) => name.endsWith('.yaml')).sort();
  return files.flatMap((name) => parseAllDocuments(readFileSync(join(folder, name), 'utf8')).map((document) => document.toJS() as ApiObject));
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

/** Resolves with the URL once every replica is available; undefined when that takes too long. */
export async function runDemo(client: Client, folder: string): Promise<string | undefined> {
  await apply(client, folder);
  const name = { namespace: NAMESPACE, name: NAME };
  const deadlineMs = realClock.monotonicMs() + TIMEOUT_MS;
  while (realClock.monotonicMs() < deadlineMs) {
    const { spec, status } = await client.get<Deployment>(deployments, name);
    if ((status?.availableReplicas ?? 0) >= (spec.replicas ?? 1)) {
      const { spec: service } = await client.get<Service>(services, name);
      return `http://127.0.0.1:${service?.ports?.[0]?.nodePort}`;
    }
    await sleep(realClock, POLL_MS);
  }
  return undefined;
}
