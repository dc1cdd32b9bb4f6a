/** What a node of this machine is made from. */
import type { Logger } from '../base/log.ts';
import type { Certificates } from './certificates.ts';
import type { UpConfig } from './config.ts';
import type { ControlPlane } from './control-plane.ts';
import type { ChosenSettings, DataFolder } from './data-folder.ts';
import type { NearbyNodes } from './node-usage.ts';

export interface NodeOptions {
  config: UpConfig;
  folder: DataFolder;
  settings: ChosenSettings;
  certificates: Certificates;
  controlPlane: ControlPlane;
  /** Where kubelets that have no server say what their nodes use. */
  nearby: NearbyNodes;
  log: Logger;
  /** Told to the user in one line each. */
  note(text: string): void;
}
