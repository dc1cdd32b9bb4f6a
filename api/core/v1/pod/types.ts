/** Wire types of the Pod family, as they travel: times are strings. */
import type {
  V1Affinity,
  V1Container,
  V1ContainerPort,
  V1ContainerStatus,
  V1EnvVar,
  V1EphemeralContainer,
  V1LifecycleHandler,
  V1Pod,
  V1PodSecurityContext,
  V1PodSpec,
  V1PodStatus,
  V1PodTemplateSpec,
  V1Probe,
  V1ResourceRequirements,
  V1SecurityContext,
  V1Toleration,
  V1TopologySpreadConstraint,
  V1Volume,
} from '@kubernetes/client-node';
import type { ApiObject, ObjectMeta, Wire } from '../../../machinery/meta.ts';

export type PodSpec = Wire<V1PodSpec>;
export type PodStatus = Wire<V1PodStatus>;

/** A decoded pod: defaulting has seen to it that `spec` is there. */
export type Pod = Omit<Wire<V1Pod>, 'metadata' | 'spec'> & ApiObject & { spec: PodSpec };

/** What controllers make pods from. */
export type PodTemplateSpec = Omit<Wire<V1PodTemplateSpec>, 'metadata' | 'spec'> & {
  metadata?: ObjectMeta;
  spec: PodSpec;
};

export type Container = Wire<V1Container>;
export type EphemeralContainer = Wire<V1EphemeralContainer>;
export type ContainerStatus = Wire<V1ContainerStatus>;
export type ContainerPort = Wire<V1ContainerPort>;
export type EnvVar = Wire<V1EnvVar>;
export type Probe = Wire<V1Probe>;
export type LifecycleHandler = Wire<V1LifecycleHandler>;
export type ResourceRequirements = Wire<V1ResourceRequirements>;
/** Quantities by resource name. */
export type ResourceList = Record<string, string>;
export type SecurityContext = Wire<V1SecurityContext>;
export type PodSecurityContext = Wire<V1PodSecurityContext>;
export type Affinity = Wire<V1Affinity>;
export type Toleration = Wire<V1Toleration>;
export type TopologySpreadConstraint = Wire<V1TopologySpreadConstraint>;
export type Volume = Wire<V1Volume>;

/** What regular, init and ephemeral containers have in common. */
export type AnyContainer = Container | EphemeralContainer;
