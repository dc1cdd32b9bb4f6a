/** The hello example: applied like any manifest, then waited for until it answers. */
import { readdirSync, readFileSync } from 'node:fs';
import { get } from 'node:http';
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
const PODS_TIMEOUT_MS = 60_000;
const URL_TIMEOUT_MS = 5000;
const POLL_MS = 20;
const ANSWER_TIMEOUT_MS = 1000;

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
  /** Of its Service's node port, which has answered; undefined with simulated pods. */
  url?: string;
  problem?: string;
}

function answers(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(url, { timeout: ANSWER_TIMEOUT_MS, agent: false }, (response) => {
      response.resume();
      resolve(true);
    });
    request.once('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}

/** Whether it came true in time; false as well when the signal aborts. */
async function becomesTrue(
  condition: () => Promise<boolean>,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<boolean> {
  const deadlineMs = realClock.monotonicMs() + timeoutMs;
  while (realClock.monotonicMs() < deadlineMs && !signal.aborted) {
    if (await condition()) return true;
    await sleep(realClock, POLL_MS);
  }
  return false;
}

interface DemoOptions {
  folder: string;
  /** Whether its pods run, and their Service can answer. */
  realPods: boolean;
  signal: AbortSignal;
}

/** Resolves once every replica is available and the URL answers, or with what keeps it, or when the signal aborts. */
export async function runDemo(client: Client, { folder, realPods, signal }: DemoOptions): Promise<Example> {
  await apply(client, folder);
  const name = { namespace: NAMESPACE, name: NAME };
  const available = async (): Promise<boolean> => {
    const { spec, status } = await client.get<Deployment>(deployments, name);
    return (status?.availableReplicas ?? 0) >= (spec.replicas ?? 1);
  };
  const look = `look with: nocher kubectl -n ${NAMESPACE} describe`;
  if (!(await becomesTrue(available, { timeoutMs: PODS_TIMEOUT_MS, signal })))
    return signal.aborted ? {} : { problem: `its pods are not ready after ${PODS_TIMEOUT_MS / 1000} s; ${look} pods` };
  if (!realPods) return {};
  const { spec } = await client.get<Service>(services, name);
  const url = `http://127.0.0.1:${spec?.ports?.[0]?.nodePort}`;
  // Available pods are not enough: the rules of the node port follow their endpoints.
  if (await becomesTrue(() => answers(url), { timeoutMs: URL_TIMEOUT_MS, signal })) return { url };
  return signal.aborted ? {} : { problem: `${url} does not answer; ${look} services,pods` };
}
