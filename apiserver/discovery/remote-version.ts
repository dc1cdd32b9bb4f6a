/** Entries of discovery's documents, and versions whose entries another server has. */
export interface ApiResourceEntry {
  name: string;
  singularName: string;
  namespaced: boolean;
  group?: string;
  version?: string;
  kind: string;
  verbs: string[];
  shortNames?: string[];
  categories?: string[];
  storageVersionHash?: string;
}

/** One version of a group that another server serves. */
export interface RemoteVersion {
  group: string;
  version: string;
  groupPriority: number;
  versionPriority: number;
  resources: readonly ApiResourceEntry[];
  isStale: boolean;
  /** Of its OpenAPI document in version 3, where it has one. */
  openApiUrl: string | undefined;
}
