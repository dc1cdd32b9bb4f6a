/**
 * The messages of CRI `runtime.v1` that we use, with the field numbers of `k8s.io/cri-api/pkg/apis/runtime/v1/api.proto`.
 * What a runtime sends beyond them is skipped, as protobuf wants it.
 */

/** One word a field: name, type (`[]`: repeated; `map`: text to text), number. */
const MESSAGES: Readonly<Record<string, string>> = {
  Empty: '',
  Int64Value: 'value:int64=1',
  UInt64Value: 'value:uint64=1',
  VersionRequest: 'version:string=1',
  VersionResponse: 'version:string=1 runtimeName:string=2 runtimeVersion:string=3 runtimeApiVersion:string=4',
  StatusRequest: 'verbose:bool=1',
  StatusResponse: 'status:RuntimeStatus=1 info:map=2 features:RuntimeFeatures=4',
  RuntimeFeatures: 'supplementalGroupsPolicy:bool=1',
  RuntimeStatus: 'conditions:RuntimeCondition[]=1',
  RuntimeCondition: 'type:string=1 status:bool=2 reason:string=3 message:string=4',

  PodSandboxMetadata: 'name:string=1 uid:string=2 namespace:string=3 attempt:uint32=4',
  PodSandboxConfig:
    'metadata:PodSandboxMetadata=1 hostname:string=2 logDirectory:string=3 dnsConfig:DnsConfig=4 ' +
    'labels:map=6 annotations:map=7 linux:LinuxPodSandboxConfig=8',
  DnsConfig: 'servers:string[]=1 searches:string[]=2 options:string[]=3',
  LinuxPodSandboxConfig:
    'cgroupParent:string=1 securityContext:LinuxSandboxSecurityContext=2 sysctls:map=3 ' +
    'resources:LinuxContainerResources=5',
  LinuxSandboxSecurityContext: 'namespaceOptions:NamespaceOption=1 privileged:bool=6 seccomp:SecurityProfile=9',
  NamespaceOption: 'network:NamespaceMode=1 pid:NamespaceMode=2 ipc:NamespaceMode=3 targetId:string=4',
  SecurityProfile: 'profileType:ProfileType=1 localhostRef:string=2',
  RunPodSandboxRequest: 'config:PodSandboxConfig=1 runtimeHandler:string=2',
  PodSandboxId: 'podSandboxId:string=1',
  PodSandboxStatusResponse: 'status:PodSandboxStatus=1',
  PodSandboxStatus:
    'id:string=1 metadata:PodSandboxMetadata=2 state:PodSandboxState=3 createdAt:int64=4 ' +
    'network:PodSandboxNetworkStatus=5 labels:map=7 annotations:map=8',
  PodSandboxNetworkStatus: 'ip:string=1 additionalIps:PodIp[]=2',
  PodIp: 'ip:string=1',
  ListPodSandboxRequest: 'filter:PodSandboxFilter=1',
  PodSandboxFilter: 'id:string=1 labelSelector:map=3',
  ListPodSandboxResponse: 'items:PodSandbox[]=1',
  PodSandbox:
    'id:string=1 metadata:PodSandboxMetadata=2 state:PodSandboxState=3 createdAt:int64=4 labels:map=5 annotations:map=6',

  ContainerMetadata: 'name:string=1 attempt:uint32=2',
  ContainerConfig:
    'metadata:ContainerMetadata=1 image:ImageSpec=2 command:string[]=3 args:string[]=4 workingDir:string=5 ' +
    'envs:KeyValue[]=6 mounts:Mount[]=7 devices:Device[]=8 labels:map=9 annotations:map=10 logPath:string=11 ' +
    'stdin:bool=12 stdinOnce:bool=13 tty:bool=14 linux:LinuxContainerConfig=15',
  ImageSpec: 'image:string=1 annotations:map=2 userSpecifiedImage:string=18',
  KeyValue: 'key:string=1 value:string=2',
  Mount: 'containerPath:string=1 hostPath:string=2 readonly:bool=3 propagation:MountPropagation=5',
  Device: 'containerPath:string=1 hostPath:string=2 permissions:string=3',
  LinuxContainerConfig: 'resources:LinuxContainerResources=1 securityContext:LinuxContainerSecurityContext=2',
  LinuxContainerResources:
    'cpuPeriod:int64=1 cpuQuota:int64=2 cpuShares:int64=3 memoryLimitInBytes:int64=4 oomScoreAdj:int64=5 unified:map=9',
  LinuxContainerSecurityContext:
    'capabilities:Capability=1 privileged:bool=2 namespaceOptions:NamespaceOption=3 runAsUser:Int64Value=5 ' +
    'runAsUsername:string=6 readonlyRootfs:bool=7 supplementalGroups:int64[]=8 noNewPrivs:bool=11 ' +
    'runAsGroup:Int64Value=12 maskedPaths:string[]=13 readonlyPaths:string[]=14 seccomp:SecurityProfile=15 ' +
    'supplementalGroupsPolicy:SupplementalGroupsPolicy=17',
  Capability: 'addCapabilities:string[]=1 dropCapabilities:string[]=2',
  CreateContainerRequest: 'podSandboxId:string=1 config:ContainerConfig=2 sandboxConfig:PodSandboxConfig=3',
  ContainerId: 'containerId:string=1',
  UpdateContainerResourcesRequest: 'containerId:string=1 linux:LinuxContainerResources=2',
  StopContainerRequest: 'containerId:string=1 timeout:int64=2',
  ListContainersRequest: 'filter:ContainerFilter=1',
  ContainerFilter: 'id:string=1 podSandboxId:string=3 labelSelector:map=4',
  ListContainersResponse: 'containers:Container[]=1',
  Container:
    'id:string=1 podSandboxId:string=2 metadata:ContainerMetadata=3 image:ImageSpec=4 imageRef:string=5 ' +
    'state:ContainerState=6 createdAt:int64=7 labels:map=8 annotations:map=9 imageId:string=10',
  ContainerStatusResponse: 'status:ContainerStatus=1',
  ContainerStatus:
    'id:string=1 metadata:ContainerMetadata=2 state:ContainerState=3 createdAt:int64=4 startedAt:int64=5 ' +
    'finishedAt:int64=6 exitCode:int32=7 image:ImageSpec=8 imageRef:string=9 reason:string=10 message:string=11 ' +
    'labels:map=12 annotations:map=13 logPath:string=15 imageId:string=17',

  ExecSyncRequest: 'containerId:string=1 cmd:string[]=2 timeout:int64=3',
  ExecSyncResponse: 'stdout:bytes=1 stderr:bytes=2 exitCode:int32=3',
  ExecRequest: 'containerId:string=1 cmd:string[]=2 tty:bool=3 stdin:bool=4 stdout:bool=5 stderr:bool=6',
  AttachRequest: 'containerId:string=1 stdin:bool=2 tty:bool=3 stdout:bool=4 stderr:bool=5',
  PortForwardRequest: 'podSandboxId:string=1 port:int32[]=2',
  StreamingUrl: 'url:string=1',

  ListContainerStatsRequest: 'filter:ContainerStatsFilter=1',
  ContainerStatsFilter: 'id:string=1 podSandboxId:string=2 labelSelector:map=3',
  ListContainerStatsResponse: 'stats:ContainerStats[]=1',
  ContainerStats: 'attributes:ContainerAttributes=1 cpu:CpuUsage=2 memory:MemoryUsage=3',
  ContainerAttributes: 'id:string=1 metadata:ContainerMetadata=2 labels:map=3 annotations:map=4',
  CpuUsage: 'timestamp:int64=1 usageCoreNanoSeconds:UInt64Value=2',
  MemoryUsage: 'timestamp:int64=1 workingSetBytes:UInt64Value=2 usageBytes:UInt64Value=4',
  ContainerEvent:
    'containerId:string=1 containerEventType:ContainerEventType=2 createdAt:int64=3 podSandboxStatus:PodSandboxStatus=4',

  Image: 'id:string=1 repoTags:string[]=2 repoDigests:string[]=3 size:uint64=4 uid:Int64Value=5 username:string=6',
  ImageRequest: 'image:ImageSpec=1 verbose:bool=2',
  ListImagesResponse: 'images:Image[]=1',
  ImageStatusResponse: 'image:Image=1 info:map=2',
  AuthConfig:
    'username:string=1 password:string=2 auth:string=3 serverAddress:string=4 identityToken:string=5 registryToken:string=6',
  PullImageRequest: 'image:ImageSpec=1 auth:AuthConfig=2',
  PullImageResponse: 'imageRef:string=1',
};

/** Values in the order of their numbers, from 0. */
const ENUMS: Readonly<Record<string, readonly string[]>> = {
  NamespaceMode: ['POD', 'CONTAINER', 'NODE', 'TARGET'],
  SupplementalGroupsPolicy: ['Merge', 'Strict'],
  ProfileType: ['RuntimeDefault', 'Unconfined', 'Localhost'],
  PodSandboxState: ['SANDBOX_READY', 'SANDBOX_NOTREADY'],
  ContainerState: ['CONTAINER_CREATED', 'CONTAINER_RUNNING', 'CONTAINER_EXITED', 'CONTAINER_UNKNOWN'],
  MountPropagation: ['PROPAGATION_PRIVATE', 'PROPAGATION_HOST_TO_CONTAINER', 'PROPAGATION_BIDIRECTIONAL'],
  ContainerEventType: [
    'CONTAINER_CREATED_EVENT',
    'CONTAINER_STARTED_EVENT',
    'CONTAINER_STOPPED_EVENT',
    'CONTAINER_DELETED_EVENT',
  ],
};

/** Request and response of each call. Messages of one shape share one name here: names are not on the wire. */
const RUNTIME_CALLS: Readonly<Record<string, readonly [string, string]>> = {
  Version: ['VersionRequest', 'VersionResponse'],
  Status: ['StatusRequest', 'StatusResponse'],
  RunPodSandbox: ['RunPodSandboxRequest', 'PodSandboxId'],
  StopPodSandbox: ['PodSandboxId', 'Empty'],
  RemovePodSandbox: ['PodSandboxId', 'Empty'],
  PodSandboxStatus: ['PodSandboxId', 'PodSandboxStatusResponse'],
  ListPodSandbox: ['ListPodSandboxRequest', 'ListPodSandboxResponse'],
  CreateContainer: ['CreateContainerRequest', 'ContainerId'],
  StartContainer: ['ContainerId', 'Empty'],
  StopContainer: ['StopContainerRequest', 'Empty'],
  RemoveContainer: ['ContainerId', 'Empty'],
  ListContainers: ['ListContainersRequest', 'ListContainersResponse'],
  ContainerStatus: ['ContainerId', 'ContainerStatusResponse'],
  UpdateContainerResources: ['UpdateContainerResourcesRequest', 'Empty'],
  ReopenContainerLog: ['ContainerId', 'Empty'],
  ExecSync: ['ExecSyncRequest', 'ExecSyncResponse'],
  Exec: ['ExecRequest', 'StreamingUrl'],
  Attach: ['AttachRequest', 'StreamingUrl'],
  PortForward: ['PortForwardRequest', 'StreamingUrl'],
  ListContainerStats: ['ListContainerStatsRequest', 'ListContainerStatsResponse'],
  GetContainerEvents: ['Empty', 'ContainerEvent'],
};

const IMAGE_CALLS: Readonly<Record<string, readonly [string, string]>> = {
  ListImages: ['Empty', 'ListImagesResponse'],
  ImageStatus: ['ImageRequest', 'ImageStatusResponse'],
  PullImage: ['PullImageRequest', 'PullImageResponse'],
  RemoveImage: ['ImageRequest', 'Empty'],
};

const STREAMS = new Set(['GetContainerEvents']);

interface Field {
  type: string;
  id: number;
  rule?: 'repeated';
  keyType?: 'string';
}

function fieldsOf(text: string): Record<string, Field> {
  const words = text.split(' ').filter((word) => word !== '');
  return Object.fromEntries(
    words.map((word) => {
      const [, name, type, isRepeated, id] = /^(\w+):(\w+)(\[\])?=(\d+)$/.exec(word)!;
      const field: Field = { type: type!, id: Number(id) };
      if (isRepeated !== undefined) field.rule = 'repeated';
      if (type === 'map') Object.assign(field, { keyType: 'string', type: 'string' });
      return [name, field];
    }),
  );
}

function serviceOf(calls: Readonly<Record<string, readonly [string, string]>>): object {
  const methods = Object.entries(calls).map(([name, [requestType, responseType]]) => [
    name,
    { requestType, responseType, ...(STREAMS.has(name) ? { responseStream: true } : {}) },
  ]);
  return { methods: Object.fromEntries(methods) };
}

/** As protobufjs writes a schema in JSON. */
export function wireFormat(): object {
  const messages = Object.entries(MESSAGES).map(([name, text]) => [name, { fields: fieldsOf(text) }]);
  const enums = Object.entries(ENUMS).map(([name, values]) => [
    name,
    { values: Object.fromEntries(values.map((value, index) => [value, index])) },
  ]);
  const services = { RuntimeService: serviceOf(RUNTIME_CALLS), ImageService: serviceOf(IMAGE_CALLS) };
  const nested = { ...Object.fromEntries([...messages, ...enums]), ...services };
  return { nested: { runtime: { nested: { v1: { nested } } } } };
}
