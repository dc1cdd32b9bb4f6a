/** The volume plugins that the kubelet knows, by upstream's names, and which one a volume asks for. */
import type { Volume } from '../../api/core/v1/pod/types.ts';

export type VolumePlugin =
  | 'kubernetes.io/empty-dir'
  | 'kubernetes.io/host-path'
  | 'kubernetes.io/configmap'
  | 'kubernetes.io/secret'
  | 'kubernetes.io/downward-api'
  | 'kubernetes.io/projected'
  | 'kubernetes.io/local-volume'
  | 'kubernetes.io/persistent-claim';

/** Undefined for a source that no plugin here serves. */
export function pluginOf(volume: Volume): VolumePlugin | undefined {
  if (volume.configMap !== undefined) return 'kubernetes.io/configmap';
  if (volume.secret !== undefined) return 'kubernetes.io/secret';
  if (volume.downwardAPI !== undefined) return 'kubernetes.io/downward-api';
  if (volume.projected !== undefined) return 'kubernetes.io/projected';
  if (volume.hostPath !== undefined) return 'kubernetes.io/host-path';
  if (volume.persistentVolumeClaim !== undefined || volume.ephemeral !== undefined)
    return 'kubernetes.io/persistent-claim';
  return volume.emptyDir !== undefined ? 'kubernetes.io/empty-dir' : undefined;
}

/** As a name of a folder: `kubernetes.io~secret`. */
export function escapePluginName(plugin: VolumePlugin): string {
  return plugin.replace('/', '~');
}

/** Written by the kubelet only: containers see them read-only whatever they ask for. */
export function isAlwaysReadOnly(plugin: VolumePlugin): boolean {
  return (
    plugin === 'kubernetes.io/configmap' ||
    plugin === 'kubernetes.io/secret' ||
    plugin === 'kubernetes.io/downward-api' ||
    plugin === 'kubernetes.io/projected'
  );
}
