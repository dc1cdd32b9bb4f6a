/** What the runtime is told of a container (upstream `kuberuntime_container.go`, `generateContainerConfig`): pure. */
import type { Container, Pod } from '../../api/core/v1/pod/types.ts';
import { expandCommand } from '../env/environment.ts';
import type { Environment } from '../env/environment.ts';
import type { ContainerConfig, Device, ImageInfo, Mount } from '../runtime.ts';
import { containerHash } from './container-kinds.ts';
import type { PodContainer } from './container-kinds.ts';
import {
  CONTAINER_HASH_ANNOTATION,
  CONTAINER_NAME_LABEL,
  CONTAINER_RESTART_COUNT_ANNOTATION,
  POD_NAME_LABEL,
  POD_NAMESPACE_LABEL,
  POD_TERMINATION_GRACE_PERIOD_ANNOTATION,
  POD_UID_LABEL,
  TERMINATION_MESSAGE_PATH_ANNOTATION,
  TERMINATION_MESSAGE_POLICY_ANNOTATION,
} from './labels.ts';
import { containerResources } from './linux-resources.ts';
import { containerSecurity } from './linux-security.ts';

/** Which sort of container it is: `init`, `sidecar`, `app` or `ephemeral`. */
export const CONTAINER_ROLE_ANNOTATION = 'nocher.io/container-role';

export interface ContainerConfigInput {
  restartCount: number;
  image: ImageInfo;
  environment: Environment;
  mounts: Mount[];
  devices: Device[];
  memoryCapacityBytes: number;
}

/** Throws `ContainerConfigError`. */
export function containerConfigOf(
  pod: Pod,
  { container, role }: PodContainer,
  input: ContainerConfigInput,
): ContainerConfig {
  const { name = '', namespace = '', uid = '' } = pod.metadata;
  const { restartCount, image, environment } = input;
  return {
    metadata: { name: container.name, attempt: restartCount },
    userSpecifiedImage: container.image ?? '',
    imageId: image.id,
    ...expandCommand(container, environment),
    workingDir: container.workingDir ?? '',
    envs: environment,
    mounts: input.mounts,
    ...(input.devices.length === 0 ? {} : { devices: input.devices }),
    labels: {
      [POD_NAME_LABEL]: name,
      [POD_NAMESPACE_LABEL]: namespace,
      [POD_UID_LABEL]: uid,
      [CONTAINER_NAME_LABEL]: container.name,
    },
    annotations: {
      [CONTAINER_HASH_ANNOTATION]: containerHash(container),
      [CONTAINER_RESTART_COUNT_ANNOTATION]: String(restartCount),
      [CONTAINER_ROLE_ANNOTATION]: role,
      [TERMINATION_MESSAGE_PATH_ANNOTATION]: container.terminationMessagePath ?? '/dev/termination-log',
      [TERMINATION_MESSAGE_POLICY_ANNOTATION]: container.terminationMessagePolicy ?? 'File',
      [POD_TERMINATION_GRACE_PERIOD_ANNOTATION]: String(pod.spec.terminationGracePeriodSeconds ?? 30),
    },
    logPath: `${container.name}/${restartCount}.log`,
    stdin: container.stdin === true,
    stdinOnce: (container as Container).stdinOnce === true,
    tty: container.tty === true,
    linux: {
      resources: containerResources(pod, container, input.memoryCapacityBytes),
      security: containerSecurity(pod, container, image),
    },
  };
}
