/**
 * PodTopologyLabels: pods carry the zone and region of their node as labels, which the downward API can show
 * (upstream `plugin/pkg/admission/podtopologylabels`).
 */
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Lister } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { AdmissionAttributes, AdmissionPlugin } from './admission.ts';

const LABELS = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

interface Binding extends ApiObject {
  target?: { kind?: string; name?: string };
}

export function podTopologyLabels(nodes: Lister): AdmissionPlugin {
  return {
    name: 'PodTopologyLabels',
    mutate({ operation, resource, subresource, object }) {
      if (operation !== 'CREATE' || resource.names.plural !== 'pods' || resource.group !== '') return;
      const nodeName = nodeNameOf(object!, subresource);
      const topology = nodeName === undefined ? {} : topologyOf(nodes.get('', nodeName));
      if (Object.keys(topology).length === 0) return;
      // What is there already stays. Labels of a binding become the pod's.
      object!.metadata.labels = { ...topology, ...object!.metadata.labels };
    },
  };
}

function nodeNameOf(object: ApiObject, subresource: AdmissionAttributes['subresource']): string | undefined {
  if (subresource === '') return (object as Pod).spec?.nodeName;
  const { target } = object as Binding;
  return subresource === 'binding' && target?.kind === 'Node' ? target.name : undefined;
}

function topologyOf(node: ApiObject | undefined): Record<string, string> {
  const { labels = {} } = node?.metadata ?? {};
  return Object.fromEntries(LABELS.flatMap((label) => (label in labels ? [[label, labels[label]!]] : [])));
}
