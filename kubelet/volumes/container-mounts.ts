/**
 * What a container gets mounted, and which devices (upstream `pkg/kubelet/kubelet_pods.go`, `makeMounts` and
 * `makeBlockVolumes`): pure.
 */
import { normalize } from 'node:path/posix';
import type { AnyContainer } from '../../api/core/v1/pod/types.ts';
import { expandVariables } from '../env/expansion.ts';
import { ContainerConfigError } from '../env/environment.ts';
import type { Environment } from '../env/environment.ts';
import type { Device, Mount } from '../runtime.ts';
import type { MountedVolumes } from './volume-manager.ts';

const PROPAGATIONS: Readonly<Record<string, Mount['propagation']>> = {
  None: 'private',
  HostToContainer: 'host-to-container',
  Bidirectional: 'bidirectional',
};

/** In the container's order. Throws `ContainerConfigError` for what the pod's volumes cannot give. */
export function volumeMountsOf(container: AnyContainer, mounted: MountedVolumes, environment: Environment): Mount[] {
  const values = new Map(environment.map(({ key, value }) => [key, value]));
  return (container.volumeMounts ?? []).map((mount): Mount => {
    const volume = mounted.get(mount.name);
    if (volume === undefined) {
      throw new ContainerConfigError(
        `cannot find volume ${JSON.stringify(mount.name)} to mount into container ${JSON.stringify(container.name)}`,
      );
    }
    const subPath = mount.subPathExpr === undefined ? (mount.subPath ?? '') : expandSubPath(mount.subPathExpr, values);
    checkSubPath(subPath);
    return {
      containerPath: mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`,
      hostPath: volume.path,
      ...(subPath === '' ? {} : { subPath }),
      readOnly: volume.readOnly || mount.readOnly === true,
      propagation: PROPAGATIONS[mount.mountPropagation ?? 'None'] ?? 'private',
    };
  });
}

/** In the container's order. Throws `ContainerConfigError` for what the pod's volumes cannot give. */
export function volumeDevicesOf(container: AnyContainer, mounted: MountedVolumes): Device[] {
  return (container.volumeDevices ?? []).map(({ name, devicePath }): Device => {
    const volume = mounted.get(name);
    if (volume?.isDevice !== true) {
      const [missing, wanting] = [JSON.stringify(name), JSON.stringify(container.name)];
      throw new ContainerConfigError(`cannot find volume ${missing} to pass into container ${wanting}`);
    }
    const containerPath = devicePath.startsWith('/') ? devicePath : `/${devicePath}`;
    return { containerPath, hostPath: volume.path, readOnly: volume.readOnly };
  });
}

function expandSubPath(expression: string, values: ReadonlyMap<string, string>): string {
  const missing: string[] = [];
  const expanded = expandVariables(expression, (name) => {
    const value = values.get(name);
    if (value === undefined || value === '') missing.push(name);
    return value;
  });
  if (missing.length > 0) throw new ContainerConfigError(`missing value for ${JSON.stringify(missing[0])}`);
  return expanded;
}

/** The runtime resolves it below the volume, so that links cannot lead out; these texts are refused before. */
function checkSubPath(subPath: string): void {
  if (subPath.startsWith('/'))
    throw new ContainerConfigError(`error SubPath ${JSON.stringify(subPath)} must not be an absolute path`);
  if (subPath.split('/').includes('..')) {
    throw new ContainerConfigError(`unable to provision SubPath ${JSON.stringify(subPath)}: must not contain '..'`);
  }
}

/** A volume of the pod at the same place wins. The runtime orders them by depth. */
export function withManagedFiles(mounts: readonly Mount[], files: readonly Mount[]): Mount[] {
  const taken = new Set(mounts.map(placeOf));
  return [...files.filter((file) => !taken.has(placeOf(file))), ...mounts];
}

const placeOf = ({ containerPath }: Mount): string => normalize(`${containerPath}/`);
