/**
 * A metrics adapter as small as it can be: serves custom.metrics.k8s.io and external.metrics.k8s.io, where every metric
 * has the value in a file. Plain JavaScript: it runs in a cluster's network namespace, in a process of its own.
 *
 *   node metrics-adapter.mjs FOLDER      (tls.crt, tls.key and value in the folder)
 *
 * Prints `{"address": …, "port": …}` when it listens.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';

const [folder] = process.argv.slice(2);
const read = (name) => readFileSync(join(folder, name), 'utf8').trim();

function answerTo(url) {
  const [, , group, version, , namespace, ...object] = url.split('?')[0].split('/');
  const groupVersion = `${group}/${version}`;
  if (namespace === undefined) return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: [] };
  const common = { timestamp: new Date().toISOString(), value: read('value') };
  if (group === 'external.metrics.k8s.io') {
    const items = [{ ...common, metricName: object[0], metricLabels: {} }];
    return { kind: 'ExternalMetricValueList', apiVersion: groupVersion, metadata: {}, items };
  }
  const [, name, metric] = object;
  const items = [{ ...common, describedObject: { namespace, name }, metric: { name: metric } }];
  return { kind: 'MetricValueList', apiVersion: groupVersion, metadata: {}, items };
}

const server = createServer({ cert: read('tls.crt'), key: read('tls.key') }, ({ url }, response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(answerTo(url)));
});
const address = Object.values(networkInterfaces())
  .flat()
  .find(({ internal, family }) => !internal && family === 'IPv4').address;
server.listen(0, address, () => process.stdout.write(`${JSON.stringify({ address, port: server.address().port })}\n`));
